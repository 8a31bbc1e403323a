// Pemba: tests of reads through the client.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaClient
import PembaWire
import Synchronization
import Testing

private let item = CheckItem(
    resource: ObjectReference(type: "document", id: "plan"),
    permission: "view",
    subject: SubjectReference(type: "user", id: "alice")
)

@Suite("Reads", .timeLimit(.minutes(4))) struct ReadTests {
    let cluster = TestCluster.shared

    @Test("a check is asked as it was said and answered with its zookie") func check() async throws {
        let node = try await ScriptedNode { _ in .check(.hasPermission, 9) }
        try await withClient(cluster.configuration([node])) { client in
            let answer = try await client.check(item, consistency: .fullyConsistent)
            #expect(answer == CheckAnswer(.has, zookie: cluster.zookie(9)))
        }
        #expect(node.received.map(\.consistency) == [.fullyConsistent])
        #expect(node.hellos.map(\.caller) == [.client(name: "pemba-client", bearerKey: "")])
    }

    @Test("answers come in any order and many are in flight on one connection") func anyOrder() async throws {
        let node = try await ScriptedNode { received in
            let id = try? received.decode { raw in
                String(decoding: try CheckRequestView(decoding: raw).check.resourceID, as: UTF8.self)
            }
            guard case .answer(let type, let payload) = Reply.check(id == "1" ? .hasPermission : .noPermission) else {
                return .hangUp
            }
            return .hold(type, payload)
        }
        try await withClient(cluster.configuration([node])) { client in
            try await withThrowingTaskGroup(of: (Int, Permissionship).self) { group in
                for number in 0..<200 {
                    group.addTask {
                        var item = item
                        item.resource.id = String(number % 2)
                        return (number, try await client.check(item).permissionship)
                    }
                }
                try await eventually("all requests") { node.heldCount == 200 }
                node.release()
                for try await (number, answer) in group {
                    #expect(answer == (number % 2 == 1 ? .hasPermission : .noPermission))
                }
            }
        }
        #expect(node.hellos.count == 1)
    }

    @Test(
        "a read goes to another node when the first breaks the connection or cannot answer",
        arguments: [
            Reply.hangUp, .error(ServiceError(.stale, "cut off")), .error(ServiceError(.overloaded, "busy")),
            .answer(.statusAnswer, []), .answer(.checkAnswer, [1, 2, 3]),
        ]
    )
    func failover(_ failure: Reply) async throws {
        let bad = try await ScriptedNode(1) { _ in failure }
        let good = try await ScriptedNode(2) { _ in .check(.hasPermission) }
        try await withClient(cluster.configuration([bad, good])) { client in
            // It is asked once the client is connected to it.
            var count = 0
            while count < 8 || bad.received.isEmpty {
                let result = try await client.check(item).permissionship
                #expect(result == .hasPermission)
                count += 1
            }
        }
    }

    @Test("an error that repeating does not help is thrown at once") func finalError() async throws {
        let node = try await ScriptedNode { _ in .error(ServiceError(.unknownDefinition, "no `document`")) }
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) { try await client.check(item) }
            #expect(error?.serviceError == ServiceError(.unknownDefinition, "no `document`"))
            #expect(error?.outcomeIsKnown == true)
        }
        #expect(node.received.count == 1)
    }

    @Test("a node that stops without closing is found out and left")
    func silentNode() async throws {
        let dead = try await ScriptedNode(1, answersPings: false) { _ in .silence }
        let good = try await ScriptedNode(2) { _ in .check(.hasPermission) }
        var configuration = cluster.configuration([dead, good])
        configuration.timeout = .seconds(20)
        try await withClient(configuration) { client in
            while dead.received.isEmpty { _ = try await client.check(item) }
            _ = try await client.check(item)
        }
    }

    @Test("a node that works long but lives is waited for") func slowNode() async throws {
        let slow = try await ScriptedNode(1) { _ in .silence }
        var configuration = cluster.configuration([slow])
        configuration.timeout = .milliseconds(2_600)
        try await withClient(configuration) { client in
            let error = await #expect(throws: ClientError.self) { try await client.check(item) }
            #expect(error?.reason == .deadlineExceeded)
        }
        #expect(slow.received.count == 1)
        #expect(slow.hellos.count == 1)
    }

    @Test("a deadline is kept, and told to the node a little shorter") func deadline() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await withClient(cluster.configuration([node])) { client in
            let start = ContinuousClock.now
            let error = await #expect(throws: ClientError.self) {
                // Time enough to connect, however busy the machine is.
                try await client.check(item, timeout: .seconds(2))
            }
            #expect(error?.reason == .deadlineExceeded)
            #expect(ContinuousClock.now - start >= .seconds(2))
        }
        let told = try #require(node.received.first).decode { try CheckRequestView(decoding: $0).deadlineMilliseconds }
        #expect((1..<2_000).contains(told))
    }

    @Test("a cancelled call ends, and its late answer is dropped") func cancellation() async throws {
        let node = try await ScriptedNode { received in
            guard received.type == .check, case .answer(let type, let payload) = Reply.check(.hasPermission) else {
                return .hangUp
            }
            return .hold(type, payload)
        }
        try await withClient(cluster.configuration([node])) { client in
            let task = Task { try await client.check(item) }
            try await eventually("the request") { node.heldCount == 1 }
            task.cancel()
            let error = await #expect(throws: ClientError.self) { try await task.value }
            #expect(error?.reason == .cancelled)
            node.release()
            let second = Task { try await client.check(item) }
            try await eventually("the second request") { node.heldCount == 1 }
            node.release()
            let result = try await second.value.permissionship
            #expect(result == .hasPermission)
        }
    }

    @Test("a call in a task that is cancelled already ends too") func cancelledBefore() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await withClient(cluster.configuration([node])) { client in
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await client.check(item)
            }
            task.cancel()
            let error = await #expect(throws: ClientError.self) { try await task.value }
            #expect(error?.reason == .cancelled)
        }
    }

    @Test("pages follow each other by cursor, each at least as fresh as the one before") func pages() async throws {
        let tuples = try (1...5).map { try RelationTuple(parsing: "document:d\($0)#viewer@user:alice") }
        let cluster = cluster
        let filter = RelationshipFilter(resourceType: "document")
        let node = try await ScriptedNode { received in
            guard let request = try? received.decode(ReadRequest.decode).request else { return .hangUp }
            let start = request.cursor.flatMap { cursor in tuples.firstIndex { $0 == cursor.last } }.map { $0 + 1 } ?? 0
            let page = tuples[start..<min(start + request.limit, tuples.count)]
            let next = start + request.limit < tuples.count ? page.last.map { ReadCursor(last: $0) } : nil
            let answer = ReadAnswer(tuples: Array(page), next: next, zookie: cluster.zookie(UInt64(start + 1)))
            return .answer(.readAnswer, Reply.encode { answer.encode(for: request, into: &$0) })
        }
        try await withClient(cluster.configuration([node])) { client in
            var read: [RelationTuple] = []
            for try await tuple in client.tuples(matching: filter, pageSize: 2) { read.append(tuple) }
            #expect(read == tuples)
        }
        let requests = try node.received.map { try $0.decode(ReadRequest.decode).request }
        #expect(
            requests.map(\.consistency) == [
                .minimizeLatency, .atLeastAsFresh(cluster.zookie(1)), .atLeastAsFresh(cluster.zookie(3)),
            ]
        )
    }

    @Test("bulk checks and the schema") func otherReads() async throws {
        let bulk = BulkCheckAnswer(
            results: [.success(.has), .failure(ServiceError(.unknownRelation, "no `view`"))],
            zookie: cluster.zookie(3)
        )
        let schema = SchemaAnswer(source: "definition user {}", zookie: cluster.zookie(4))
        let node = try await ScriptedNode { received in
            received.type == .bulkCheck
                ? .answer(.bulkCheckAnswer, Reply.encode { bulk.encode(into: &$0) })
                : .answer(.readSchemaAnswer, Reply.encode { schema.encode(into: &$0) })
        }
        try await withClient(cluster.configuration([node])) { client in
            let result = try await client.checkBulk([item, item]).results
            #expect(result == bulk.results)
            let source = try await client.readSchema()
            #expect(source == schema)
            let error = await #expect(throws: ClientError.self) {
                try await client.checkBulk([CheckItem](repeating: item, count: Limits.checksPerBulk + 1))
            }
            #expect(error?.serviceError?.code == .limitExceeded)
        }
    }

    @Test("every endpoint is asked for its status, and one that is away is told apart") func statuses() async throws {
        let cluster = cluster
        @Sendable func script(_ node: UInt64) -> ScriptedNode.Script {
            { _ in
                let status = NodeStatus(
                    cluster: cluster.id,
                    epoch: .first,
                    node: NodeID(node),
                    role: .follower,
                    term: Term(1),
                    leader: nil,
                    lastIndex: LogIndex(1),
                    commitIndex: LogIndex(1),
                    appliedIndex: LogIndex(1),
                    snapshotIndex: .zero,
                    history: HistoryStatus(oldest: .zero),
                    tupleCount: 0,
                    residentBytes: 0,
                    stateHash: 0,
                    alarms: [],
                    members: [],
                    version: "0",
                    uptimeSeconds: 0
                )
                return .answer(.statusAnswer, Reply.encode { status.encode(into: &$0) })
            }
        }
        let first = try await ScriptedNode(1, script: script(1))
        let away = try await ScriptedNode(2, script: script(2))
        let third = try await ScriptedNode(3, script: script(3))
        try await away.stop()
        try await withClient(cluster.configuration([first, away, third])) { client in
            let statuses = await client.statusOfEndpoints(timeout: .seconds(3))
            #expect(statuses.map { try? $0.get().node } == [NodeID(1), nil, NodeID(3)])
            let any = try await client.status()
            #expect([NodeID(1), NodeID(3)].contains(any.node))
        }
    }

    @Test("a request longer than a frame may be is refused here") func tooLong() async throws {
        var limits = ConnectionLimits()
        limits.framePayloadBytes = 100
        let node = try await ScriptedNode(limits: limits) { _ in .check(.hasPermission) }
        try await withClient(cluster.configuration([node])) { client in
            var long = item
            long.resource.id = String(repeating: "x", count: 200)
            let error = await #expect(throws: ClientError.self) { try await client.check(long) }
            #expect(error?.serviceError?.code == .limitExceeded)
            let result = try await client.check(item).permissionship
            #expect(result == .hasPermission)
        }
    }

    @Test("pipelines: checks without a task, and errors when the connection breaks") func pipeline() async throws {
        let count = Mutex(0)
        let node = try await ScriptedNode { _ in
            count.withLock {
                $0 += 1
                return $0
            } <= 1_000 ? .check(.hasPermission) : .hangUp
        }
        var configuration = cluster.configuration([node])
        configuration.connectionsPerEndpoint = 2
        try await withClient(configuration) { client in
            let results = Mutex<[(UInt64, Bool)]>([])
            try await client.withCheckPipelines { pipelines in
                for pipeline in pipelines {
                    var sent: UInt64 = 0
                    pipeline.handler = { token, result in
                        let isAnswer = (try? result.get().permissionship) == .hasPermission
                        results.withLock { $0.append((token, isAnswer)) }
                        sent += 1
                        if isAnswer { _ = pipeline.submit(item, token: 100 + sent) }
                    }
                    for token in 0..<10 { _ = pipeline.submit(item, token: UInt64(token)) }
                }
            }
            // Each connection ends with its ten checks unanswered.
            try await eventually("the end of both") { results.withLock { $0.filter { !$0.1 }.count } == 20 }
            #expect(results.withLock { $0.filter(\.1).count } == 1_000)
        }
    }
}
