// Pemba: tests of writes through the client.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaWire
import Synchronization
import Testing

@Suite("Writes", .timeLimit(.minutes(4))) struct WriteTests {
    let cluster = TestCluster.shared

    private static func update(_ number: Int = 1) -> WriteRequest {
        WriteRequest(updates: [
            TupleUpdate(
                .create,
                RelationTuple(
                    resource: ObjectReference(type: "document", id: "d\(number)"),
                    relation: "viewer",
                    subject: SubjectReference(type: "user", id: "alice")
                )
            )
        ])
    }

    /// Answers sessions with 17, 18, … and leaves the rest to `script`, which is told how many came before.
    private static func script(
        _ script: @escaping @Sendable (Received, _ earlier: Int) -> Reply
    ) -> ScriptedNode.Script {
        let counts = Counts()
        return { received in
            let earlier = counts.next(received.type)
            return received.type == .openSession ? .session(UInt64(17 + earlier)) : script(received, earlier)
        }
    }

    @Test("a write carries a key of the client's session, the next one the next number") func keys() async throws {
        let node = try await ScriptedNode(script: WriteTests.script { _, earlier in .written(UInt64(earlier + 1)) })
        try await withClient(cluster.configuration([node])) { client in
            for number in 1...3 {
                let result = try await client.write(WriteTests.update(number))
                let zookie = cluster.zookie(UInt64(number))
                #expect(result == WriteAnswer(counts: WriteCounts(created: 1), zookie: zookie))
            }
        }
        #expect(
            node.received(.write).map(\.key)
                == (1...3).map {
                    IdempotencyKey(session: 17, sequence: $0, firstUnacknowledged: $0)
                }
        )
        #expect(node.received(.openSession).count == 1)
    }

    @Test("writes at the same time share one session and have different numbers") func concurrentKeys() async throws {
        let node = try await ScriptedNode(script: WriteTests.script { _, earlier in .written(UInt64(earlier + 1)) })
        try await withClient(cluster.configuration([node])) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2_000 { group.addTask { try await client.write(WriteTests.update(number)) } }
                try await group.waitForAll()
            }
        }
        let keys = node.received(.write).compactMap(\.key)
        #expect(Set(keys.map(\.sequence)) == Set(1...2_000))
        #expect(keys.allSatisfy { $0.session == 17 && $0.firstUnacknowledged <= $0.sequence })
        // The cluster keeps the answers of so many: none of them may be asked for beyond.
        #expect(keys.allSatisfy { $0.sequence - $0.firstUnacknowledged < UInt64(Limits.answersPerSession) })
    }

    @Test(
        "a write whose outcome is unknown is sent again with its key",
        arguments: [
            Reply.hangUp, .error(ServiceError(.outcomeUnknown, "the leader is gone")),
            .error(ServiceError(.noLeader, "election")), .error(ServiceError(.overloaded, "busy")),
        ]
    )
    func sameKeyAgain(_ failure: Reply) async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { _, earlier in earlier < 2 ? failure : .written(5) }
        )
        try await withClient(cluster.configuration([node])) { client in
            let result = try await client.write(WriteTests.update()).zookie
            #expect(result == cluster.zookie(5))
        }
        let keys = node.received(.write).map(\.key)
        #expect(keys == [IdempotencyKey?](repeating: .init(session: 17, sequence: 1, firstUnacknowledged: 1), count: 3))
    }

    @Test("a write without a key is not sent again once it may have been done") func atMostOnce() async throws {
        let node = try await ScriptedNode(script: WriteTests.script { _, _ in .hangUp })
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) {
                try await client.write(WriteTests.update(), delivery: .atMostOnce)
            }
            #expect(error?.outcomeIsKnown == false)
            #expect(error?.idempotencyKey == nil)
        }
        #expect(node.received(.write).map(\.key) == [nil])
        #expect(node.received(.openSession).isEmpty)
    }

    @Test("a write without a key is sent again while nothing was done") func atMostOnceRefused() async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { _, earlier in
                earlier < 2 ? .error(ServiceError(.noLeader, "election")) : .written(5)
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let zookie = try await client.write(WriteTests.update(), delivery: .atMostOnce).zookie
            #expect(zookie == cluster.zookie(5))
        }
        #expect(node.received(.write).count == 3)
    }

    @Test("a schema is not written again once it may have been written") func schema() async throws {
        let node = try await ScriptedNode { _ in .hangUp }
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) { try await client.writeSchema("definition user {}") }
            #expect(error?.outcomeIsKnown == false)
        }
        #expect(node.received.count == 1)
    }

    @Test("a write without an answer ends with its key, which finds out") func deadline() async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { _, earlier in earlier == 0 ? .silence : .written(5) }
        )
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) {
                try await client.write(WriteTests.update(), timeout: .seconds(3))
            }
            #expect(error?.reason == .deadlineExceeded)
            #expect(error?.outcomeIsKnown == false)
            var again = WriteTests.update()
            again.idempotencyKey = try #require(error?.idempotencyKey)
            let result = try await client.write(again).zookie
            #expect(result == cluster.zookie(5))
            // The number of the write that was given up is kept: its answer may still be asked for.
            try await client.write(WriteTests.update(2))
        }
        let keys = node.received(.write).compactMap(\.key)
        #expect(keys.map(\.sequence) == [1, 1, 2])
        #expect(keys.map(\.firstUnacknowledged) == [1, 1, 1])
    }

    @Test("what the state machine refuses is refused, and its number is done") func refused() async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { _, earlier in
                earlier == 0 ? .error(ServiceError(.alreadyExists, "it exists")) : .written(5)
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) { try await client.write(WriteTests.update()) }
            #expect(error?.serviceError?.code == .alreadyExists)
            #expect(error?.outcomeIsKnown == true)
            try await client.write(WriteTests.update(2))
        }
        #expect(node.received(.write).last?.key == IdempotencyKey(session: 17, sequence: 2, firstUnacknowledged: 2))
    }

    @Test("a write whose session had expired, sent once, gets a key of a new session") func expiredSession()
        async throws
    {
        let node = try await ScriptedNode(
            script: WriteTests.script { received, _ in
                received.key?.session == 17 ? .error(ServiceError(.unknownSession, "forgotten")) : .written(5)
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let result = try await client.write(WriteTests.update()).zookie
            #expect(result == cluster.zookie(5))
        }
        #expect(node.received(.write).compactMap(\.key).map(\.session) == [17, 18])
    }

    @Test("a write that may have been done before its session was forgotten is not sent anew") func doubtfulSession()
        async throws
    {
        let node = try await ScriptedNode(
            script: WriteTests.script { _, earlier in
                earlier == 0 ? .hangUp : .error(ServiceError(.unknownSession, "forgotten"))
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) { try await client.write(WriteTests.update()) }
            #expect(error?.serviceError?.code == .unknownSession)
            #expect(error?.outcomeIsKnown == false)
        }
        #expect(node.received(.write).compactMap(\.key).map(\.session) == [17, 17])
    }

    @Test("a key that the caller brings is used as it is, and its session is the caller's business") func ownKey()
        async throws
    {
        let node = try await ScriptedNode(
            script: WriteTests.script { received, _ in
                received.key?.sequence == 1 ? .written(5) : .error(ServiceError(.unknownSession, "forgotten"))
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let key = try await client.makeIdempotencyKey()
            #expect(key == IdempotencyKey(session: 17, sequence: 1, firstUnacknowledged: 1))
            var request = WriteTests.update()
            request.idempotencyKey = key
            try await client.write(request)
            request.idempotencyKey = try await client.makeIdempotencyKey()
            let error = await #expect(throws: ClientError.self) { try await client.write(request) }
            #expect(error?.serviceError?.code == .unknownSession)
            #expect(error?.outcomeIsKnown == false)
        }
        #expect(node.received(.openSession).count == 1)
        #expect(node.received(.write).count == 2)
    }

    @Test("a session that could not be opened in one write's time is opened for the next") func lateSession()
        async throws
    {
        let count = Counts()
        let node = try await ScriptedNode { received in
            let earlier = count.next(received.type)
            if received.type == .write { return .written(5) }
            return earlier == 0 ? .silence : .session(17)
        }
        try await withClient(cluster.configuration([node])) { client in
            // Time enough to connect, however busy the machine is.
            let hasty = Task { try await client.write(WriteTests.update(1), timeout: .seconds(3)) }
            try await eventually("the first attempt at a session") { node.received.count == 1 }
            let patient = Task { try await client.write(WriteTests.update(2), timeout: .seconds(20)) }
            let error = await #expect(throws: ClientError.self) { try await hasty.value }
            #expect(error?.reason == .deadlineExceeded)
            #expect(error?.outcomeIsKnown == true)
            let answer = try await patient.value
            #expect(answer.zookie == cluster.zookie(5))
        }
    }

    @Test("a second attempt says which answers are not asked for any more by now") func refreshedKey() async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { received, _ in
                guard received.key?.sequence == 2 else {
                    guard case .answer(let type, let payload) = Reply.written(5) else { return .hangUp }
                    return .hold(type, payload)
                }
                return received.key?.firstUnacknowledged == 2 ? .written(6) : .error(ServiceError(.overloaded, "busy"))
            }
        )
        try await withClient(cluster.configuration([node])) { client in
            let first = Task { try await client.write(WriteTests.update(1)) }
            try await eventually("the first write") { node.heldCount == 1 }
            let second = Task { try await client.write(WriteTests.update(2)) }
            try await eventually("the second write") { node.received(.write).count > 1 }
            node.release()
            let zookies = try await [first.value.zookie, second.value.zookie]
            #expect(zookies == [cluster.zookie(5), cluster.zookie(6)])
        }
    }

    @Test("after a restore, nothing is asked for that was written before it") func newEpoch() async throws {
        let item = CheckItem(
            resource: ObjectReference(type: "document", id: "d1"),
            permission: "view",
            subject: SubjectReference(type: "user", id: "alice")
        )
        let before = try await ScriptedNode(
            script: WriteTests.script { received, _ in received.type == .check ? .hangUp : .written(42) }
        )
        try await withClient(cluster.configuration([before])) { client in
            try await client.write(WriteTests.update())
            try await before.stop()
            let after = try await ScriptedNode(address: before.address, epoch: Epoch(2)) { _ in .check(.hasPermission) }
            _ = try await client.check(item)
            #expect(before.received(.check).map(\.consistency) == [.atLeastAsFresh(cluster.zookie(42))])
            #expect(after.received(.check).map(\.consistency) == [.minimizeLatency])
        }
    }

    @Test("writes go to the leader, as the first answer names it and as later ones do") func leader() async throws {
        let first = try await ScriptedNode(
            1,
            leader: 2,
            script: WriteTests.script { _, earlier in .written(UInt64(earlier + 1), leader: 1) }
        )
        let second = try await ScriptedNode(
            2,
            leader: 2,
            script: WriteTests.script { _, earlier in .written(UInt64(earlier + 1), leader: earlier < 4 ? 2 : 1) }
        )
        try await withClient(cluster.configuration([first, second])) { client in
            // Returns once both connections are there.
            try await client.withCheckPipelines { _ in }
            for number in 0..<10 { try await client.write(WriteTests.update(number)) }
        }
        #expect(second.received(.write).count == 5)
        #expect(first.received(.write).count == 5)
    }

    @Test("the leader is found though no endpoint is it") func unknownLeader() async throws {
        let leader = try await ScriptedNode(2, leader: 2, script: WriteTests.script { _, _ in .written(9, leader: 2) })
        let follower = try await ScriptedNode(
            1,
            leader: 2,
            members: [MemberAddress(node: NodeID(2), clientAddress: leader.address.description)],
            script: WriteTests.script { _, _ in .written(8, leader: 2) }
        )
        try await withClient(cluster.configuration([follower])) { client in
            while leader.received(.write).isEmpty { try await client.write(WriteTests.update()) }
        }
    }

    @Test("a read without a consistency given sees this client's writes") func readYourWrites() async throws {
        let node = try await ScriptedNode(
            script: WriteTests.script { received, _ in received.type == .check ? .check(.hasPermission) : .written(42) }
        )
        let item = CheckItem(
            resource: ObjectReference(type: "document", id: "d1"),
            permission: "view",
            subject: SubjectReference(type: "user", id: "alice")
        )
        try await withClient(cluster.configuration([node])) { client in
            _ = try await client.check(item)
            try await client.write(WriteTests.update())
            _ = try await client.check(item)
            _ = try await client.check(item, consistency: .minimizeLatency)
        }
        #expect(
            node.received(.check).map(\.consistency) == [
                .minimizeLatency, .atLeastAsFresh(cluster.zookie(42)), .minimizeLatency,
            ]
        )
    }
}
