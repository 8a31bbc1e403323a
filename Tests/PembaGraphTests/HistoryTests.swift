// Pemba: tests of the past, rule by rule.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import Testing

@testable import PembaGraph

@Suite("History")
struct HistoryTests {
    private static let user = "definition user {}\n"

    /// A graph that keeps its past, at revision 0.
    private func recording(_ source: String, changes: Int = 100) throws -> Graph {
        let graph = Graph(capacity: .small, history: HistoryLimits(changes: changes, span: .seconds(1_000)))
        graph.restart(at: .zero, time: .zero)
        try graph.replaceSchema(schema(source))
        return graph
    }

    private func begin(_ graph: Graph, _ revision: UInt64) {
        graph.begin(Revision(revision), time: Timestamp(nanoseconds: Int64(revision)))
    }

    private func decide(
        _ graph: Graph,
        _ text: String,
        at revision: UInt64,
        _ context: String = "{}"
    ) throws -> Decision {
        let question = try tuple(text)
        let item = CheckItem(
            resource: question.resource,
            permission: question.relation,
            subject: question.subject,
            context: try ContextObject(parsing: context)
        )
        return try graph.check(item, in: graph.basis(at: Revision(revision)))
    }

    @Test("a tuple that goes when the history is full keeps the numbers of its ends as long as the history knows it")
    func fullHistory() throws {
        let graph = try recording(Self.user + "definition doc {\n relation viewer: user\n}", changes: 1)
        begin(graph, 1)
        try graph.add("doc:1#viewer@user:ann")
        begin(graph, 2)
        try graph.drop("doc:1#viewer@user:ann")
        // Were a number free, these would take it.
        begin(graph, 3)
        var place = HistoryPlace(after: Revision(1))
        let item = try graph.nextItem(after: &place, limit: 10)
        let change = TupleChange(.deleted, try tuple("doc:1#viewer@user:ann"))
        let time = Timestamp(nanoseconds: 2)
        #expect(item == .changes(Revision(2), time: time, [change], metadata: .empty, isLast: true))
        #expect(graph.entityCount == 2)
        try graph.add("doc:2#viewer@user:bob")
        #expect(graph.entityCount == 2)
        #expect(try graph.has("doc:2#viewer@user:bob"))
        #expect(try !graph.has("doc:1#viewer@user:bob"))
    }

    @Test("everybody of a type that goes and comes back is still everybody")
    func wildcardOfReturningType() throws {
        let small = Self.user + "definition doc {\n relation viewer: user\n}"
        let large = small + "\ndefinition robot {}\ndefinition site {\n relation viewer: robot:*\n}"
        let graph = try recording(large)
        begin(graph, 1)
        try graph.add("site:1#viewer@robot:*")
        begin(graph, 2)
        try graph.drop("site:1#viewer@robot:*")
        begin(graph, 3)
        try graph.replaceSchema(schema(small))
        begin(graph, 4)
        try graph.replaceSchema(schema(large))
        begin(graph, 5)
        try graph.add("site:1#viewer@robot:*")
        #expect(try graph.has("site:1#viewer@robot:r2"))
        #expect(try decide(graph, "site:1#viewer@robot:r2", at: 1) == .has)
        #expect(try decide(graph, "site:1#viewer@robot:r2", at: 2) == .hasNot)
    }

