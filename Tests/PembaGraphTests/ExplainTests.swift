// Pemba: tests of explanations, rule by rule.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

@Suite("Explain")
struct ExplainTests {
    private static let documents = """
        use expiration
        caveat office(day string) { day == "monday" }
        caveat region(place string) { place == "north" }
        caveat hr(hour int) { hour < 18 }
        caveat level(tier int, least int) { tier >= least }
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
            relation viewer: user | user with office | user:* | group#member
            relation banned: user | user with region | group#member
            relation approver: user
            relation visitor: user with expiration
            relation badge: user with office
            permission edit = owner
            permission view = (viewer + edit + parent->view) - banned
            permission publish = edit & approver
            permission inherit = parent.all(view)
            permission come = visitor
            permission enter = badge
        }
        definition desk {
            relation late: user with hr
            relation senior: user with level
            relation junior: user with level
            relation shift: folder with expiration
            relation key: user | user with hr and expiration
            permission see = late
            permission middle = senior - junior
            permission work = shift.all(view)
            permission open = key
        }
        definition game {
            relation move: game
            relation player: user
            permission win = player - move->win
        }
        """

    private func explain(
        _ graph: Graph,
        _ question: String,
        _ context: String = "{}",
        in basis: Basis? = nil
    ) throws -> Explanation {
        let question = try tuple(question)
        let item = CheckItem(
            resource: question.resource,
            permission: question.relation,
            subject: question.subject,
            context: try ContextObject(parsing: context)
        )
        let explanation = try graph.explain(item, in: basis)
        #expect(try explanation.decision == graph.check(item, in: basis))
        #expect(explanation.proof.decision == explanation.decision)
        return explanation
    }

    /// Suggestions as text: `+` adds, `-` removes, `?` needs a caveat to hold, `!` to fail; then the context that is
    /// missing, and after `~` the context that must be other.
    private func suggestions(_ explanation: Explanation) -> [String] {
        explanation.suggestions.map { suggestion in
            let changes =
                suggestion.add.map { "+\($0)" } + suggestion.remove.map { "-\($0)" }
                + suggestion.context.map { need in
                    "\(need.mustHold ? "?" : "!")\(need.tuple.key) \((need.missing + need.wrong.map { "~\($0)" }).joined(separator: ","))"
                }
            return changes.joined(separator: " ")
        }
    }

    /// The tuples of a proof, in the order of its steps.
    private func tuples(_ node: ProofNode) -> [String] {
        switch node.reason {
        case .tuple(let tuple): return [tuple.description]
        case .through(let tuple, let node): return [tuple.description] + tuples(node)
        case .union(let nodes), .intersection(let nodes), .exclusion(let nodes), .all(let nodes):
            return nodes.flatMap { tuples($0) }
        case .identity, .nothing, .repeated, .truncated: return []
        }
    }

