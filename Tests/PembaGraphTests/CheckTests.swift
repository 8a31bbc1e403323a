// Pemba: tests of checks, rule by rule.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Checks")
struct CheckTests {
    private static let documents = """
        definition user {}
        definition group {
            relation member: user | group#member
            relation everybody: user:*
        }
        definition folder {
            relation parent: folder
            relation viewer: user | group#member
            permission view = viewer + parent->view
        }
        definition document {
            relation parent: folder
            relation owner: user
            relation viewer: user | user:* | group#member
            relation banned: user | group#member
            relation approver: user
            permission edit = owner
            permission view = (viewer + edit + parent->view) - banned
            permission publish = edit & approver
            permission inherit = parent.all(view)
            permission nobody = nil
        }
        """

    @Test("direct tuples, unions and computed usersets")
    func direct() throws {
        let graph = try graph(Self.documents, ["document:1#owner@user:ann", "document:1#viewer@user:bob"])
        #expect(try graph.has("document:1#owner@user:ann"))
        #expect(try graph.has("document:1#view@user:ann"))
        #expect(try graph.has("document:1#view@user:bob"))
        #expect(try !graph.has("document:1#edit@user:bob"))
        #expect(try !graph.has("document:2#view@user:bob"))
        #expect(try !graph.has("document:1#view@user:stranger"))
        #expect(try !graph.has("document:1#nobody@user:ann"))
    }

