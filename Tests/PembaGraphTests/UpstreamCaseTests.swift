// Pemba: wrong answers of others that no validation file can show.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

/// Goal: what other systems answered wrongly about tuples of one request, or between a write and a read, is right here.
///
/// `Tests/Cases` has the others, and a list of all.
@Suite("Wrong answers of others")
struct UpstreamCaseTests {
    private static let source = """
        caveat ready(now bool) { now }
        definition user {}
        definition group {
            relation member: user | user with ready
        }
        definition document {
            relation viewer: user with ready | group#member
            permission view = viewer
        }
        """

    private func check(_ text: String, now: Bool? = nil, _ graph: Graph, in basis: Basis? = nil) throws -> Decision {
        let question = try tuple(text)
        let context = ContextObject(now.map { [("now", .bool($0))] } ?? [])
        let item = CheckItem(
            resource: question.resource,
            permission: question.relation,
            subject: question.subject,
            context: context
        )
        return try graph.check(item, in: basis)
    }

    @Test("OpenFGA CVE-2024-56323: conditions of tuples that come with a request are judged like those of stored ones")
    func contextualConditions() throws {
        let graph = try graph(Self.source, ["document:plan#viewer@group:eng#member"])
        let basis = try graph.basis(
            adding: [
                tuple("document:plan#viewer@user:uma[ready]"), tuple("group:eng#member@user:emil[ready]"),
                tuple(#"document:plan#viewer@user:bound[ready:{"now": false}]"#),
            ]
        )
        for subject in ["user:uma", "user:emil"] {
            let question = "document:plan#view@\(subject)"
            #expect(try check(question, graph, in: basis) == Decision(.conditional, missingContext: ["now"]))
            #expect(try check(question, now: true, graph, in: basis) == .has)
            #expect(try check(question, now: false, graph, in: basis) == .hasNot)
            #expect(try check(question, now: true, graph) == .hasNot, "only that request sees its tuples")
        }
        #expect(try check("document:plan#view@user:bound", now: true, graph, in: basis) == .hasNot)
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "document", id: "plan"),
            permissions: ["view"],
            kinds: [SubjectKind(type: "user")],
            context: EvaluationContext(values: ContextObject([("now", .bool(true))]))
        )
        #expect(try graph.lookupSubjects(request, in: basis).map(\.id) == ["emil", "uma"])
        #expect(try graph.lookupSubjects(request).isEmpty)
    }

    @Test("OpenFGA CVE-2024-56323: a tuple that comes with a request replaces the stored one, condition and all")
    func contextualTupleOverStored() throws {
        let graph = try graph(Self.source, ["group:eng#member@user:uma", #"group:ops#member@user:uma[ready]"#])
        let basis = try graph.basis(adding: [
            tuple("group:eng#member@user:uma[ready]"), tuple("group:ops#member@user:uma"),
        ])
        #expect(try check("group:eng#member@user:uma", now: false, graph, in: basis) == .hasNot)
        #expect(try check("group:ops#member@user:uma", now: false, graph, in: basis) == .has)
        #expect(try check("group:eng#member@user:uma", now: false, graph) == .has)
        #expect(try check("group:ops#member@user:uma", now: false, graph) == .hasNot)
    }

    @Test("OpenFGA #3155: no answer of before a write is given after it")
    func nothingIsKeptOverAWrite() throws {
        let graph = try graph(Self.source, ["document:plan#viewer@group:eng#member"])
        let question = "document:plan#view@user:uma"
        let request = LookupResourcesRequest(
            permissions: [TypePermission(type: "document", permission: "view")],
            subject: SubjectReference(type: "user", id: "uma")
        )
        for _ in 0..<3 {
            #expect(try check(question, graph) == .hasNot)
            #expect(try graph.lookupResources(request).isEmpty)
            try graph.add("group:eng#member@user:uma")
            #expect(try check(question, graph) == .has)
            #expect(try graph.lookupResources(request).map(\.id) == ["plan"])
            try graph.drop("group:eng#member@user:uma")
        }
    }
}
