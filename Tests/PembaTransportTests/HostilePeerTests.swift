// Pemba: tests of connections with peers that do not play by the rules.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import PembaTestSupport
import PembaTransport
import PembaWire
import Testing

@Suite struct HostileConnectionTests {
    /// Waits until a connection has ended for that cause, and shows that the next client is served.
    private func expect(_ cause: CloseCause, at server: EchoServer) async throws {
        try await eventually("\(cause)") { server.listener.counters.closed(cause) == 1 }
        let client = try await server.connect()
        try await client.send(Recorder.Frame(type: FrameType.ping.rawValue, correlation: 1, payload: []))
        try await client.wait("an echo for the next client") { $0.frames.count == 1 }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{0}\u{0}\u{0}\u{0}"])
    func plaintextIsRefused(text: String) async throws {
        try await EchoServer().run { server in
            let client = try RawClient(server.listener.address)
            client.sendRaw(Array(text.utf8))
            #expect(client.receiveToEnd().isEmpty)
            try await expect(.plaintext, at: server)
            #expect(server.events.closed.isEmpty)
        }
    }

    @Test func anOldVersionIsRefusedWithAnAlert() async throws {
        try await EchoServer().run { server in
            let client = try RawClient(server.listener.address)
            client.sendRaw(RecordedHello.tls12)
            // Alert record, version, length 2, fatal, protocol_version (RFC 8446, section 6).
            #expect(client.receiveToEnd() == [21, 3, 3, 0, 2, 2, 70])
            try await expect(.unsupportedVersion, at: server)
        }
    }

    @Test func aForeignCertificateIsRefused() async throws {
        let foreign = try TestCluster()
        try await EchoServer().run { server in
            let own = try foreign.issuer().issueClient("tester", roles: .admin, cluster: server.cluster.id)
            let both = server.cluster.authority.certificatePEM + foreign.authority.certificatePEM
            let context = try TLSContext(
                role: .client,
                authority: .bytes(both, name: "both"),
                certificate: own.certificate,
                key: own.key
            )
            let client = try await server.connect(tls: context)
            try await client.wait("the refusal") { $0.closed.count == 1 }
            guard case .tls(.refusedByPeer) = client.closed[0] else {
                Issue.record("the client was told \(String(describing: client.closed[0]))")
                return
            }
            try await expect(.untrustedPeer, at: server)
        }
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        try await EchoServer().run { server in
            // It is valid when the context is made and no longer when the server looks at it.
            let now = CertificateValidity.days(0)
            let soon = Timestamp(nanoseconds: now.notAfter.nanoseconds + 1_500_000_000)
            let own = try server.cluster.issuer().issueClient(
                "tester",
                roles: .admin,
                cluster: server.cluster.id,
                validity: CertificateValidity(notBefore: now.notBefore, notAfter: soon)
            )
            let context = try server.cluster.context(.client, own)
            try await eventually("the certificate's end") {
                CertificateValidity.days(0).notAfter.nanoseconds > soon.nanoseconds
            }
            let client = try await server.connect(tls: context)
            try await client.wait("the refusal") { $0.closed.count == 1 }
            try await expect(.untrustedPeer, at: server)
        }
    }

    @Test func aClientRefusesAForeignServer() async throws {
        let foreign = try TestCluster()
        try await EchoServer().run { server in
            let context = try foreign.client()
            await #expect {
                _ = try await server.connect(tls: context)
            } throws: { error in
                if case TransportError.tls(.peerUntrusted) = error { true } else { false }
            }
        }
    }

