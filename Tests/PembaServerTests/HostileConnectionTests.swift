// Pemba: tests of connections that break the protocol's rules.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import PembaCore
import PembaPKI
import PembaRaft
import PembaService
import PembaTLS
import PembaTransport
import PembaWire
import Synchronization
import Testing

@testable import PembaServer

/// A connection that sends what it is told and keeps what comes back.
private final class RawConnection: ConnectionDelegate {
    /// What came back, and how it ended.
    struct Outcome: Sendable {
        var types: [FrameType] = []
        var errors: [ErrorCode] = []
        var isClosed = false
    }

    private let first: @Sendable (inout ByteWriter) -> Void
    private let outcome: Mailbox

    final class Mailbox: Sendable {
        let outcome = Mutex(Outcome())
    }

    init(_ outcome: Mailbox, sending first: @escaping @Sendable (inout ByteWriter) -> Void) {
        self.first = first
        self.outcome = outcome
    }

    func connectionDidOpen(_ connection: Connection) { first(&connection.output) }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        guard let type = header.type else { return }
        let code = type == .error ? (try? ErrorFrame(decoding: payload))?.serviceError.code : nil
        outcome.outcome.withLock { outcome in
            outcome.types.append(type)
            if let code { outcome.errors.append(code) }
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        outcome.outcome.withLock { $0.isClosed = true }
    }
}

