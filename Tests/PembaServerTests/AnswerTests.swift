// Pemba: tests of lists, explanations and the past on three real nodes, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import Testing

@testable import PembaServer

/// Every call beside checks, asked of each node of a cluster: the same question has the same answer wherever it is asked.
@Suite(.serialized, .timeLimit(.minutes(4)))
struct AnswerTests {
    private static let schema = """
        use expiration
        definition user {}
        caveat office(hour int) { hour >= 8 && hour < 18 }
        caveat slow(items list<int>) { items.all(a, items.all(b, items.all(c, a + b + c >= 0))) }
        definition group {
            relation member: user | group#member
        }
        definition folder {
            relation parent: folder
            relation viewer: user | user:* | group#member | user with office | user with expiration | user with slow
            relation banned: user
            permission view = (viewer + parent->view) - banned
            permission nothing = nil
        }
        """

    private static let tuples = [
        "group:eng#member@user:ann", "group:eng#member@user:bob", "folder:root#viewer@group:eng#member",
        "folder:a#parent@folder:root", "folder:b#parent@folder:root", "folder:b#banned@user:bob",
        "folder:open#viewer@user:*", "folder:open#banned@user:bob", "folder:hours#viewer@user:ann[office]",
        "folder:slow#viewer@user:ann[slow]",
    ]

    /// Runs `body` once for a client of each node, after all tuples are written.
    private func onEachNode(_ body: (PembaClient, Zookie) async throws -> Void) async throws {
        try await TestCluster.run(size: 3, schema: Self.schema) { cluster, client in
            let updates = try Self.tuples.map { TupleUpdate(.touch, try RelationTuple(parsing: $0)) }
            let zookie = try await client.write(WriteRequest(updates: updates)).zookie
            for member in cluster.members {
                let one = try cluster.client(nodes: [member.id])
                try await body(one, zookie)
                await one.shutdown()
            }
        }
    }

    private static func context(_ json: String) throws -> EvaluationContext {
        EvaluationContext(values: try ContextObject(parsing: json))
    }

    private static func user(_ id: String) -> SubjectReference { SubjectReference(type: "user", id: id) }
    private static func folder(_ id: String) -> ObjectReference { ObjectReference(type: "folder", id: id) }
    private static let view = [TypePermission(type: "folder", permission: "view")]

    private static func check(_ folder: String, _ user: String, _ context: String = "{}") throws -> CheckItem {
        CheckItem(
            resource: self.folder(folder),
            permission: "view",
            subject: self.user(user),
            context: try ContextObject(parsing: context)
        )
    }

