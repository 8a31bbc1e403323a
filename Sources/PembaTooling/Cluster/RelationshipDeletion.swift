// Pemba: deleting what a filter means, however much it is.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// Deletes what a filter means in as many requests as that takes, and shows how far it is.
package struct RelationshipDeletion: Sendable {
    /// Relationships of one request: few enough that others get their turn in between.
    private static let batch = 10_000

    private let filter: RelationshipFilter
    private let limit: UInt64?
    private let preconditions: [Precondition]
    private let metadata: ContextObject

    /// Deletes at most `limit` relationships; nil for all.
    ///
    /// `preconditions` must hold before the first is deleted; the deletion itself may change that.
    package init(
        filter: RelationshipFilter,
        limit: UInt64? = nil,
        preconditions: [Precondition] = [],
        metadata: ContextObject = .empty
    ) {
        self.filter = filter
        self.limit = limit
        self.preconditions = preconditions
        self.metadata = metadata
    }

    /// Deletes them; an error says how many were deleted before.
    package func run(_ client: PembaClient) async throws -> DeletionReport {
        var deleted: UInt64 = 0
        var cursor: ReadCursor?
        var progress = Progress("deleting")
        while true {
            let batch = min(limit.map { $0 - deleted } ?? .max, UInt64(RelationshipDeletion.batch))
            let request = DeleteRequest(
                filter: filter,
                preconditions: cursor == nil ? preconditions : [],
                limit: Int(batch),
                allowsPartial: true,
                cursor: cursor,
                metadata: metadata
            )
            let answer: DeleteAnswer
            do {
                answer = try await client.delete(request)
            } catch {
                guard deleted > 0 else { throw error }
                throw ToolError("\(error); \(deleted) relationships were deleted before")
            }
            deleted += answer.deleted
            cursor = answer.next
            progress.update(Int(clamping: deleted))
            if answer.isComplete || deleted == limit {
                progress.finish(Int(clamping: deleted))
                return DeletionReport(deleted: deleted, complete: answer.isComplete, zookie: answer.zookie)
            }
        }
    }
}
