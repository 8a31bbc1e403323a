// Pemba: tests of streamed answers, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import PembaClient
import PembaCore
import PembaService
import PembaTLS
import PembaTransport
import PembaWire
import Synchronization
import Testing

@testable import PembaServer

/// A connection that sends frames when it is told to, and keeps what comes back.
final class StreamProbe: Sendable {
    /// A frame that came back.
    struct Frame: Sendable {
        var type: FrameType
        var correlation: UInt64
        var error: ErrorCode?
    }

    private struct State {
        var frames: [Frame] = []
        var connection: NIOLoopBound<Connection>?
        var isClosed = false
    }

    /// Lives on the connection's loop.
    private final class Delegate: ConnectionDelegate {
        private let probe: StreamProbe
        private let hello: Hello

        init(_ probe: StreamProbe, _ hello: Hello) {
            self.probe = probe
            self.hello = hello
        }

        func connectionDidOpen(_ connection: Connection) {
            let bound = NIOLoopBound(connection, eventLoop: connection.loop)
            probe.state.withLock { $0.connection = bound }
            FrameWriter.frame(type: .hello, correlation: 0, into: &connection.output) { hello.encode(into: &$0) }
        }

        func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
            guard let type = header.type else { return }
            let error = type == .error ? (try? ErrorFrame(decoding: payload))?.serviceError.code : nil
            probe.state.withLock {
                $0.frames.append(Frame(type: type, correlation: header.correlation, error: error))
            }
        }

        func connectionDidFinishBurst(_ connection: Connection) {}