    private static func error(_ body: () async throws -> Void) async -> ServiceError? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ClientError)?.serviceError
        }
    }

    @Test func resourcesAndSubjectsAreListedWholeAndInPages() async throws {
        try await onEachNode { client, zookie in
            func resources(_ user: String, _ context: String = "{}") async throws -> [String] {
                let stream = client.lookupResources(
                    Self.view,
                    for: Self.user(user),
                    context: try Self.context(context),
                    consistency: .atLeastAsFresh(zookie)
                )
                var found: [String] = []
                var items = stream.makeAsyncIterator()
                while let item = try await items.next() {
                    found.append(item.decision == .has ? item.id : "\(item.id)?\(item.decision.missingContext)")
                }
                #expect(items.end?.isComplete == true)
                return found
            }
            #expect(try await resources("bob") == ["a", "root"])
            #expect(
                try await resources("ann") == ["a", "b", #"hours?["hour"]"#, "open", "root", #"slow?["items"]"#]
            )
            #expect(
                try await resources("ann", #"{"hour":9,"items":[1]}"#) == ["a", "b", "hours", "open", "root", "slow"]
            )
            #expect(try await resources("ann", #"{"hour":20,"items":[]}"#) == ["a", "b", "open", "root", "slow"])

            var pages: [[String]] = []
            var cursor: LookupCursor?
            repeat {
                let page = try await client.lookupResources(
                    Self.view,
                    for: Self.user("ann"),
                    limit: 2,
                    cursor: cursor,
                    consistency: .atLeastAsFresh(zookie)
                ).page()
                pages.append(page.items.map(\.id))
                cursor = page.end.next
            } while cursor != nil
            #expect(pages == [["a", "b"], ["hours", "open"], ["root", "slow"]])

            var found: [String] = []
            let stream = client.lookupSubjects(
                ["view"],
                on: Self.folder("open"),
                kinds: [SubjectKind(type: "user")],
                consistency: .atLeastAsFresh(zookie)
            )
            for try await subject in stream { found.append("\(subject.id) without \(subject.excluded.map(\.id))") }
            #expect(found == [#"* without ["bob"]"#])
        }
    }

    /// A cursor belongs to the query that it came from, whichever node is asked.
    @Test func aCursorOfAnotherQueryIsRefused() async throws {
        try await onEachNode { client, zookie in
            let page = try await client.lookupResources(Self.view, for: Self.user("ann"), limit: 1).page()
            let next = try #require(page.end.next)
            let foreign = await Self.error {
                let stream = client.lookupResources(Self.view, for: Self.user("bob"), limit: 1, cursor: next)
                _ = try await stream.page()
            }
            #expect(foreign?.code == .invalidCursor)
            #expect(foreign?.detail("field") != nil, "\(String(describing: foreign))")
        }
    }

    @Test func answersAreExplainedExpandedAndSummedUp() async throws {
        try await onEachNode { client, zookie in
            let fresh = Consistency.atLeastAsFresh(zookie)
            let allowed = try await client.explain(Self.check("a", "ann"), consistency: fresh).explanation
            #expect(allowed.decision == .has && allowed.suggestions.isEmpty)
            let denied = try await client.explain(Self.check("b", "bob"), consistency: fresh).explanation
            #expect(denied.decision == .hasNot)
            #expect(denied.suggestions.contains { $0.remove.map(\.description) == ["folder:b#banned@user:bob"] })
            let late = try await client.explain(Self.check("hours", "ann", #"{"hour":20}"#), consistency: fresh)
            #expect(late.explanation.suggestions.contains { $0.context.map(\.wrong) == [["hour"]] })

            let tree = try await client.expand(Self.folder("a"), "view", consistency: fresh).tree
            guard case .exclusion(let parts) = tree.content else {
                Issue.record("an exclusion was expanded to \(tree.content)")
                return
            }
            #expect(parts.count == 2)

            let summary = try await client.permissions(
                of: Self.user("bob"),
                on: Self.folder("b"),
                consistency: fresh
            )
            let has = summary.entries.filter { $0.decision == .has }.map(\.permission)
            #expect(has == ["banned"])
            #expect(Set(summary.entries.map(\.permission)) == ["parent", "viewer", "banned", "view", "nothing"])
        }
    }

    /// Tuples of a request count in it alone, and are held to the schema like those that are written.
    @Test func contextualTuplesCountForOneRequestAlone() async throws {
        try await onEachNode { client, zookie in
            let extra = try RelationTuple(parsing: "folder:root#viewer@user:eve")
            let fresh = Consistency.atLeastAsFresh(zookie)
            let check = try Self.check("a", "eve")
            let supposed = try await client.check(check, contextualTuples: [extra], consistency: fresh)
            #expect(supposed.decision == .has)
            #expect(try await client.check(check, consistency: fresh).decision == .hasNot)
            let found = try await client.lookupResources(
                Self.view,
                for: Self.user("eve"),
                context: EvaluationContext(tuples: [extra]),
                consistency: fresh
            ).page()
            #expect(found.items.map(\.id) == ["a", "b", "open", "root"])
            let explained = try await client.explain(check, contextualTuples: [extra], consistency: fresh)
            #expect(explained.explanation.decision == .has)
            let wrong = try RelationTuple(parsing: "folder:root#viewer@folder:a")
            let refused = await Self.error {
                _ = try await client.check(check, contextualTuples: [wrong], consistency: fresh)
            }
            #expect(refused?.code == .subjectNotAllowed)
        }
    }

    @Test func thePastIsAnsweredByRevisionZookieAndTime() async throws {
        try await onEachNode { client, zookie in
            let check = try Self.check("past", "ann")
            let name = UInt64.random(in: 0 ... .max)
            let tuple = "folder:past#viewer@user:u\(name)"
            let item = try Self.check("past", "u\(name)")
            let before = try await client.check(check, consistency: .fullyConsistent).zookie
            let written = try await client.write(NodeTests.touch(tuple)).zookie
            _ = try await client.delete(DeleteRequest(filter: RelationshipFilter(subjectID: "u\(name)")))
            func decision(_ consistency: Consistency) async throws -> Decision {
                try await client.check(item, consistency: consistency).decision
            }
            #expect(try await decision(.fullyConsistent) == .hasNot)
            #expect(try await decision(.atExactSnapshot(written)) == .has)
            #expect(try await decision(.atRevision(written.revision)) == .has)
            #expect(try await decision(.atExactSnapshot(before)) == .hasNot)
            let listed = try await client.lookupResources(
                Self.view,
                for: Self.user("u\(name)"),
                consistency: .atRevision(written.revision)
            ).page()
            #expect(listed.items.map(\.id) == ["open", "past"])
            let future = Revision(written.revision.rawValue + 1_000_000)
            #expect(await Self.error { _ = try await decision(.atRevision(future)) }?.code == .futureZookie)
            // A time that has been is answered even if nothing was written since; what is to come nobody knows.
            // To the nanosecond: a second ago there may have been no cluster.
            let now = Int64(Date().timeIntervalSince1970 * 1_000_000_000)
            let hour = Int64(3_600) * 1_000_000_000
            #expect(try await decision(.atTime(Timestamp(nanoseconds: now))) == .hasNot)
            let later = Timestamp(nanoseconds: now + hour)
            let refusal = await Self.error { _ = try await decision(.atTime(later)) }
            let told = try Timestamp(rfc3339: refusal?.detail("time") ?? "")
            #expect(refusal?.code == .futureZookie && told.nanoseconds >= now && told < later)
            // A clock that is a little ahead of the cluster's is waited for.
            let ahead = Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1_000_000_000) + hour / 18_000)
            #expect(try await decision(.atTime(ahead)) == .hasNot)
        }
    }

    /// More than one request may name is refused with the limit and what was given.
    @Test func listsThatAreTooLongAreRefused() async throws {
        try await onEachNode { client, _ in
            let names = (0...Limits.lookupCandidates).map { "f\($0)" }
            let candidates = await Self.error {
                _ = try await client.lookupResources(Self.view, for: Self.user("ann"), candidates: names).page()
            }
            #expect(candidates?.code == .limitExceeded)
            #expect(candidates?.detail("limit") == "\(Limits.lookupCandidates)")
            let filter = RelationshipFilter(resourceType: "folder")
            let filters = Array(repeating: filter, count: Limits.watchFilters + 1)
            let watched = await Self.error {
                var events = client.watch(WatchRequest(start: .now, filters: filters)).makeAsyncIterator()
                _ = try await events.next()
            }
            #expect(watched?.code == .limitExceeded && watched?.detail("value") == "\(Limits.watchFilters + 1)")
            let tuple = try RelationTuple(parsing: "folder:a#viewer@user:eve")
            let supposed = Array(repeating: tuple, count: Limits.contextualTuples + 1)
            let contextual = await Self.error {
                _ = try await client.check(Self.check("a", "eve"), contextualTuples: supposed)
            }
            #expect(contextual?.code == .limitExceeded)
        }
    }

    /// A condition that takes too long, a context that is too large, and one of wrong types are errors of their own.
    @Test func conditionsThatCannotBeEvaluatedAreNamed() async throws {
        try await onEachNode { client, zookie in
            let fresh = Consistency.atLeastAsFresh(zookie)
            let many = "[" + (0..<400).map(String.init).joined(separator: ",") + "]"
            let costly = await Self.error {
                _ = try await client.check(Self.check("slow", "ann", #"{"items":\#(many)}"#), consistency: fresh)
            }
            #expect(
                costly?.code == .conditionFailed && costly?.detail("caveat") == "slow",
                "\(String(describing: costly))"
            )
            let long = String(repeating: "x", count: Limits.requestContextBytes)
            let large = await Self.error {
                _ = try await client.check(Self.check("slow", "ann", #"{"note":"\#(long)"}"#), consistency: fresh)
            }
            #expect(large?.code == .invalidContext && large?.detail("field") != nil, "\(String(describing: large))")
            let wrong = await Self.error {
                _ = try await client.check(Self.check("hours", "ann", #"{"hour":"noon"}"#), consistency: fresh)
            }
            #expect(wrong?.code == .invalidContext && wrong?.detail("parameter") == "hour")
        }
    }
}
