// Pemba: lookups, case by case.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

@Suite("Lookups")
struct LookupTests {
    private static let schema = """
        definition user {}
        definition document {
            relation viewer: user | user:*
            relation banned: user
            permission view = viewer - banned
        }
        """

    /// What a lookup restricted to some ids, or to a beginning of ids, finds.
    private func found(
        _ graph: Graph,
        candidates: [String]? = nil,
        prefix: String = "",
        page: Int? = nil
    ) throws -> [String] {
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "document", id: "plan"),
            permissions: ["view"],
            kinds: [SubjectKind(type: "user")],
            candidates: candidates,
            idPrefix: prefix
        )
        let found = try page.map { try graph.pages(request, of: $0) } ?? graph.lookupSubjects(request)
        return found.map { ([$0.id] + $0.excluded.map(\.id)).joined(separator: " - ") }
    }

    /// A wildcard may stand for the ids that were asked for, so it is given with them, and with all whom it leaves out.
    @Test func aRestrictedLookupGivesTheWildcard() throws {
        let graph = try graph(
            Self.schema,
            [
                "document:plan#viewer@user:*", "document:plan#viewer@user:ann", "document:plan#viewer@user:bob",
                "document:plan#banned@user:eve",
            ]
        )
        #expect(try found(graph) == ["* - eve", "ann", "bob"])
        #expect(try found(graph, candidates: ["bob", "zoe"]) == ["* - eve", "bob"])
        #expect(try found(graph, candidates: ["eve"]) == ["* - eve"])
        #expect(try found(graph, prefix: "a") == ["* - eve", "ann"])
        #expect(try found(graph, candidates: ["bob", "ann"], page: 1) == ["* - eve", "ann", "bob"])
    }

    /// Without a wildcard only those that were asked for are given.
    @Test func aRestrictedLookupWithoutAWildcardHasNone() throws {
        let graph = try graph(Self.schema, ["document:plan#viewer@user:ann", "document:plan#viewer@user:bob"])
        #expect(try found(graph, candidates: ["bob", "zoe"]) == ["bob"])
        #expect(try found(graph, candidates: ["*"]) == [])
    }
}
