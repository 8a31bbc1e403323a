// Pemba: the work that the worst data takes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import Testing

@testable import PembaGraph

/// Goal: the work of a check is linear in what it can reach, with conditions and times as without.
///
/// Work is counted in visits, so that nothing here depends on the machine.
@Suite("Worst cases")
struct WorstCaseTests {
    private static let source = """
        use expiration
        definition user {}
        caveat late(hour int) { hour > 20 }
        definition group {
            relation member: user | group#member | user with late | group#member with late | user with expiration
            relation parent: group | group with late
            relation banned: user
            permission all = member + parent.all(all)
            permission active = (member + parent->active) - banned
        }
        """

    private func answer(
        _ graph: Graph,
        _ text: String,
        budget: Int,
        _ context: String = "{}"
    ) throws -> Decision {
        let question = try tuple(text)
        let item = CheckItem(
            resource: question.resource,
            permission: question.relation,
            subject: question.subject,
            context: try ContextObject(parsing: context)
        )
        return try graph.check(item, budget: budget)
    }

    @Test("a diamond of 30 levels is visited once a node for certainty and once for possibility")
    func diamond() throws {
        let graph = try graph(Self.source)
        for level in 0..<30 {
            for (left, right) in [("l", "l"), ("l", "r"), ("r", "l"), ("r", "r")] {
                try graph.add("group:\(left)\(level)#member@group:\(right)\(level + 1)#member[late]")
                try graph.add("group:\(left)\(level)#parent@group:\(right)\(level + 1)[late]")
            }
        }
        try graph.add("group:l30#member@user:ann")
        // Four entries a level, each looked at once for either question, and once for what is missing.
        let budget = 30 * 4 * 12
        let missing = Decision(.conditional, missingContext: ["hour"])
        #expect(try answer(graph, "group:l0#member@user:ann", budget: budget) == missing)
        #expect(try answer(graph, "group:l0#member@user:ann", budget: budget, #"{"hour":21}"#) == .has)
        #expect(try answer(graph, "group:l0#member@user:ann", budget: budget, #"{"hour":20}"#) == .hasNot)
        #expect(try answer(graph, "group:l0#active@user:ann", budget: 2 * budget) == missing)
        #expect(try answer(graph, "group:l0#member@user:bob", budget: budget) == .hasNot)
    }

    @Test("a cycle of 10,000 groups is gone around once, with conditions twice")
    func cycle() throws {
        let graph = try graph(Self.source)
        let length = 10_000
        for number in 0..<length {
            try graph.add("group:\(number)#member@group:\((number + 1) % length)#member[late]")
        }
        #expect(try answer(graph, "group:0#member@user:ann", budget: 6 * length) == .hasNot)
        try graph.add("group:\(length - 1)#member@user:ann")
        let missing = Decision(.conditional, missingContext: ["hour"])
        #expect(try answer(graph, "group:0#member@user:ann", budget: 12 * length) == missing)
        #expect(try answer(graph, "group:0#member@user:ann", budget: 3 * length, #"{"hour":21}"#) == .has)
    }

    @Test("a row of 1,000,000 subjects is probed, plain and with traits")
    func wideRow() throws {
        let graph = Graph(capacity: .small)
        try graph.replaceSchema(schema(Self.source))
        var tuple = try tuple("group:wide#member@user:0")
        for number in 0..<1_000_000 {
            tuple.subject.object.id = String(number)
            tuple.caveat = number % 100 == 0 ? CaveatReference(name: "late") : nil
            graph.put(tuple)
        }
        try graph.add("group:top#member@group:wide#member")
        #expect(try answer(graph, "group:top#member@user:999999", budget: 10) == .has)
        let missing = Decision(.conditional, missingContext: ["hour"])
        #expect(try answer(graph, "group:top#member@user:500000", budget: 20) == missing)
        #expect(try answer(graph, "group:top#member@user:stranger", budget: 10) == .hasNot)
    }

    @Test("`.all` over 100,000 looks at each once, and ends at the first that fails")
    func all() throws {
        let graph = Graph(capacity: .small)
        try graph.replaceSchema(schema(Self.source))
        let width = 100_000
        for number in 0..<width {
            try graph.add("group:top#parent@group:\(number)")
            try graph.add("group:\(number)#member@user:ann")
        }
        #expect(try answer(graph, "group:top#all@user:ann", budget: 6 * width) == .has)
        #expect(try answer(graph, "group:top#all@user:bob", budget: 100) == .hasNot)
        #expect(throws: GraphError.budgetExceeded(width / 2)) {
            try answer(graph, "group:top#all@user:ann", budget: width / 2)
        }
    }
}