    @Test("usersets and arrows, nested")
    func nested() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#parent@folder:a", "folder:a#parent@folder:b", "folder:b#viewer@group:x#member",
                "group:x#member@group:y#member", "group:y#member@user:ann",
            ]
        )
        #expect(try graph.has("document:1#view@user:ann"))
        #expect(try graph.has("document:1#view@group:y#member"))
        #expect(try !graph.has("document:1#view@user:bob"))
        #expect(try !graph.has("document:1#view@group:y"))
    }

    @Test("intersection and exclusion")
    func setOperations() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#owner@user:ann", "document:1#owner@user:bob", "document:1#approver@user:bob",
                "document:1#approver@user:eve", "document:1#banned@group:out#member", "group:out#member@user:ann",
            ]
        )
        #expect(try graph.has("document:1#publish@user:bob"))
        #expect(try !graph.has("document:1#publish@user:ann"))
        #expect(try !graph.has("document:1#publish@user:eve"))
        #expect(try graph.has("document:1#view@user:bob"))
        #expect(try !graph.has("document:1#view@user:ann"))
    }

    @Test("a wildcard means every subject of the type, usersets included")
    func wildcard() throws {
        let graph = try graph(Self.documents, ["document:1#viewer@user:*", "group:g#everybody@user:*"])
        #expect(try graph.has("document:1#view@user:anyone"))
        #expect(try graph.has("group:g#everybody@user:anyone"))
        #expect(try !graph.has("document:1#view@group:g#member"))
        try graph.drop("document:1#viewer@user:*")
        #expect(try !graph.has("document:1#view@user:anyone"))
        let wide = try self.graphOfGroups()
        #expect(try wide.has("room:1#guest@group:any#member"))
    }

    private func graphOfGroups() throws -> Graph {
        try graph(
            "definition user {}\ndefinition group { relation member: user; }\ndefinition room { relation guest: group:*; }",
            ["room:1#guest@group:*"]
        )
    }

    @Test("`.all` needs one object and each of them")
    func all() throws {
        let graph = try graph(
            Self.documents,
            ["document:1#parent@folder:a", "document:1#parent@folder:b", "folder:a#viewer@user:ann"]
        )
        #expect(try !graph.has("document:1#inherit@user:ann"))
        try graph.add("folder:b#viewer@user:ann")
        #expect(try graph.has("document:1#inherit@user:ann"))
        #expect(try !graph.has("document:2#inherit@user:ann"))
    }

    @Test("`.all` over a type that lacks the permission is nobody; `->` passes it over")
    func missingPermission() throws {
        let source = """
            definition user {}
            definition team { relation lead: user; }
            definition org { relation admin: user; }
            definition project {
                relation owner: team | org
                permission some = owner->lead
                permission every = owner.all(lead)
            }
            """
        let graph = try graph(source, ["project:1#owner@team:t", "team:t#lead@user:ann"])
        #expect(try graph.has("project:1#every@user:ann"))
        try graph.add("project:1#owner@org:o")
        #expect(try graph.has("project:1#some@user:ann"))
        #expect(try !graph.has("project:1#every@user:ann"))
    }

    @Test("a userset has itself, with and without tuples, at every level")
    func identity() throws {
        let graph = try graph(Self.documents, ["document:1#parent@folder:a"])
        #expect(try graph.has("group:g#member@group:g#member"))
        #expect(try graph.has("document:9#view@document:9#edit"))
        #expect(try !graph.has("document:9#edit@document:9#view"))
        #expect(try !graph.has("document:9#view@document:8#edit"))
        #expect(try graph.has("document:1#view@folder:a#viewer"))
        #expect(try graph.has("document:1#view@document:1#owner"))
        #expect(try !graph.has("document:1#publish@document:1#owner"))
    }

    @Test("a cycle adds nothing and hides nothing")
    func cycles() throws {
        let graph = try graph(
            Self.documents,
            [
                "group:a#member@group:b#member", "group:b#member@group:c#member", "group:c#member@group:a#member",
                "group:c#member@user:ann", "folder:a#parent@folder:a", "folder:a#viewer@user:ann",
            ]
        )
        for name in ["a", "b", "c"] {
            #expect(try graph.has("group:\(name)#member@user:ann"))
            #expect(try !graph.has("group:\(name)#member@user:bob"))
        }
        #expect(try graph.has("folder:a#view@user:ann"))
        #expect(try !graph.has("folder:a#view@user:bob"))
    }

    @Test("what was false only while a cycle was open is asked again once the cycle is true")
    func takenBack() throws {
        let source = """
            definition user {}
            definition node {
                relation next: node
                relation also: node
                relation member: user
                permission view = next->view + member
                permission both = next->view & also->view
            }
            """
        // `c` is asked while `b` is in progress, and again after `b` has become true by its second operand.
        let graph = try graph(
            source,
            [
                "node:a#next@node:b", "node:a#also@node:c", "node:b#next@node:c", "node:c#next@node:b",
                "node:b#member@user:ann",
            ]
        )
        #expect(try graph.has("node:a#both@user:ann"))
        #expect(try !graph.has("node:a#both@user:bob"))
    }

    @Test("who is defined through an own exclusion is denied")
    func exclusionCycles() throws {
        let source = """
            definition user {}
            definition club {
                relation applicant: user
                relation blocked: user | club#member
                permission member = applicant - blocked
            }
            """
        let graph = try graph(source, ["club:a#applicant@user:ann", "club:a#blocked@club:a#member"])
        #expect(try !graph.has("club:a#member@user:ann"))
        // Two clubs that block each other's members: neither is settled, so neither grants.
        try graph.add("club:b#applicant@user:bob")
        try graph.add("club:c#applicant@user:bob")
        try graph.add("club:b#blocked@club:c#member")
        try graph.add("club:c#blocked@club:b#member")
        #expect(try !graph.has("club:b#member@user:bob"))
        #expect(try !graph.has("club:c#member@user:bob"))
        // A third one that blocks for certain settles it.
        try graph.add("club:c#blocked@user:bob")
        #expect(try graph.has("club:b#member@user:bob"))
        #expect(try !graph.has("club:c#member@user:bob"))
    }

    @Test("an exclusion in a cycle of which another branch settles the answer")
    func settledExclusionCycle() throws {
        let source = """
            definition user {}
            definition node {
                relation base: user
                relation gate: user
                relation out: node#blocked
                relation link: node#open
                permission blocked = link & gate
                permission open = base - out
            }
            """
        let graph = try graph(
            source,
            ["node:1#base@user:ann", "node:1#out@node:1#blocked", "node:1#link@node:1#open"]
        )
        // `blocked` needs `gate`, which nobody has: so `open` holds although it reaches itself through its exclusion.
        #expect(try graph.has("node:1#open@user:ann"))
        try graph.add("node:1#gate@user:ann")
        #expect(try !graph.has("node:1#open@user:ann"))
    }

    @Test("unknown names and wildcards are refused, each with what is wrong")
    func refusals() throws {
        let graph = try graph(Self.documents)
        #expect(throws: GraphError.unknownDefinition("paper")) { try graph.has("paper:1#view@user:ann") }
        #expect(throws: GraphError.unknownRelation(definition: "document", relation: "see")) {
            try graph.has("document:1#see@user:ann")
        }
        #expect(throws: GraphError.unknownDefinition("robot")) { try graph.has("document:1#view@robot:1") }
        #expect(throws: GraphError.unknownRelation(definition: "group", relation: "chief")) {
            try graph.has("document:1#view@group:g#chief")
        }
        #expect(throws: GraphError.self) { try graph.has("document:1#view@user:*") }
        #expect(throws: GraphError.noSchema) { try Graph(capacity: .small).has("document:1#view@user:ann") }
    }

    @Test("a chain of 100,000 groups does not overflow, and a budget ends it with an error")
    func deepChain() throws {
        let graph = try graph(Self.documents)
        let depth = 100_000
        for level in 0..<depth { try graph.add("group:\(level)#member@group:\(level + 1)#member") }
        try graph.add("group:\(depth)#member@user:ann")
        #expect(try graph.has("group:0#member@user:ann"))
        #expect(try !graph.has("group:0#member@user:bob"))
        let group = ObjectReference(type: "group", id: "0")
        let ann = SubjectReference(type: "user", id: "ann")
        #expect(try graph.check(group, "member", ann, budget: depth / 2) == nil)
        #expect(try graph.check(group, "member", ann, budget: 2 * depth) == true)
    }

    @Test("a diamond is visited once a node, a cycle of groups once around")
    func visits() throws {
        let graph = try graph(Self.documents)
        for level in 0..<30 {
            for (from, to) in [("l", "l"), ("l", "r"), ("r", "l"), ("r", "r")] {
                try graph.add("group:\(from)\(level)#member@group:\(to)\(level + 1)#member")
            }
        }
        #expect(
            try graph.check(.init(type: "group", id: "l0"), "member", .init(type: "user", id: "x"), budget: 200)
                == false
        )
        for number in 0..<10_000 { try graph.add("group:c\(number)#member@group:c\((number + 1) % 10_000)#member") }
        #expect(
            try graph.check(.init(type: "group", id: "c0"), "member", .init(type: "user", id: "x"), budget: 10_100)
                == false
        )
    }

    @Test("a batch gives every check its own outcome, in order")
    func batches() throws {
        let graph = try graph(Self.documents, ["document:1#owner@user:ann", "document:1#parent@folder:a"])
        var questions: [RelationTuple] = []
        for number in 0..<100 {
            let permission = number % 7 == 3 ? "missing" : "view"
            questions.append(try tuple("document:\(number % 3)#\(permission)@user:ann"))
        }
        var outcomes: [String] = []
        withViews(questions) { views in
            graph.evaluateBatch(
                views,
                decide: { position, has in
                    #expect(position == outcomes.count)
                    outcomes.append(has ? "yes" : "no")
                },
                other: { position, outcome in
                    #expect(position == outcomes.count)
                    guard case .failed(let error) = outcome else { return outcomes.append("unfinished") }
                    outcomes.append(error.description)
                }
            )
        }
        for (number, outcome) in outcomes.enumerated() {
            let expected = number % 7 == 3 ? "has no relation" : number % 3 == 1 ? "yes" : "no"
            #expect(outcome.contains(expected))
        }
        #expect(outcomes.count == questions.count)
    }

    /// Calls `body` with views of tuples.
    private func withViews(
        _ tuples: [RelationTuple],
        _ views: [CheckView] = [],
        _ body: (UnsafeBufferPointer<CheckView>) -> Void
    ) {
        guard views.count < tuples.count else { return views.withUnsafeBufferPointer(body) }
        tuples[views.count].withView { withViews(tuples, views + [$0], body) }
    }
}