    @Test("a caveat that goes and comes back, with another number and other parameters, is judged as of its time")
    func returningCaveat() throws {
        let docs = "definition doc {\n relation viewer: user | user with late\n}"
        let first = Self.user + "caveat late(hour int) { hour > 20 }\n" + docs
        let other =
            Self.user + "caveat early(hour int) { hour < 8 }\n"
            + "definition doc {\n relation viewer: user | user with early\n}"
        let last =
            Self.user + "caveat early(hour int) { hour < 8 }\n"
            + "caveat late(hour int, least int) { hour > least }\n" + docs
        let conditional = #"doc:1#viewer@user:ann[late:{"hour":21}]"#
        let graph = try recording(first)
        begin(graph, 1)
        try graph.add(conditional)
        begin(graph, 2)
        try graph.drop(conditional)
        begin(graph, 3)
        try graph.replaceSchema(schema(other))
        begin(graph, 4)
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 1) == .has)
        try graph.replaceSchema(schema(last))
        begin(graph, 5)
        try graph.add(conditional)
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 1) == .has)
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 4) == .hasNot)
        let missing = Decision(.conditional, missingContext: ["least"])
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 5) == missing)
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 5, #"{"least":20}"#) == .has)
        #expect(try decide(graph, "doc:1#viewer@user:ann", at: 5, #"{"least":21}"#) == .hasNot)
    }

    @Test("another schema makes the stored contexts anew of the caveats that it changes, and of no other")
    func relinking() throws {
        func source(_ late: String) -> String {
            Self.user + """
                caveat early(hour int) { hour < 8 }
                caveat late(hour int\(late)
                definition doc {
                    relation viewer: user with early | user with late
                }
                """
        }
        let graph = try graph(source(") { hour > 20 }"))
        for hour in 0..<50 {
            try graph.add("doc:1#viewer@user:e\(hour)[early:{\"hour\":\(hour)}]")
            try graph.add("doc:1#viewer@user:l\(hour)[late:{\"hour\":\(hour)}]")
        }
        // At both ends and in the middle of what there is of the caveat; the number of one is used again.
        for hour in [0, 30, 49] { try graph.drop("doc:1#viewer@user:l\(hour)[late:{\"hour\":\(hour)}]") }
        try graph.add("doc:1#viewer@user:l50[late:{\"hour\":50}]")
        func relinked(_ text: String) throws -> Int {
            let old = graph.linked
            let new = Linker.link(try schema(text), keeping: old)
            var conditions = graph.conditions
            return conditions.relink(from: old, to: new)
        }
        #expect(try relinked(source(") { hour > 21 }")) == 0)
        #expect(try relinked(source(", least int) { hour > least }")) == 48)
        #expect(try graph.has("doc:1#viewer@user:l50"))
        try graph.replaceSchema(schema(source(", least int) { hour > least }")))
        let item = CheckItem(
            resource: ObjectReference(type: "doc", id: "1"),
            permission: "viewer",
            subject: SubjectReference(type: "user", id: "l50")
        )
        #expect(try graph.check(item) == Decision(.conditional, missingContext: ["least"]))
        #expect(try graph.has("doc:1#viewer@user:e7"))
    }

    /// What can make the history large, one way at a time.
    enum Load: CaseIterable {
        case metadata
        case metadataAlone
        case contexts
        case schemas
    }

    @Test("the history takes no more memory than it may, whatever it holds", arguments: Load.allCases)
    func bounded(load: Load) throws {
        func source(_ comment: String) -> String {
            Self.user + "/* \(comment) */\ncaveat net(cidr string) { cidr == \"a\" }\n"
                + "definition doc {\n relation viewer: user | user with net\n}"
        }
        let limits = HistoryLimits(changes: 1_000, bytes: 1 << 20, span: .seconds(1_000))
        let graph = Graph(capacity: .small, history: limits)
        graph.restart(at: .zero, time: .zero)
        try graph.replaceSchema(schema(source("")))
        for revision in 1...200 {
            begin(graph, UInt64(revision))
            let text = String(repeating: "\(revision % 10)", count: 20_000)
            switch load {
            case .metadata, .metadataAlone:
                if load == .metadata { try graph.add("doc:\(revision)#viewer@user:ann") }
                graph.note(ContextObject([("reason", .string(text))]))
            case .contexts:
                let context = ContextObject([("cidr", .string("\(revision)" + text))])
                var conditional = try tuple("doc:1#viewer@user:ann")
                conditional.caveat = CaveatReference(name: "net", context: context)
                graph.put(conditional)
            case .schemas: try graph.replaceSchema(schema(source(text)))
            }
            #expect(graph.history.sizes.total < 2 << 20)
        }
        let kept = graph.revision.rawValue - graph.oldestRevision.rawValue
        #expect((3...60).contains(kept), "\(kept) revisions are kept")
        #expect(throws: GraphError.tooOld(oldest: graph.oldestRevision)) { try graph.basis(at: Revision(100)) }
        _ = try graph.basis(at: graph.oldestRevision)
    }

    @Test("tuples are hidden by their ends, whatever they carry")
    func hiding() throws {
        let source =
            Self.user + "caveat late(hour int) { hour > 20 }\ndefinition doc {\n relation viewer: user with late\n}"
        let graph = try graph(source, [#"doc:1#viewer@user:ann[late:{"hour":21}]"#])
        #expect(try graph.has("doc:1#viewer@user:ann"))
        let basis = try graph.basis(hiding: [tuple("doc:1#viewer@user:ann")])
        #expect(graph.all(in: basis).isEmpty)
    }

    @Test("what is denied because it depends on its own exclusion lacks nothing")
    func missingBesideParadox() throws {
        let source =
            Self.user + """
                caveat first(one bool) { one }
                caveat second(two bool) { two }
                definition doc {
                    relation viewer: user with first
                    relation editor: user with second
                    relation owner: user
                    relation self_banned: doc#paradox
                    permission paradox = owner - self_banned
                    permission view = (viewer - paradox) + editor
                }
                """
        let graph = try graph(
            source,
            [
                "doc:1#viewer@user:ann[first]", "doc:1#editor@user:ann[second]", "doc:1#owner@user:ann",
                "doc:1#self_banned@doc:1#paradox",
            ]
        )
        let item = CheckItem(
            resource: ObjectReference(type: "doc", id: "1"),
            permission: "view",
            subject: SubjectReference(type: "user", id: "ann")
        )
        #expect(try graph.check(item) == Decision(.conditional, missingContext: ["two"]))
    }
}