        func connectionDidClose(_ connection: Connection, error: TransportError?) {
            probe.state.withLock { $0.isClosed = true }
        }
    }

    private let state = Mutex(State())

    /// Connects to the first node of a cluster and introduces itself; waits for an answer if it is welcome.
    init(_ cluster: TestCluster, isWelcome: Bool = true) async throws {
        let context = try TLSContext(
            role: .client,
            authority: .file(cluster.path("ca.pem")),
            certificate: .file(cluster.path("admin.pem")),
            key: .file(cluster.path("admin-key.pem"))
        )
        let hello = Hello(cluster: cluster.id, software: "test", caller: .client(name: "test", bearerKey: ""))
        let opened = try Connector.connect(
            to: cluster.members[0].client,
            tls: context,
            expecting: .anyone,
            on: TestCluster.loop.get(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in Delegate(self, hello) }
        guard isWelcome else {
            do {
                try await opened.get()
            } catch {
                state.withLock { $0.isClosed = true }
            }
            return
        }
        try await opened.get()
        #expect(try await TestCluster.eventually { self.frames(0).contains { $0.type == .helloAnswer } })
    }

    /// The frames that came back under a correlation.
    func frames(_ correlation: UInt64) -> [Frame] {
        state.withLock { $0.frames.filter { $0.correlation == correlation } }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func send(
        _ type: FrameType,
        _ correlation: UInt64,
        _ body: @escaping @Sendable (inout ByteWriter) -> Void = { _ in }
    ) {
        guard let bound = state.withLock({ $0.connection }) else { return }
        bound.eventLoop.execute {
            FrameWriter.frame(type: type, correlation: correlation, into: &bound.value.output, body)
            bound.value.flush()
        }
    }

    /// Sends one frame for each body in one packet, with the correlations from 1.
    func send(_ type: FrameType, _ bodies: [@Sendable (inout ByteWriter) -> Void]) {
        guard let bound = state.withLock({ $0.connection }) else { return }
        bound.eventLoop.execute {
            for (place, body) in bodies.enumerated() {
                FrameWriter.frame(
                    type: type,
                    correlation: UInt64(place + 1),
                    into: &bound.value.output,
                    body
                )
            }
            bound.value.flush()
        }
    }

    func watch(_ correlation: UInt64, window: UInt16 = 64) {
        send(.watch, correlation) {
            WatchRequest(start: .now).encode(deadlineMilliseconds: 0, window: window, into: &$0)
        }
    }

    /// Waits until a correlation has as many frames of a type.
    func expect(_ count: Int, _ type: FrameType, _ correlation: UInt64) async throws {
        let isThere = try await TestCluster.eventually {
            self.frames(correlation).filter { $0.type == type }.count >= count
        }
        #expect(isThere, "no \(count) \(type) among \(self.frames(correlation))")
    }

    func close() {
        guard let bound = state.withLock({ $0.connection }) else { return }
        bound.eventLoop.execute { bound.value.close() }
    }
}

@Suite(.serialized, .timeLimit(.minutes(4)))
struct StreamTests {
    private func withNode(
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        try await TestCluster.run(overrides) { cluster, client in
            // A probe does not ask again when the node has just come up and does not know yet how fresh it is.
            let isReady = try await TestCluster.eventually {
                try await cluster.http(NodeID(1), "/readyz").status == 200
            }
            #expect(isReady)
            try await body(cluster, client)
        }
    }

    /// As many documents as that which ann may view.
    private func fill(_ client: PembaClient, _ count: Int) async throws {
        for start in stride(from: 0, to: count, by: 1_000) {
            let tuples = try (start..<min(start + 1_000, count)).map { number in
                try RelationTuple(parsing: "document:\(number)#viewer@user:ann")
            }
            try await client.importTuples(ImportRequest(tuples: tuples, mode: .touch), timeout: .seconds(60))
        }
    }

    // MARK: One stream

    @Test func aCancelWithAPayloadIsRefused() async throws {
        try await withNode { cluster, _ in
            let probe = try await StreamProbe(cluster)
            probe.watch(5)
            try await probe.expect(1, .watchEvents, 5)
            probe.send(.cancel, 5) { $0.integer(UInt8(1)) }
            try await probe.expect(1, .error, 5)
            #expect(probe.frames(5).compactMap(\.error) == [.malformedRequest])
            probe.close()
        }
    }

    @Test func aCorrelationNamesOneStreamUntilItIsCancelled() async throws {
        try await withNode { cluster, _ in
            let probe = try await StreamProbe(cluster)
            probe.watch(5)
            try await probe.expect(1, .watchEvents, 5)
            probe.watch(5)
            try await probe.expect(1, .error, 5)
            #expect(probe.frames(5).compactMap(\.error) == [.invalidArgument])
            probe.send(.cancel, 5)
            probe.watch(5)
            try await probe.expect(2, .watchEvents, 5)
            #expect(probe.frames(5).compactMap(\.error).count == 1)
            probe.close()
        }
    }

    @Test func aCancelledStreamSendsNothingMore() async throws {
        try await withNode { cluster, client in
            let probe = try await StreamProbe(cluster)
            probe.watch(5)
            try await probe.expect(1, .watchEvents, 5)
            try await client.write(NodeTests.touch("group:eng#member@user:ann"))
            try await probe.expect(2, .watchEvents, 5)
            probe.send(.cancel, 5)
            probe.send(.ping, 6) { Ping(token: 1).encode(into: &$0) }
            try await probe.expect(1, .pong, 6)
            try await client.write(NodeTests.touch("group:eng#member@user:bob"))
            probe.send(.ping, 7) { Ping(token: 2).encode(into: &$0) }
            try await probe.expect(1, .pong, 7)
            #expect(probe.frames(5).count == 2)
            probe.close()
        }
    }

    @Test func watchesEndInOrderWhenTheNodeStops() async throws {
        try await withNode { cluster, client in
            let probe = try await StreamProbe(cluster)
            probe.watch(5)
            try await probe.expect(1, .watchEvents, 5)
            try await client.write(NodeTests.touch("group:eng#member@user:ann"))
            try await probe.expect(2, .watchEvents, 5)
            cluster.stop(NodeID(1))
            try await probe.expect(1, .watchAnswer, 5)
            #expect(probe.frames(5).last?.type == .watchAnswer)
        }
    }

    /// The client keeps its connection alive, but takes nothing of the answer.
    @Test func aStreamOfWhichNothingIsTakenEndsWithAnError() async throws {
        try await withNode(["limits.idle_timeout_ms=1500"]) { cluster, client in
            try await fill(client, 5_000)
            let probe = try await StreamProbe(cluster)
            probe.send(.export, 5) { ExportRequest().encode(deadlineMilliseconds: 0, window: 1, into: &$0) }
            try await probe.expect(1, .exportedTuples, 5)
            let hasEnded = try await TestCluster.eventually {
                probe.send(.ping, 6) { Ping(token: 1).encode(into: &$0) }
                return probe.frames(5).contains { $0.type == .error }
            }
            #expect(hasEnded && !probe.isClosed)
            #expect(probe.frames(5).compactMap(\.error) == [.deadlineExceeded])
            // Credit for it comes too late, and a new stream may have its number.
            probe.send(.streamCredit, 5) { StreamCredit(frames: 64).encode(into: &$0) }
            probe.send(.export, 5) { ExportRequest().encode(deadlineMilliseconds: 0, window: 64, into: &$0) }
            try await probe.expect(1, .exportAnswer, 5)
            probe.close()
        }
    }

    // MARK: Taking turns

    private static let smallSlices = ["limits.evaluation_slice_visits=64", "limits.request_deadline_ms=60000"]
    private static let lookups = [TypePermission(type: "document", permission: "view")]

    /// What a lookup found, and at which revision.
    private struct Found: Sendable {
        var ids: Set<String>
        var revision: Revision?
    }

    /// Several lookups at once.
    private func lookUp(_ client: PembaClient, times: Int) async throws -> [Found] {
        try await withThrowingTaskGroup(of: Found.self) { group in
            for _ in 0..<times {
                group.addTask {
                    var items = self.lookUp(client).makeAsyncIterator()
                    return try await self.rest(of: &items)
                }
            }
            var all: [Found] = []
            for try await found in group { all.append(found) }
            return all
        }
    }

    /// All that ann may view.
    private func lookUp(_ client: PembaClient) -> ResourceStream {
        let ann = SubjectReference(type: "user", id: "ann")
        return client.lookupResources(Self.lookups, for: ann, timeout: .seconds(60))
    }

    /// What a lookup finds from here on.
    private func rest(of items: inout ResourceStream.Iterator) async throws -> Found {
        var ids: Set<String> = []
        while let item = try await items.next() { ids.insert(item.id) }
        return Found(ids: ids, revision: items.end?.zookie.revision)
    }

    /// While lookups are under way checks are answered and entries are applied; they answer at their own revision.
    @Test func longLookupsHoldUpNeitherChecksNorWrites() async throws {
        try await withNode(Self.smallSlices) { cluster, client in
            let count = 10_000
            try await fill(client, count)
            let other = try cluster.client()
            _ = try await other.status()
            // Each has begun, and none goes on before it is read.
            var lookups: [ResourceStream.Iterator] = []
            for _ in 0..<EvaluationQueue.lookupsUnderWay {
                var items = lookUp(client).makeAsyncIterator()
                let first = try await items.next()
                #expect(first != nil)
                lookups.append(items)
            }
            let write = try NodeTests.touch("document:new#viewer@user:ann")
            let zookie = try await other.write(write, timeout: .seconds(60)).zookie
            var item = try NodeTests.item("document:new#view@user:ann")
            item.context = try ContextObject(parsing: #"{"any": 1}"#)
            let check = try await other.check(item, consistency: .atLeastAsFresh(zookie), timeout: .seconds(60))
            #expect(check.permissionship == .hasPermission)
            for place in lookups.indices {
                let answer = try await rest(of: &lookups[place])
                #expect(answer.ids.count == count - 1 && !answer.ids.contains("new"))
                #expect(answer.revision.map { $0 < zookie.revision } == true)
            }
            await other.shutdown()
        }
    }

    /// More lookups than may be under way at once are all answered, whatever is written meanwhile.
    @Test func manyLookupsTakeTurns() async throws {
        try await withNode(Self.smallSlices) { _, client in
            let count = 2_000
            try await fill(client, count)
            async let lookups = lookUp(client, times: EvaluationQueue.lookupsUnderWay * 2)
            for number in 0..<20 { try await client.write(NodeTests.touch("group:g\(number)#member@user:ann")) }
            for answer in try await lookups { #expect(answer.ids.count == count) }
        }
    }
}
