// Pemba: tests of what one lookup may ask for and cost.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

@Suite("Limits of lookups") struct LookupLimitTests {
    private static let source = """
        definition user {}
        definition group {
            relation member: user | group#member
        }
        """
    private static let ann = SubjectReference(type: "user", id: "ann")
    private static let member = TypePermission(type: "group", permission: "member")

    /// A hundred groups, each in the next, with ann in the first.
    private func chain() throws -> Graph {
        let graph = try graph(Self.source, ["group:0#member@user:ann"])
        for number in 1..<100 { try graph.add("group:\(number)#member@group:\(number - 1)#member") }
        return graph
    }

    private func resources(_ graph: Graph, budget: Int) throws(GraphError) -> Int {
        let request = LookupResourcesRequest(permissions: [Self.member], subject: Self.ann)
        let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request, budget: budget)
        while try !lookup.run(slice: 1_000) { _ = lookup.nextBatch(.max) { _, _, _ in } }
        return lookup.resultCount
    }

    private func subjects(_ graph: Graph, budget: Int) throws(GraphError) -> Int {
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "group", id: "99"),
            permissions: ["member"],
            kinds: [SubjectKind(type: "user"), SubjectKind(type: "group", relation: "member")]
        )
        let lookup = try SubjectLookup(graph: graph, basis: graph.presentBasis, request: request, budget: budget)
        while try !lookup.run(slice: 1_000) { _ = lookup.nextBatch(.max) { _ in } }
        return lookup.resultCount
    }

    @Test("a lookup that visits more than it may ends with an error, never with a part as if it were all")
    func budgets() throws {
        let graph = try chain()
        #expect(try resources(graph, budget: 10_000) == 100)
        #expect(try subjects(graph, budget: 10_000) == 101)
        #expect(throws: GraphError.budgetExceeded(50)) { try resources(graph, budget: 50) }
        #expect(throws: GraphError.budgetExceeded(50)) { try subjects(graph, budget: 50) }
    }

    private func refusal(
        permissions: [TypePermission] = [member],
        candidates: [String]? = nil,
        limit: Int? = nil
    ) throws -> String {
        let graph = try chain()
        var request = LookupResourcesRequest(permissions: permissions, subject: Self.ann)
        request.candidates = candidates
        request.limit = limit
        do {
            _ = try graph.lookupResources(request)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("too much, nothing, and the same twice are named")
    func rules() throws {
        let many = (0...Limits.lookupCandidates).map { "\($0)" }
        #expect(try refusal(candidates: many).contains("at most \(Limits.lookupCandidates) candidates"))
        #expect(try refusal(candidates: Array(many.dropLast())) == "accepted")
        #expect(try refusal(permissions: []).contains("1 to \(Limits.permissionsPerLookup) permissions, not 0"))
        #expect(try refusal(permissions: [Self.member, Self.member]).contains("once"))
        #expect(try refusal(limit: 0).contains("at least one result"))
        #expect(try refusal(candidates: []) == "accepted")
    }
}
