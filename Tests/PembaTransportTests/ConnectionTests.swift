// Pemba: tests of connections over real sockets.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import PembaCore
import PembaService
import PembaTLS
import PembaTestSupport
import PembaTransport
import PembaWire
import Synchronization
import Testing

@Suite struct ConnectionTests {
    private func ping(_ correlation: UInt64, _ payload: [UInt8] = []) -> Recorder.Frame {
        Recorder.Frame(type: FrameType.ping.rawValue, correlation: correlation, payload: payload)
    }

    @Test(arguments: ["127.0.0.1", "::1", "localhost"])
    func framesGoThereAndBack(host: String) async throws {
        try await EchoServer(host: host).run { server in
            let client = try await server.connect()
            for number in 1...100 { try await client.send(ping(UInt64(number), [UInt8](repeating: 7, count: number))) }
            try await client.wait("all echoes") { $0.frames.count == 100 }
            #expect(client.frames == (1...100).map { ping(UInt64($0), [UInt8](repeating: 7, count: $0)) })
            #expect(client.identities == [.node(server.cluster.id, NodeID(1))])
            #expect(server.events.identities == [.client(server.cluster.id, name: "tester", roles: .read)])
        }
    }

    @Test(arguments: [0, 1, 16_383, 100_000, Limits.framePayloadBytes], [false, true])
    func payloadsOfEverySizeArriveWhole(size: Int, compressing: Bool) async throws {
        try await EchoServer().run { server in
            let client = try await server.connect()
            let frame = ping(1, (0..<size).map { UInt8(truncatingIfNeeded: $0 / 100) })
            try await client.send(frame, compressing: compressing)
            try await client.wait("the echo") { $0.frames.count == 1 }
            #expect(client.frames == [frame])
        }
    }

    @Test func whatIsAppendedInOneTurnIsSentAndReadTogether() async throws {
        try await EchoServer().run { server in
            let client = try await server.connect()
            let frames = (1...500).map { ping(UInt64($0), [1, 2, 3]) }
            try await client.withConnection { connection in
                for frame in frames {
                    connection.append(frame, compressing: false)
                    connection.flush()
                }
            }
            try await client.wait("all echoes") { $0.frames.count == 500 }
            #expect(client.frames == frames)
            // 500 frames of 19 bytes fit one record: flushed one by one they would come in many bursts.
            #expect(server.events.bursts <= 3)
        }
    }

