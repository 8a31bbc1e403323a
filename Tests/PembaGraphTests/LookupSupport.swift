// Pemba: what the tests of lookups share.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import Testing

@testable import PembaGraph

extension Graph {
    /// Looks resources up page by page.
    func pages(
        _ request: LookupResourcesRequest,
        of size: Int,
        slice: Int = 7,
        in basis: Basis? = nil
    ) throws -> [FoundResource] {
        var request = request
        request.limit = size
        var all: [FoundResource] = []
        while true {
            let lookup = try ResourceLookup(graph: self, basis: basis ?? presentBasis, request: request)
            while try !lookup.run(slice: slice) {}
            while lookup.nextBatch(
                3,
                {
                    all.append(FoundResource(permission: $0, id: String(decoding: $1, as: UTF8.self), decision: $2))
                }
            ) > 0 {}
            #expect(lookup.resultCount <= size)
            guard let next = lookup.next else { return all }
            request.cursor = next.cursor
        }
    }

    /// Looks subjects up page by page.
    func pages(
        _ request: LookupSubjectsRequest,
        of size: Int,
        slice: Int = 7,
        in basis: Basis? = nil
    ) throws -> [FoundSubject] {
        var request = request
        request.limit = size
        var all: [FoundSubject] = []
        while true {
            let lookup = try SubjectLookup(graph: self, basis: basis ?? presentBasis, request: request)
            while try !lookup.run(slice: slice) {}
            while lookup.nextBatch(3, { all.append($0) }) > 0 {}
            #expect(lookup.resultCount <= size)
            guard let next = lookup.next else { return all }
            request.cursor = next.cursor
        }
    }
}

extension LookupPosition {
    /// A cursor that goes on here.
    var cursor: LookupCursor {
        LookupCursor(
            zookie: Zookie(cluster: ClusterID(high: 1, low: 1), epoch: Epoch(1), revision: .zero),
            queryChecksum: 0,
            permission: permission,
            kind: kind,
            id: id
        )
    }
}
