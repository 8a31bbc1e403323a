// Pemba: results are given before all are known.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import Testing

@testable import PembaGraph

/// Goal: whoever asks for a list gets its beginning while the rest is still being put together, and never a result that
/// may still change.
@Suite("Results before all are known")
struct EarlyResultTests {
    private static let source = """
        definition user {}
        definition group {
            relation member: user | user:*
            relation banned: user
            permission active = member - banned
        }
        """
    private static let count = 2_000

    /// Runs a lookup, taking what is ready after each slice; gives how many there were when it was not done.
    private func take(_ run: () throws -> Bool, taken: () -> Int) rethrows -> Int {
        var early = 0
        while true {
            let isDone = try run()
            let count = taken()
            if isDone { return early }
            early += count
        }
    }

    @Test("resources come in order while others are still put in order")
    func resources() throws {
        let graph = try graph(Self.source)
        for number in 0..<Self.count { try graph.add("group:\(number * 7919 % Self.count)#member@user:ann") }
        let request = LookupResourcesRequest(
            permissions: [TypePermission(type: "group", permission: "active")],
            subject: SubjectReference(type: "user", id: "ann")
        )
        let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request)
        var ids: [String] = []
        let early = try take(
            { try lookup.run(slice: 100) },
            taken: {
                lookup.nextBatch(.max) { _, id, _ in ids.append(String(decoding: id, as: UTF8.self)) }
            }
        )
        #expect(early > Self.count / 2, "\(early)")
        #expect(ids == (0..<Self.count).map { String($0) }.sorted { $0.precedesByBytes($1) })
        #expect(lookup.waitingCount == 0 && lookup.next == nil)
    }

    @Test("a wildcard comes with everybody for whom it does not stand, and nobody before it")
    func wildcard() throws {
        let graph = try graph(Self.source)
        try graph.add("group:a#member@user:*")
        for number in 0..<Self.count { try graph.add("group:a#banned@user:\(number)") }
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "group", id: "a"),
            permissions: ["active", "banned"],
            kinds: [SubjectKind(type: "user")]
        )
        let lookup = try SubjectLookup(graph: graph, basis: graph.presentBasis, request: request)
        var subjects: [FoundSubject] = []
        let early = try take(
            { try lookup.run(slice: 50) },
            taken: { lookup.nextBatch(.max) { subjects.append($0) } }
        )
        #expect(early > Self.count / 2, "\(early)")
        #expect(subjects.first?.id == "*" && subjects.first?.excluded.count == Self.count)
        #expect(subjects.count == Self.count + 1 && lookup.waitingCount == 0)
    }
}