    @Test("an answer of has is proved by the shortest chain of tuples")
    func proofs() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#parent@folder:a", "folder:a#parent@folder:b", "folder:b#parent@folder:a",
                "folder:b#viewer@group:x#member", "group:x#member@group:y#member", "group:y#member@user:ann",
                "document:1#viewer@group:y#member", "document:2#owner@user:ann", "document:2#approver@user:ann",
                "document:2#parent@folder:a", "document:2#parent@folder:b", "document:3#viewer@user:*",
            ]
        )
        #expect(
            try tuples(explain(graph, "document:1#view@user:ann").proof)
                == ["document:1#viewer@group:y#member", "group:y#member@user:ann"]
        )
        #expect(
            try tuples(explain(graph, "folder:a#view@user:ann").proof)
                == [
                    "folder:a#parent@folder:b", "folder:b#viewer@group:x#member", "group:x#member@group:y#member",
                    "group:y#member@user:ann",
                ]
        )
        #expect(
            try tuples(explain(graph, "document:2#publish@user:ann").proof)
                == ["document:2#owner@user:ann", "document:2#approver@user:ann"]
        )
        #expect(try tuples(explain(graph, "document:3#view@user:bob").proof) == ["document:3#viewer@user:*"])
        let identity = try explain(graph, "group:x#member@group:x#member")
        #expect(identity.proof.reason == .identity)
        #expect(identity.suggestions.isEmpty)
        guard case .exclusion(let parts) = try explain(graph, "document:2#view@user:ann").proof.reason else {
            Issue.record("a proof of an exclusion has two parts")
            return
        }
        #expect(parts[1].permission == "banned" && parts[1].decision == .hasNot && parts[1].reason == .nothing)
        guard case .all(let all) = try explain(graph, "document:2#inherit@user:ann").proof.reason else {
            Issue.record("a proof of `.all` has all its objects")
            return
        }
        #expect(all.count == 2)
    }

    @Test("a denial tells the smallest changes, each of which is enough")
    func additions() throws {
        let graph = try graph(
            Self.documents,
            ["document:1#parent@folder:a", "group:staff#member@user:ann", "folder:open#viewer@user:ann"]
        )
        #expect(
            try suggestions(explain(graph, "document:1#view@user:ann"))
                .sorted() == [
                    "+document:1#owner@user:ann", "+document:1#parent@folder:open",
                    "+document:1#viewer@group:staff#member",
                    "+document:1#viewer@user:ann", "+folder:a#parent@folder:open",
                    "+folder:a#viewer@group:staff#member",
                    "+folder:a#viewer@user:ann",
                ]
        )
        #expect(
            try suggestions(explain(graph, "document:1#publish@user:ann"))
                == ["+document:1#approver@user:ann +document:1#owner@user:ann"]
        )
        #expect(try suggestions(explain(graph, "group:new#everybody@user:ann")) == ["+group:new#everybody@user:*"])
        #expect(try suggestions(explain(graph, "group:new#member@user:new")) == ["+group:new#member@user:new"])
    }

    @Test("removing what excludes, or what `.all` fails on, is a suggestion")
    func removals() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#viewer@user:ann", "document:1#banned@user:ann", "document:1#banned@group:out#member",
                "group:out#member@group:in#member", "group:in#member@group:out#member", "group:in#member@user:ann",
                "document:2#parent@folder:a", "document:2#parent@folder:b", "folder:a#viewer@user:ann",
            ]
        )
        #expect(
            try suggestions(explain(graph, "document:1#view@user:ann")).sorted() == [
                "-document:1#banned@group:out#member -document:1#banned@user:ann",
                "-document:1#banned@user:ann -group:in#member@user:ann",
                "-document:1#banned@user:ann -group:out#member@group:in#member",
            ]
        )
        let all = try suggestions(explain(graph, "document:2#inherit@user:ann"))
        #expect(all.contains("-document:2#parent@folder:b"))
        #expect(all.contains("+folder:b#viewer@user:ann"))
    }

    @Test("what depends on context says which, and which way")
    func context() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#viewer@user:ann[office]", "document:1#banned@user:ann[region]",
                "document:2#viewer@user:ann[office]",
            ]
        )
        let both = try explain(graph, "document:1#view@user:ann")
        #expect(both.decision == Decision(.conditional, missingContext: ["day", "place"]))
        #expect(
            try suggestions(explain(graph, "document:1#view@user:ann", #"{"day": "monday"}"#)).first
                == "-document:1#banned@user:ann[region]"
        )
        #expect(suggestions(both).contains("!document:1#banned@user:ann place ?document:1#viewer@user:ann day"))
        let one = try explain(graph, "document:2#view@user:ann")
        #expect(suggestions(one).contains("?document:2#viewer@user:ann day"))
        #expect(tuples(one.proof) == ["document:2#viewer@user:ann[office]"])
        let failed = try explain(graph, "document:2#view@user:ann", #"{"day": "sunday"}"#)
        #expect(failed.decision == .hasNot)
        #expect(suggestions(failed).contains("+document:2#viewer@user:ann"))
        #expect(suggestions(failed).contains("?document:2#viewer@user:ann ~day"))
        #expect(
            try suggestions(explain(graph, "document:3#enter@user:ann"))
                == ["+document:3#badge@user:ann[office] ?document:3#badge@user:ann day"]
        )
    }

    @Test("a condition that fails is told with its values, and that other ones would help")
    func failedConditions() throws {
        let graph = try graph(
            Self.documents,
            [
                "desk:a#late@user:ann[hr]", "desk:b#late@user:ann[hr:{\"hour\": 20}]",
                "desk:a#senior@user:ann[level:{\"least\": 3}]", "desk:a#junior@user:ann[level:{\"least\": 6}]",
                "desk:b#senior@user:ann[level:{\"least\": 3}]", "desk:b#junior@user:ann[level:{\"least\": 3}]",
            ]
        )
        let late = #"{"hour": 20}"#
        let stored = try explain(graph, "desk:a#see@user:ann", late)
        #expect(stored.decision == .hasNot)
        #expect(tuples(stored.proof) == ["desk:a#late@user:ann[hr]"])
        #expect(suggestions(stored) == ["?desk:a#late@user:ann ~hour"])
        let condition = try ExplainedCondition(
            caveat: CaveatReference(name: "hr"),
            expression: "hour < 18",
            given: ContextObject(parsing: late),
            decision: .hasNot
        )
        #expect(stored.conditions == [condition])
        #expect(try stored.condition(of: tuple("desk:a#late@user:bob[hr]")) == condition)

        // A tuple to add carries the caveat, whose values stay open.
        let added = try explain(graph, "desk:a#see@user:bob", late)
        #expect(suggestions(added) == ["+desk:a#late@user:bob[hr] ?desk:a#late@user:bob ~hour"])
        #expect(added.conditions == [condition])
        #expect(
            try suggestions(explain(graph, "desk:a#see@user:bob", #"{"hour": 3}"#)) == ["+desk:a#late@user:bob[hr]"]
        )
        // What the tuple stores decides: only another tuple helps.
        #expect(
            try suggestions(explain(graph, "desk:b#see@user:ann", #"{"hour": 3}"#)) == ["+desk:b#late@user:ann[hr]"]
        )
        // One value for two conditions, of which one must fail.
        #expect(
            try suggestions(explain(graph, "desk:a#middle@user:ann", #"{"tier": 1}"#))
                .contains("!desk:a#junior@user:ann ~tier ?desk:a#senior@user:ann ~tier")
        )
        #expect(
            try suggestions(explain(graph, "desk:a#middle@user:ann", #"{"tier": 9}"#))
                == [
                    "-desk:a#junior@user:ann[level:{\"least\":6}]",
                    "!desk:a#junior@user:ann ~tier ?desk:a#senior@user:ann ~tier",
                ]
        )
        // One condition cannot both hold and fail.
        #expect(
            try suggestions(explain(graph, "desk:b#middle@user:ann", #"{"tier": 1}"#)).allSatisfy { $0.contains("-") }
        )
    }

    @Test("a tuple outside its time is told, and that a new one would help")
    func times() throws {
        let graph = try graph(Self.documents)
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 0))
        let tuples =
            [
                ("document:1#visitor@user:ann", nil, 1), ("document:2#visitor@user:ann", 9, nil),
                ("desk:a#shift@folder:a", 9, nil), ("desk:a#key@user:ann[hr]", nil, 1),
            ] as [(String, Int64?, Int64?)]
        for (text, notBefore, expiresAt) in tuples {
            var tuple = try tuple(text)
            tuple.notBefore = notBefore.map(Timestamp.init(nanoseconds:))
            tuple.expiresAt = expiresAt.map(Timestamp.init(nanoseconds:))
            try graph.validate(tuple)
            graph.put(tuple)
        }
        graph.begin(Revision(2), time: Timestamp(nanoseconds: 1))
        let anHourLater = Timestamp(nanoseconds: 3_600_000_000_001)

        for question in ["document:1#come@user:ann", "document:2#come@user:ann"] {
            let explanation = try explain(graph, question)
            #expect(explanation.decision == .hasNot && explanation.time == Timestamp(nanoseconds: 1))
            let told = self.tuples(explanation.proof)
            #expect(told.count == 1 && told.allSatisfy { $0.contains("#visitor@user:ann[") }, "\(told)")
            #expect(explanation.suggestions.map(\.add.first?.expiresAt) == [anHourLater])
        }
        // `.all` is not about objects whose tuples do not count yet, but tells them.
        let all = try explain(graph, "desk:a#work@user:ann")
        #expect(self.tuples(all.proof).first?.hasPrefix("desk:a#shift@folder:a[") ?? false)
        #expect(try suggestions(explain(graph, "desk:a#open@user:ann")) == ["+desk:a#key@user:ann"])
        graph.collectExpired(limit: .max)
        #expect(try self.tuples(explain(graph, "document:1#come@user:ann").proof).isEmpty)
    }

    @Test("what is defined through its own exclusion is named")
    func selfExclusion() throws {
        let graph = try graph(
            Self.documents,
            [
                "game:a#move@game:b", "game:b#move@game:a", "game:a#player@user:ann", "game:b#player@user:ann",
                "game:c#move@game:a", "game:c#player@user:ann",
            ]
        )
        let explanation = try explain(graph, "game:c#win@user:ann")
        #expect(explanation.decision == .hasNot)
        #expect(explanation.selfExclusions == ["game:a#win", "game:b#win", "game:c#win"])
        #expect(suggestions(explanation).contains("-game:c#move@game:a"))
        #expect(try explain(graph, "game:a#player@user:ann").selfExclusions.isEmpty)
    }

    @Test("suggestions start from the request's own tuples")
    func contextual() throws {
        let graph = try graph(Self.documents, ["document:1#owner@user:ann"])
        let basis = try graph.basis(
            adding: [tuple("document:1#banned@user:ann"), tuple("document:1#approver@user:bob")],
            hiding: [tuple("document:1#owner@user:ann")]
        )
        #expect(
            try suggestions(explain(graph, "document:1#publish@user:bob", in: basis)) == ["+document:1#owner@user:bob"]
        )
        #expect(
            try suggestions(explain(graph, "document:1#view@user:ann", in: basis))
                .contains("+document:1#owner@user:ann -document:1#banned@user:ann")
        )
    }

    @Test("work beyond the budget is an error with a name")
    func budget() throws {
        let graph = try graph(Self.documents, ["document:1#parent@folder:a", "folder:a#parent@folder:b"])
        let item = CheckItem(
            resource: ObjectReference(type: "document", id: "1"),
            permission: "view",
            subject: SubjectReference(type: "user", id: "ann")
        )
        #expect(throws: GraphError.explanationExceeded(2)) { try graph.explain(item, budget: 2) }
    }
}
