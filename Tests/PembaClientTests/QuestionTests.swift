// Pemba: tests of checks with context, of permissions, expansions and explanations.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaWire
import Testing

private let plan = ObjectReference(type: "document", id: "plan")
private let alice = SubjectReference(type: "user", id: "alice")
private let item = CheckItem(
    resource: plan,
    permission: "view",
    subject: alice,
    context: ContextObject([("ip", .string("10.1.2.3"))])
)

@Suite("Questions", .timeLimit(.minutes(4))) struct QuestionTests {
    let cluster = TestCluster.shared
    let viewer = RelationTuple(resource: plan, relation: "viewer", subject: alice)

    /// A node that answers everything with one frame.
    private func node(
        _ type: FrameType,
        _ body: @escaping @Sendable (inout ByteWriter) -> Void
    ) async throws
        -> ScriptedNode
    {
        try await ScriptedNode { _ in .answer(type, Reply.encode(body)) }
    }

    @Test("a check brings its context, tuples and depth, and says what is missing") func conditional() async throws {
        let answer = CheckAnswer(Decision(.conditional, missingContext: ["tier"]), zookie: cluster.zookie(9))
        let node = try await node(.checkAnswer) { answer.encode(into: &$0) }
        try await withClient(cluster.configuration([node])) { client in
            let got = try await client.check(
                item,
                contextualTuples: [viewer],
                maxDepth: 50,
                consistency: .atRevision(Revision(9))
            )
            #expect(got == answer)
        }
        try #require(node.received(.check).first).decode { raw in
            let view = try CheckRequestView(decoding: raw)
            let context = try ContextObject(requestContext: view.context)
            #expect(context == item.context)
            let tuples = try [RelationTuple](contextualTuples: view.contextualTuples)
            #expect(tuples == [viewer])
            #expect(view.maxDepth == 50)
            #expect(view.consistency == .atRevision(Revision(9)))
        }
    }

    @Test("a plain check stays plain") func plain() async throws {
        let node = try await ScriptedNode { _ in .check(.hasPermission) }
        try await withClient(cluster.configuration([node])) { client in
            _ = try await client.check(CheckItem(resource: plan, permission: "view", subject: alice))
        }
        let isPlain = try #require(node.received(.check).first).decode { try CheckRequestView(decoding: $0).isPlain }
        #expect(isPlain)
    }

    @Test("a bulk check brings a context for each question and tuples for all") func bulk() async throws {
        let answer = BulkCheckAnswer(
            results: [.success(.has), .success(Decision(.conditional, missingContext: ["tier"]))],
            zookie: cluster.zookie(3)
        )
        let node = try await node(.bulkCheckAnswer) { answer.encode(into: &$0) }
        try await withClient(cluster.configuration([node])) { client in
            let plain = CheckItem(resource: plan, permission: "view", subject: alice)
            let got = try await client.checkBulk([item, plain], contextualTuples: [viewer])
            #expect(got.results == answer.results)
        }
        try #require(node.received(.bulkCheck).first).decode { raw in
            var view = try BulkCheckRequestView(decoding: raw)
            let tuples = try [RelationTuple](contextualTuples: view.contextualTuples)
            #expect(tuples == [viewer])
            let contexts = [try view.next()?.context.count, try view.next()?.context.count]
            #expect(contexts == [item.context.json.utf8.count, 0])
        }
    }

    @Test("permissions, an expansion and an explanation come as they were given") func others() async throws {
        let zookie = cluster.zookie(4)
        let permissions = PermissionsAnswer(
            entries: [.init(permission: "viewer", isRelation: true, decision: .has)],
            zookie: zookie
        )
        let leaf = ExpandTree.Content.leaf([ExpandTree.Leaf(tuple: viewer)])
        let tree = ExpandAnswer(tree: ExpandTree(resource: plan, permission: "viewer", content: leaf), zookie: zookie)
        let proof = ProofNode(resource: plan, permission: "view", decision: .hasNot, reason: .nothing)
        let explanation = Explanation(
            decision: .hasNot,
            proof: proof,
            suggestions: [Suggestion(add: [viewer])],
            time: Timestamp(nanoseconds: 5)
        )
        let reasons = ExplainAnswer(explanation: explanation, zookie: zookie)
        let node = try await ScriptedNode { received in
            switch received.type {
            case .permissions: .answer(.permissionsAnswer, Reply.encode { permissions.encode(into: &$0) })
            case .expand: .answer(.expandAnswer, Reply.encode { tree.encode(into: &$0) })
            case .explain: .answer(.explainAnswer, Reply.encode { reasons.encode(into: &$0) })
            default: .silence
            }
        }
        try await withClient(cluster.configuration([node])) { client in
            let context = EvaluationContext(values: item.context, tuples: [viewer])
            let all = try await client.permissions(of: alice, on: plan, context: context, consistency: .fullyConsistent)
            #expect(all == permissions)
            let expansion = try await client.expand(plan, "viewer", isRecursive: true, contextualTuples: [viewer])
            #expect(expansion == tree)
            let why = try await client.explain(item)
            #expect(why == reasons)
        }
        let asked = try #require(node.received(.permissions).first).decode(PermissionsRequest.decode).request
        #expect(asked.context == EvaluationContext(values: item.context, tuples: [viewer]))
        #expect(asked.consistency == .fullyConsistent)
        let expanded = try #require(node.received(.expand).first).decode(ExpandRequest.decode).request
        #expect(expanded.isRecursive)
        #expect(expanded.contextualTuples == [viewer])
        let explained = try #require(node.received(.explain).first).decode(ExplainRequest.decode).request
        #expect(explained.item == item)
    }

    @Test("more contextual tuples than a request may bring are refused here") func tooMany() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await withClient(cluster.configuration([node])) { client in
            let many = [RelationTuple](repeating: viewer, count: Limits.contextualTuples + 1)
            let error = await #expect(throws: ClientError.self) { try await client.check(item, contextualTuples: many) }
            #expect(error?.serviceError?.code == .limitExceeded)
        }
        #expect(node.received.isEmpty)
    }

    @Test("all pages of a read at one revision are of that revision") func exactPages() async throws {
        let cluster = cluster
        let viewer = viewer
        let node = try await ScriptedNode { received in
            guard let request = try? received.decode(ReadRequest.decode).request else { return .hangUp }
            let next = request.cursor == nil ? ReadCursor(last: viewer, zookie: cluster.zookie(5)) : nil
            let answer = ReadAnswer(tuples: [viewer], next: next, zookie: cluster.zookie(5))
            return .answer(.readAnswer, Reply.encode { answer.encode(for: request, into: &$0) })
        }
        try await withClient(cluster.configuration([node])) { client in
            let tuples = client.tuples(
                matching: RelationshipFilter(),
                consistency: .atTime(Timestamp(nanoseconds: 7)),
                pageSize: 1
            )
            for try await tuple in tuples { #expect(tuple == viewer) }
        }
        let requests = try node.received.map { try $0.decode(ReadRequest.decode).request }
        #expect(
            requests.map(\.consistency) == [.atTime(Timestamp(nanoseconds: 7)), .atExactSnapshot(cluster.zookie(5))]
        )
    }
}