    @Test(arguments: [1, 3, 700])
    func framesAreWholeHoweverTheStreamIsCut(chunk: Int) async throws {
        let events = Recorder(behaviour: .record)
        try await EchoServer(events: events).run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            let frames = (0..<20).map { ping($0, [UInt8](repeating: UInt8($0), count: Int($0) * 37)) }
            var writer = ByteWriter()
            for frame in frames {
                FrameWriter.frame(type: .ping, correlation: frame.correlation, into: &writer) { $0.raw(frame.payload) }
            }
            // Small pieces of plaintext make small records, small pieces of ciphertext cut those.
            var offset = 0
            while offset < writer.bytes.count {
                let end = min(writer.bytes.count, offset + chunk * 5)
                try client.send(Array(writer.bytes[offset..<end]), chunk: chunk)
                offset = end
            }
            try await events.wait("all frames") { $0.frames.count == 20 }
            #expect(events.frames == frames)
        }
    }

    @Test func closingTellsBothSides() async throws {
        try await EchoServer().run { server in
            let client = try await server.connect()
            try await client.withConnection { $0.close() }
            try await client.wait("the client's end") { $0.closed.count == 1 }
            try await server.events.wait("the server's end") { $0.closed.count == 1 }
            #expect(client.closed == [nil])
            #expect(server.events.closed == [nil])
            try await eventually("released") { server.listener.counters.open == 0 }
            #expect(server.listener.counters.closed(.clean) == 1)
        }
    }

    @Test func whatWasSaidBeforeClosingIsHeard() async throws {
        try await EchoServer(events: Recorder(behaviour: .echoAndClose)).run { server in
            let client = try await server.connect()
            // The server closes at the first frame, while the rest is still under way to it.
            try await client.withConnection { connection in
                for number in 1...20 {
                    let payload = [UInt8](repeating: 1, count: 100_000)
                    let frame = Recorder.Frame(
                        type: FrameType.ping.rawValue,
                        correlation: UInt64(number),
                        payload: payload
                    )
                    connection.append(frame, compressing: false)
                }
                connection.flush()
            }
            try await client.wait("the client's end") { $0.closed.count == 1 }
            #expect(client.frames.map(\.correlation) == [1])
            #expect(client.closed == [nil])
            try await server.events.wait("the server's end") { $0.closed.count == 1 }
            #expect(server.events.closed == [.ended(reason: "the test says so")])
        }
    }

    @Test func nothingIsHandedOverAfterClosing() async throws {
        let events = Recorder(behaviour: .echoAndClose)
        try await EchoServer(events: events).run { server in
            let client = try await server.connect()
            try await client.withConnection { connection in
                for number in 1...5 { connection.append(ping(UInt64(number)), compressing: false) }
                connection.flush()
            }
            try await events.wait("the server's end") { $0.closed.count == 1 }
            #expect(events.frames == [ping(1)])
        }
    }

    @Test func newCertificatesServeNewConnections() async throws {
        let cluster = try TestCluster()
        let current = Mutex(try cluster.server(1))
        let holder = ContextHolder(current: current)
        try await EchoServer(cluster: cluster, tls: { holder.context }).run { server in
            let first = try await server.connect()
            holder.context = try cluster.server(2)
            let second = try await server.connect()
            #expect(first.identities == [.node(cluster.id, NodeID(1))])
            #expect(second.identities == [.node(cluster.id, NodeID(2))])
            try await first.send(ping(1))
            try await first.wait("the old connection's echo") { $0.frames.count == 1 }
        }
    }

    @Test func aTakenPortIsSaidToBe() async throws {
        try await EchoServer().run { server in
            let context = try server.cluster.server()
            let address = server.listener.address
            let configuration = Listener.Configuration(address: address, tls: { context }, expecting: .anyone)
            let reason = "the port is taken by another process"
            #expect(throws: TransportError.cannotListen(address: address.description, reason: reason)) {
                try Listener(
                    configuration,
                    on: EchoServer.loop.get(),
                    logger: EchoServer.logger,
                    refusals: EchoServer.logger
                ) {
                    _ in RecordingDelegate(server.events)
                }
            }
        }
    }

    @Test func nobodyListeningIsSaidSo() async throws {
        let server = try await EchoServer()
        try await server.listener.close().get()
        let address = server.listener.address.description
        await #expect(throws: TransportError.cannotConnect(address: address, reason: "nothing listens there")) {
            _ = try await server.connect()
        }
    }

    /// A program that is started while a port is listened on does not keep it taken after that.
    @Test func programsInheritNoListener() async throws {
        let server = try await EchoServer()
        var program: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
        defer { for argument in arguments { free(argument) } }
        // It returns once the other program runs (posix_spawn(3), "The exec() step").
        try #require(posix_spawn(&program, "/bin/sleep", nil, nil, &arguments, [nil]) == 0)
        defer {
            kill(program, SIGKILL)
            waitpid(program, nil, 0)
        }
        try await server.listener.close().get()
        let address = server.listener.address.description
        await #expect(throws: TransportError.cannotConnect(address: address, reason: "nothing listens there")) {
            _ = try await server.connect()
        }
    }
}

/// A context that a test replaces.
final class ContextHolder: Sendable {
    private let current: Mutex<TLSContext>

    init(current: consuming sending Mutex<TLSContext>) { self.current = current }

    var context: TLSContext {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
