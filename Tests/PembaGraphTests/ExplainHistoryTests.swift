// Pemba: explanations of states that came about in different ways.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

/// An explanation is about a state: not about what was written to get there, nor about what was written since.
@Suite("Explanations and history")
struct ExplainHistoryTests {
    private static let folders = """
        use self
        definition group {
            relation parent: group
            permission inside = self + parent->inside
        }
        definition folder {
            relation holder: group
            relation sharer: group#inside
            permission view = holder->inside
            permission share = sharer
        }
        """

    private func explain(_ graph: Graph, _ question: String, at revision: Revision? = nil) throws -> Explanation {
        let question = try tuple(question)
        let item = CheckItem(resource: question.resource, permission: question.relation, subject: question.subject)
        return try graph.explain(item, in: graph.basis(at: revision))
    }

    @Test(
        "a subject without tuples can be given what it is itself",
        arguments: [
            ("folder:1#view@group:a", ["folder:1#holder@group:a"]),
            ("folder:1#share@group:a", ["folder:1#sharer@group:a#inside"]),
            ("group:b#inside@group:a", ["group:b#parent@group:a"]),
        ] as [(String, [String])]
    )
    func unknownSubject(question: String, additions: [String]) throws {
        let graph = Graph(capacity: .small, history: HistoryLimits(changes: 100, span: .seconds(1_000)))
        graph.restart(at: .zero, time: .zero)
        try graph.replaceSchema(schema(Self.folders))
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1))
        let fresh = try explain(graph, question)
        #expect(fresh.suggestions.map { $0.add.map(\.description) } == [additions])

        // The history keeps its number, and that makes no difference: neither now nor then.
        graph.begin(Revision(2), time: Timestamp(nanoseconds: 1))
        try graph.add("group:a#parent@group:c")
        graph.begin(Revision(3), time: Timestamp(nanoseconds: 1))
        try graph.drop("group:a#parent@group:c")
        #expect(try explain(graph, question) == fresh)
        #expect(try explain(graph, question, at: Revision(1)) == fresh)
    }
}
