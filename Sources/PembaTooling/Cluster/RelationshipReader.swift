// Pemba: reading many relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// Reads every tuple that matches, page by page.
package struct RelationshipReader {
    private let client: PembaClient
    private let filter: RelationshipFilter
    private let consistency: Consistency
    private let limit: Int?

    /// Reads what matches `filter`, at most `limit` tuples if one is given.
    package init(client: PembaClient, filter: RelationshipFilter, consistency: Consistency, limit: Int?) {
        self.client = client
        self.filter = filter
        self.consistency = consistency
        self.limit = limit
    }

    /// Hands each page to `body`, in the order of reads. Each page is at least as fresh as the one before.
    package func forEachPage(_ body: ([RelationTuple]) throws -> Void) async throws {
        if let limit, limit < 1 { throw ToolError("--limit is at least 1, not \(limit)") }
        var left = limit ?? .max
        var request = ReadRequest(consistency: consistency, filter: filter, limit: min(left, Limits.tuplesPerReadPage))
        while true {
            let page = try await client.read(request)
            try body(page.tuples)
            left -= page.tuples.count
            guard let next = page.next, left > 0 else { return }
            request.cursor = next
            request.consistency = .atLeastAsFresh(page.zookie)
            request.limit = min(left, Limits.tuplesPerReadPage)
        }
    }
}