    @Test(arguments: [UInt32.max, UInt32(Limits.framePayloadBytes) + 1])
    func aFrameThatClaimsTooMuchEndsTheConnection(length: UInt32) async throws {
        try await EchoServer().run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            var writer = ByteWriter()
            writer.integer(length)
            writer.raw([UInt8](repeating: 0, count: 12))
            try client.send(writer.bytes)
            #expect(!client.receiveToEnd().isEmpty)  // The close notification.
            let error = FrameError.payloadTooLong(length: length, limit: Limits.framePayloadBytes)
            try await server.events.wait("the end") { $0.closed == [.frame(error)] }
            try await expect(.malformedFrame, at: server)
        }
    }

    @Test func framesBeforeAMalformedOneAreDelivered() async throws {
        let events = Recorder(behaviour: .record)
        try await EchoServer(events: events).run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            var writer = ByteWriter()
            FrameWriter.frame(type: .ping, correlation: 9, into: &writer) { $0.raw([1]) }
            writer.raw([UInt8](repeating: 0xFF, count: 16))
            try client.send(writer.bytes)
            try await events.wait("the end") { $0.closed.count == 1 }
            #expect(events.frames.map(\.correlation) == [9])
        }
    }

    @Test func randomPlaintextNeverHarmsTheListener() async throws {
        try await EchoServer().run { server in
            let context = try server.cluster.client()
            for seed in Seeds(short: 20, full: 500) {
                var random = SeededRandom(seed: seed)
                let client = try RawClient(server.listener.address, tls: context)
                for _ in 0..<random.below(20) {
                    let bytes = (0..<random.below(5_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    // Half of them begin with a possible header, so that payloads are looked at too.
                    var writer = ByteWriter()
                    let begins = FrameHeader(
                        payloadLength: UInt32(bytes.count),
                        type: .ping,
                        flags: random.chance(1, in: 2) ? .compressed : [],
                        correlation: random.next()
                    )
                    if random.chance(1, in: 2) { begins.encode(into: &writer) }
                    writer.raw(bytes)
                    // The server may have closed already; then writing fails, which is fine.
                    try client.send(writer.bytes, chunk: 1 + random.below(3_000))
                }
            }
            let client = try await server.connect()
            try await client.send(Recorder.Frame(type: FrameType.ping.rawValue, correlation: 1, payload: []))
            try await client.wait("an echo after all that") { $0.frames.count == 1 }
        }
    }

    @Test func aPeerThatVanishesIsTruncation() async throws {
        try await EchoServer().run { server in
            _ = try RawClient(server.listener.address, tls: server.cluster.client())
            try await server.events.wait("the end") { $0.closed == [.tls(.truncated)] }
            try await expect(.lost, at: server)
        }
    }

    @Test func aSilentPeerIsCutOffDuringTheHandshake() async throws {
        var options = ConnectionOptions()
        options.handshakeTimeout = .milliseconds(50)
        try await EchoServer(options: options).run { server in
            let client = try RawClient(server.listener.address)
            #expect(client.receiveToEnd().isEmpty)
            // A client that was served must not be counted for it later.
            try await eventually("counted") { server.listener.counters.closed(.handshakeTimeout) == 1 }
        }
    }

    /// Also when the peer neither takes its leave nor sends the rest of what it began.
    @Test func aConnectionThatIsClosedWithinABurstEnds() async throws {
        var options = ConnectionOptions()
        options.closeTimeout = .milliseconds(50)
        let events = Recorder(behaviour: .echoAndClose)
        try await EchoServer(options: options, events: events).run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            var writer = ByteWriter()
            FrameWriter.frame(type: .ping, correlation: 1, into: &writer) { _ in }
            try client.send(writer.bytes + [0])
            try await events.wait("the end") { $0.closed.count == 1 }
            withExtendedLifetime(client) {}
        }
    }

    @Test func anIdlePeerIsCutOff() async throws {
        var options = ConnectionOptions()
        options.idleTimeout = .milliseconds(50)
        try await EchoServer(options: options).run { server in
            let client = try await server.connect()
            try await server.events.wait("the end") { $0.closed == [.idleTimeout] }
            try await client.wait("the client's end") { $0.closed == [nil] }
            #expect(server.listener.counters.closed(.idleTimeout) == 1)
        }
    }

    @Test func aFrameThatIsNotCompletedIsCutOff() async throws {
        var options = ConnectionOptions()
        options.frameTimeout = .milliseconds(50)
        try await EchoServer(options: options).run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            try client.send([4, 0, 0, 0, 3])
            try await server.events.wait("the end") { $0.closed == [.frameTimeout] }
            try await expect(.frameTimeout, at: server)
        }
    }

    @Test func aPeerThatDoesNotReadIsCutOff() async throws {
        var options = ConnectionOptions()
        options.outputLimitBytes = 2 << 20
        let events = Recorder(behaviour: .flood(bytes: 1 << 20))
        try await EchoServer(options: options, events: events).run { server in
            let client = try RawClient(server.listener.address, tls: server.cluster.client())
            var writer = ByteWriter()
            for number in 0..<64 { FrameWriter.frame(type: .ping, correlation: UInt64(number), into: &writer) { _ in } }
            try client.send(writer.bytes)
            try await events.wait("the end") { $0.closed.count == 1 }
            guard case .slowReader(let waiting) = events.closed[0] else {
                Issue.record("closed for \(String(describing: events.closed[0]))")
                return
            }
            #expect(waiting > options.outputLimitBytes)
            #expect(server.listener.counters.closed(.slowReader) == 1)
        }
    }

    @Test func connectionsOverTheCapAreClosedAtOnce() async throws {
        try await EchoServer(limit: 2).run { server in
            let first = try await server.connect()
            let second = try await server.connect()
            let third = try RawClient(server.listener.address)
            #expect(third.receiveToEnd().isEmpty)
            #expect(server.listener.counters.closed(.connectionCap) == 1)
            #expect(server.listener.counters.open == 2)
            try await first.withConnection { $0.close() }
            try await eventually("room for another") { server.listener.counters.open == 1 }
            let fourth = try await server.connect()
            #expect(fourth.opened == 1)
            #expect(second.closed.isEmpty)
        }
    }
}
