// Pemba: tests of imports, deletions and set relations.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaWire
import Synchronization
import Testing

private func tuples(_ range: Range<Int>) -> [RelationTuple] {
    range.map {
        RelationTuple(
            resource: ObjectReference(type: "document", id: "d\($0)"),
            relation: "viewer",
            subject: SubjectReference(type: "user", id: "alice")
        )
    }
}

extension Reply {
    fileprivate static func imported(_ created: Int, _ revision: UInt64) -> Reply {
        let answer = ImportAnswer(
            created: UInt64(created),
            existing: 0,
            zookie: TestCluster.shared.zookie(revision)
        )
        return .answer(.importAnswer, encode { answer.encode(leader: nil, into: &$0) })
    }
}

extension Received {
    fileprivate var importRequest: ImportRequest? { (try? decode(ImportRequest.decode))?.request }
}

@Suite("Imports and deletions", .timeLimit(.minutes(4))) struct ImportTests {
    let cluster = TestCluster.shared

    @Test("an import is cut into requests, several in flight, each with a key of its own") func importing() async throws
    {
        let node = try await ScriptedNode { received in
            guard let request = received.importRequest else { return .session(3) }
            guard case .answer(let type, let payload) = Reply.imported(request.batch.count, 9) else { return .hangUp }
            return .hold(type, payload)
        }
        try await withClient(cluster.configuration([node])) { client in
            let all = tuples(0..<305)
            let steps = Mutex<[Int]>([])
            let task = Task {
                try await client.importTuples(all, mode: .skip, requestsInFlight: 3, tuplesPerRequest: 100) { summary in
                    steps.withLock { $0.append(summary.done) }
                }
            }
            try await eventually("three requests") { node.heldCount == 3 }
            node.release()
            try await eventually("the last request") { node.heldCount == 1 }
            node.release()
            let summary = try await task.value
            let expected = ImportSummary(
                done: all.count,
                created: UInt64(all.count),
                existing: 0,
                zookie: cluster.zookie(9)
            )
            #expect(summary == expected)
            // The last is answered first: what is done for certain does not grow until the first is.
            #expect(steps.withLock(\.self).sorted() == steps.withLock(\.self))
            #expect(steps.withLock(\.first) == 0)
        }
        let requests = node.received.compactMap(\.importRequest)
        #expect(requests.map(\.batch.count) == [100, 100, 100, 5])
        #expect(requests.allSatisfy { $0.mode == .skip })
        #expect(Set(requests.map(\.idempotencyKey?.sequence)).count == 4)
    }

    @Test("a request that was lost is sent again under its key") func repeated() async throws {
        let losses = Mutex(1)
        let node = try await ScriptedNode { received in
            guard let request = received.importRequest else { return .session(3) }
            let isLost = losses.withLock { losses in
                defer { losses = 0 }
                return losses > 0
            }
            return isLost ? .hangUp : .imported(request.batch.count, 4)
        }
        try await withClient(cluster.configuration([node])) { client in
            let summary = try await client.importTuples(tuples(0..<10), mode: .touch)
            #expect(summary.done == 10)
        }
        let keys = node.received.compactMap { $0.importRequest?.idempotencyKey }
        #expect(keys.map(\.sequence) == [1, 1])
    }

    @Test("when a request fails the error says what is done") func failing() async throws {
        let error = ServiceError(.alreadyExists, "document:d150 exists", details: [.init("position", "50")])
        let node = try await ScriptedNode { received in
            guard let request = received.importRequest else { return .session(3) }
            let first = try? request.batch.unpack().first
            return first?.resource.id == "d0" ? .imported(request.batch.count, 4) : .error(error)
        }
        try await withClient(cluster.configuration([node])) { client in
            let thrown = await #expect(throws: ImportError.self) {
                try await client.importTuples(tuples(0..<250), mode: .fail, requestsInFlight: 1, tuplesPerRequest: 100)
            }
            #expect(thrown?.cause.serviceError == error)
            #expect(thrown?.summary.done == 100)
            #expect(thrown?.position == 150)
        }
        // Nothing more was sent after the failure.
        #expect(node.received.compactMap(\.importRequest).count == 2)
    }

    @Test("nothing to import is no request") func empty() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await withClient(cluster.configuration([node])) { client in
            let summary = try await client.importTuples([], mode: .touch)
            #expect(summary == ImportSummary())
        }
        #expect(node.received.isEmpty)
    }

    @Test("a deletion and a set relation carry keys, and reads see them afterwards") func otherWrites() async throws {
        let deleted = DeleteAnswer(deleted: 3, next: ReadCursor(last: tuples(0..<1)[0]), zookie: cluster.zookie(6))
        let changes = [TupleUpdate(.create, tuples(0..<1)[0])]
        let set = SetAnswer(changes: changes, zookie: cluster.zookie(7))
        let node = try await ScriptedNode { received in
            switch received.type {
            case .delete: .answer(.deleteAnswer, Reply.encode { deleted.encode(leader: nil, into: &$0) })
            case .set: .answer(.setAnswer, Reply.encode { set.encode(leader: nil, into: &$0) })
            case .check: .check(.hasPermission)
            default: .session(3)
            }
        }
        let filter = RelationshipFilter(resourceType: "document")
        let plan = ObjectReference(type: "document", id: "plan")
        try await withClient(cluster.configuration([node])) { client in
            let first = try await client.delete(DeleteRequest(filter: filter, limit: 3, allowsPartial: true))
            #expect(first == deleted)
            let second = try await client.set(SetRequest(resource: plan, relation: "viewer", tuples: []))
            #expect(second == set)
            _ = try await client.check(
                CheckItem(resource: plan, permission: "view", subject: SubjectReference(type: "user", id: "a"))
            )
            let none = await #expect(throws: ClientError.self) {
                try await client.delete(DeleteRequest(filter: RelationshipFilter()))
            }
            #expect(none?.serviceError?.code == .invalidArgument)
        }
        let request = try #require(node.received(.delete).first).decode(DeleteRequest.decode).request
        #expect(request.idempotencyKey?.sequence == 1)
        #expect(request.limit == 3)
        let setRequest = try #require(node.received(.set).first).decode(SetRequest.decode).request
        #expect(setRequest.idempotencyKey?.sequence == 2)
        #expect(node.received(.check).map(\.consistency) == [.atLeastAsFresh(cluster.zookie(7))])
    }
}