@Suite(.serialized, .timeLimit(.minutes(4)))
struct HostileConnectionTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Connects to `address` as `name` (nil: without a certificate), sends, and waits until `isDone`.
    private func outcome(
        _ cluster: TestCluster,
        at address: NetworkAddress,
        as name: String?,
        until isDone: @escaping @Sendable (RawConnection.Outcome) -> Bool = { $0.isClosed },
        sending first: @escaping @Sendable (inout ByteWriter) -> Void
    ) async throws -> RawConnection.Outcome {
        let context = try TLSContext(
            role: name?.hasPrefix("node") == true ? .peer : .client,
            authority: .file(cluster.path("ca.pem")),
            certificate: name.map { .file(cluster.path("\($0).pem")) },
            key: name.map { .file(cluster.path("\($0)-key.pem")) }
        )
        let mailbox = RawConnection.Mailbox()
        try? await Connector.connect(
            to: address,
            tls: context,
            expecting: .anyone,
            on: TestCluster.loop.get(),
            logger: quiet
        ) { _ in RawConnection(mailbox, sending: first) }.get()
        let isExpected = try await TestCluster.eventually { mailbox.outcome.withLock { isDone($0) } }
        #expect(isExpected, "\(mailbox.outcome.withLock { $0 })")
        return mailbox.outcome.withLock { $0 }
    }

    private func withNode(_ body: (TestCluster) async throws -> Void) async throws {
        let cluster = try TestCluster(size: 2)
        try cluster.start(NodeID(1))
        do {
            try await body(cluster)
        } catch {
            Issue.record("\(error)")
        }
        cluster.stopAll()
    }

    private static func hello(_ cluster: ClusterID?, key: String = "") -> @Sendable (inout ByteWriter) -> Void {
        let hello = Hello(cluster: cluster, software: "test", caller: .client(name: "test", bearerKey: key))
        return { output in FrameWriter.frame(type: .hello, correlation: 0, into: &output) { hello.encode(into: &$0) } }
    }

    @Test func whoeverDoesNotIntroduceItselfIsCutOff() async throws {
        try await withNode { cluster in
            let address = cluster.members[0].client
            let notHello = try await outcome(cluster, at: address, as: "admin") { output in
                FrameWriter.frame(type: .status, correlation: 1, into: &output) { $0.integer(UInt32(0)) }
            }
            #expect(notHello.errors == [.malformedRequest])
            let garbage = try await outcome(cluster, at: address, as: "admin") {
                $0.raw(Array("GET / HTTP/1.1\r\n\r\n".utf8))
            }
            #expect(garbage.types.isEmpty)
            let huge = try await outcome(cluster, at: address, as: "admin") { output in
                output.integer(UInt32.max)
                output.integer(UInt32(FrameType.hello.rawValue))
                output.integer(UInt64(0))
            }
            #expect(huge.types.isEmpty)
            let another = ClusterID(high: 1, low: 1)
            let foreign = try await outcome(cluster, at: address, as: "admin", sending: Self.hello(another))
            #expect(foreign.errors == [.invalidArgument])
        }
    }

    @Test func whoeverHasNoCredentialIsRefused() async throws {
        try await withNode { cluster in
            let address = cluster.members[0].client
            let nothing = try await outcome(cluster, at: address, as: nil, sending: Self.hello(cluster.id))
            #expect(nothing.errors == [.unauthenticated])
            let node = try await outcome(cluster, at: address, as: "node2", sending: Self.hello(cluster.id))
            #expect(node.errors == [.unauthenticated])
            let stranger = try TestCluster(size: 1)
            // Both authorities, so that this side agrees to show the certificate.
            let both = try [cluster, stranger].flatMap {
                [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0.path("ca.pem"))))
            }
            let foreign = try TLSContext(
                role: .client,
                authority: .bytes(both, name: "both authorities"),
                certificate: .file(stranger.path("admin.pem")),
                key: .file(stranger.path("admin-key.pem"))
            )
            let mailbox = RawConnection.Mailbox()
            try? await Connector.connect(
                to: address,
                tls: foreign,
                expecting: .anyone,
                on: TestCluster.loop.get(),
                logger: quiet
            ) { _ in RawConnection(mailbox, sending: Self.hello(cluster.id)) }.get()
            #expect(try await TestCluster.eventually { mailbox.outcome.withLock { $0.isClosed } })
            #expect(mailbox.outcome.withLock { $0.types.isEmpty })
            let isLogged = try await TestCluster.eventually {
                let log = try String(contentsOfFile: cluster.path("node1.log"), encoding: .utf8)
                return log.split(separator: "\n").contains { line in
                    line.contains("\"audit.event\":\"refused\"") && line.contains("untrusted_peer")
                }
            }
            #expect(isLogged)
        }
    }

    @Test func brokenRequestsAreAnsweredAndTheConnectionGoesOn() async throws {
        try await withNode { cluster in
            let hello = Self.hello(cluster.id)
            let outcome = try await outcome(
                cluster,
                at: cluster.members[0].client,
                as: "admin",
                until: { $0.types.count == 6 }
            ) { output in
                hello(&output)
                // An unknown type, a check and a write that end too early, trailing bytes, and then a good request.
                output.integer(FrameHeader(payloadLength: 0, type: .check, correlation: 9).payloadLength)
                output.integer(UInt32(99))
                output.integer(UInt64(1))
                FrameWriter.frame(type: .check, correlation: 2, into: &output) { $0.raw([0, 0, 0, 0, 0, 200]) }
                FrameWriter.frame(type: .write, correlation: 3, into: &output) { $0.raw([0, 0, 0, 0]) }
                FrameWriter.frame(type: .status, correlation: 4, into: &output) { $0.raw([0, 0, 0, 0, 1]) }
                FrameWriter.frame(type: .ping, correlation: 5, into: &output) { Ping(token: 7).encode(into: &$0) }
            }
            #expect(outcome.types.contains(.helloAnswer) && outcome.types.contains(.pong))
            #expect(outcome.errors.count == 4 && outcome.errors.filter { $0 == .unsupported }.count == 1)
            #expect(Set(outcome.errors).isSubset(of: [.unsupported, .limitExceeded, .malformedRequest]))
            #expect(outcome.errors.contains(.malformedRequest))
            #expect(!outcome.isClosed)
        }
    }

    @Test func nodesFramesFromClientsEndTheConnection() async throws {
        try await withNode { cluster in
            let hello = Self.hello(cluster.id)
            let outcome = try await outcome(cluster, at: cluster.members[0].client, as: "admin") { output in
                hello(&output)
                FrameWriter.frame(type: .peer, correlation: 1, into: &output) { $0.integer(UInt8(1)) }
            }
            #expect(outcome.errors == [.permissionDenied])
        }
    }

    @Test func onlyTheNodeInTheCertificateIsTakenForOne() async throws {
        try await withNode { cluster in
            func peer(_ node: NodeID, to: NodeID, epoch: Epoch = .first) -> @Sendable (inout ByteWriter) -> Void {
                let caller = Hello.Caller.peer(node: node, to: to, epoch: epoch, log: .more)
                let hello = Hello(cluster: cluster.id, software: "test", caller: caller)
                return { output in
                    FrameWriter.frame(type: .hello, correlation: 0, into: &output) { hello.encode(into: &$0) }
                }
            }
            let address = cluster.members[0].peer
            let (one, two) = (NodeID(1), NodeID(2))
            let right = try await outcome(
                cluster,
                at: address,
                as: "node2",
                until: { !$0.types.isEmpty },
                sending: peer(two, to: one)
            )
            // What the node has to say to it may follow at once.
            #expect(right.types.first == .helloAnswer && right.types.dropFirst().allSatisfy { $0 == .peer })
            let liar = try await outcome(cluster, at: address, as: "node2", sending: peer(NodeID(3), to: one))
            #expect(liar.errors == [.unauthenticated])
            let lost = try await outcome(cluster, at: address, as: "node2", sending: peer(two, to: two))
            #expect(lost.errors == [.invalidArgument])
            let old = try await outcome(cluster, at: address, as: "node2", sending: peer(two, to: one, epoch: Epoch(9)))
            #expect(old.errors == [.invalidArgument])
            let client = try await outcome(cluster, at: address, as: "admin", sending: Self.hello(cluster.id))
            #expect(client.types.isEmpty)
        }
    }
}
