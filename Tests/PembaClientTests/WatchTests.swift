// Pemba: tests of watches.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaWire
import Synchronization
import Testing

private func tuple(_ number: Int) -> RelationTuple {
    RelationTuple(
        resource: ObjectReference(type: "document", id: "d\(number)"),
        relation: "viewer",
        subject: SubjectReference(type: "user", id: "alice")
    )
}

private func changes(_ revision: UInt64, _ numbers: [Int], isLast: Bool = true) -> WatchEvent {
    .changes(
        zookie: TestCluster.shared.zookie(revision),
        time: Timestamp(nanoseconds: Int64(revision)),
        changes: numbers.map { TupleChange(.created, tuple($0)) },
        metadata: .empty,
        isLast: isLast
    )
}

private func checkpoint(_ revision: UInt64) -> WatchEvent { .checkpoint(zookie: TestCluster.shared.zookie(revision)) }

extension Received {
    fileprivate var start: WatchRequest.Start? { (try? decode(WatchRequest.decode))?.request.start }
    fileprivate var export: ExportRequest? { (try? decode(ExportRequest.decode))?.request }
}

@Suite("Watches", .timeLimit(.minutes(4))) struct WatchTests {
    let cluster = TestCluster.shared

    /// The first `count` events.
    private func first(
        _ count: Int,
        of stream: AnswerStream<WatchEvent, Never>
    ) async throws -> [WatchEvent] {
        var events: [WatchEvent] = []
        for try await event in stream {
            events.append(event)
            if events.count == count { break }
        }
        return events
    }

    /// A node that answers the `n`-th watch with the `n`-th reply, and the others with the last.
    private func node(_ replies: [Reply]) async throws -> ScriptedNode {
        let counter = Counter()
        return try await ScriptedNode { received in
            guard received.type == .watch else { return .silence }
            return replies[min(counter.next(), replies.count - 1)]
        }
    }

    @Test("after a break it goes on after the last revision, and nothing comes twice") func resuming() async throws {
        let node = try await node([
            .framesAndHangUp([Reply.Frame([checkpoint(3), changes(4, [1])]), Reply.Frame([changes(6, [2])])]),
            .frames([Reply.Frame([changes(6, [2]), changes(7, [3]), checkpoint(9)])]),
        ])
        try await withClient(cluster.configuration([node])) { client in
            let events = try await first(5, of: client.watch(WatchRequest(start: .now)))
            #expect(events == [checkpoint(3), changes(4, [1]), changes(6, [2]), changes(7, [3]), checkpoint(9)])
        }
        // Revision 6 may have had more to it, so the stream goes on after the one before and drops what came.
        #expect(node.received(.watch).map(\.start) == [.now, .after(cluster.zookie(4))])
    }

    @Test("a revision that was cut in the middle goes on there") func cutRevision() async throws {
        let node = try await node([
            .framesAndHangUp([Reply.Frame([changes(5, [1, 2], isLast: false)])]),
            .frames([
                Reply.Frame([checkpoint(4), changes(5, [1], isLast: false), changes(5, [2, 3]), changes(6, [4])])
            ]),
        ])
        try await withClient(cluster.configuration([node])) { client in
            let events = try await first(3, of: client.watch(WatchRequest(start: .now)))
            #expect(events == [changes(5, [1, 2], isLast: false), changes(5, [3]), changes(6, [4])])
        }
        #expect(node.received(.watch).map(\.start) == [.now, .after(cluster.zookie(4))])
    }

    @Test("the schema of a revision comes once, before or after its other changes") func schemaOnce() async throws {
        let schema = WatchEvent.schema(zookie: cluster.zookie(5), source: "definition user {}")
        let node = try await node([
            .framesAndHangUp([Reply.Frame([changes(5, [1])])]),
            .framesAndHangUp([Reply.Frame([changes(5, [1]), schema])]),
            .frames([Reply.Frame([changes(5, [1]), schema, checkpoint(6)])]),
        ])
        try await withClient(cluster.configuration([node])) { client in
            let events = try await first(3, of: client.watch(WatchRequest(start: .after(cluster.zookie(2)))))
            #expect(events == [changes(5, [1]), schema, checkpoint(6)])
        }
    }

    @Test("a node that cannot go on says how far it came, and another goes on there") func handedOver() async throws {
        let end = Reply.Frame(.watchAnswer) { WatchEnd(zookie: TestCluster.shared.zookie(8)).encode(into: &$0) }
        let node = try await node([
            .frames([Reply.Frame([changes(5, [1])]), end]), .frames([Reply.Frame([changes(9, [2])])]),
        ])
        try await withClient(cluster.configuration([node])) { client in
            let events = try await first(2, of: client.watch(WatchRequest(start: .now)))
            #expect(events == [changes(5, [1]), changes(9, [2])])
        }
        #expect(node.received(.watch).map(\.start) == [.now, .after(cluster.zookie(8))])
    }

    @Test("who reads too slowly gets what there is and then is told so") func tooSlow() async throws {
        let error = ServiceError(.watcherTooSlow, "the watcher took events more slowly than they arose")
        let node = try await node([.frames([Reply.Frame([changes(5, [1])]), Reply.Frame(error)])])
        try await withClient(cluster.configuration([node])) { client in
            var events = client.watch(WatchRequest(start: .now)).makeAsyncIterator()
            let event = try await events.next()
            #expect(event == changes(5, [1]))
            let thrown = await #expect(throws: ClientError.self) { try await events.next() }
            #expect(thrown?.serviceError == error)
        }
        #expect(node.received(.watch).count == 1)
    }

    @Test("history that no node keeps is an error once all were asked") func tooOld() async throws {
        let error = ServiceError(.revisionTooOld, "the oldest revision is 7")
        let nodes = try await [
            ScriptedNode(1) { _ in .error(error) }, ScriptedNode(2) { _ in .error(error) },
        ]
        // So patient that whoever waits for the deadline is told from whoever is only slow.
        var configuration = cluster.configuration(nodes)
        configuration.timeout = .seconds(600)
        try await withClient(configuration) { client in
            let start = ContinuousClock.now
            for _ in 0..<4 {
                let thrown = await #expect(throws: ClientError.self) {
                    try await first(1, of: client.watch(WatchRequest(start: .after(cluster.zookie(1)))))
                }
                #expect(thrown?.serviceError == error)
            }
            #expect(ContinuousClock.now - start < .seconds(300))
        }
        #expect(nodes.allSatisfy { !$0.received.isEmpty })
    }

    @Test("a snapshot is of one revision, names a tuple once, and changes follow it") func snapshot() async throws {
        let filters = [RelationshipFilter(resourceID: "d1"), RelationshipFilter(resourceType: "document")]
        let node = try await ScriptedNode { received in
            let end = Reply.Frame(.exportAnswer) {
                ExportEnd(zookie: TestCluster.shared.zookie(5), count: 0).encode(into: &$0)
            }
            if received.type == .watch { return .frames([Reply.Frame([changes(6, [9])])]) }
            guard let export = received.export else { return .silence }
            if export.filter == filters[0] { return .frames([Reply.Frame([tuple(1)], 5), end]) }
            if export.cursor != nil { return .frames([Reply.Frame([tuple(3)], 5), end]) }
            return .framesAndHangUp([Reply.Frame([tuple(1), tuple(2)], 5)])
        }
        try await withClient(cluster.configuration([node])) { client in
            let stream = client.watch(WatchRequest(start: .snapshot, filters: filters))
            let events = try await first(5, of: stream)
            #expect(
                events == [
                    .tuples([tuple(1)]), .tuples([tuple(2)]), .tuples([tuple(3)]), checkpoint(5), changes(6, [9]),
                ]
            )
        }
        #expect(node.received(.watch).map(\.start) == [.after(cluster.zookie(5))])
        let exports = node.received.compactMap(\.export)
        #expect(exports.map(\.filter) == [filters[0], filters[1], filters[1]])
        #expect(exports[1].consistency == .atExactSnapshot(cluster.zookie(5)))
    }
}

/// Numbers that are given out once each.
private final class Counter: Sendable {
    private let value = Mutex(0)

    func next() -> Int {
        value.withLock { value in
            defer { value += 1 }
            return value
        }
    }
}
