// Pemba: reading relationships page by page.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
package import PembaService

/// Reads what a filter means from a cursor on, at most so many.
package struct RelationshipReading: Sendable {
    private let filter: RelationshipFilter
    private let consistency: Consistency
    private let cursor: ReadCursor?
    private let limit: Int

    /// Reads after `cursor`, or from the beginning; nil for `limit` reads all.
    package init(filter: RelationshipFilter, consistency: Consistency?, after cursor: ReadCursor?, limit: Int?) {
        self.filter = filter
        self.consistency = consistency ?? .minimizeLatency
        self.cursor = cursor
        self.limit = limit ?? .max
    }

    /// Calls `body` with each of them, in order; gives where to go on if there may be more.
    package func run(_ client: PembaClient, _ body: (RelationTuple) throws -> Void) async throws -> ReadCursor? {
        var request = ReadRequest(consistency: consistency, filter: filter, cursor: cursor, limit: 1)
        var left = limit
        while true {
            request.limit = min(left, Limits.tuplesPerReadPage)
            let answer = try await client.read(request)
            for tuple in answer.tuples { try body(tuple) }
            left -= answer.tuples.count
            guard let next = answer.next, left > 0 else { return answer.next }
            request.cursor = next
            request.consistency =
                request.isOfOneRevision ? .atExactSnapshot(answer.zookie) : .atLeastAsFresh(answer.zookie)
        }
    }
}
