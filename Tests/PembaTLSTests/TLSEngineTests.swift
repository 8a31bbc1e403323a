// Pemba: tests of TLS connections in memory.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import PembaTestSupport
import Testing

@Suite struct TLSEngineTests {
    private let cluster: TestCluster

    init() throws { cluster = try TestCluster() }

    private func pair(
        _ own: CertifiedKey?,
        recordsPerKey: UInt64 = 1 << 23,
        chunk: Int = .max
    ) throws -> EnginePair {
        try EnginePair(
            client: cluster.context(.client, own, recordsPerKey: recordsPerKey),
            server: cluster.context(.server, cluster.node(1), recordsPerKey: recordsPerKey),
            chunk: chunk
        )
    }

    @Test func aClientAndAServerLearnWhoTheOtherIs() throws {
        let pair = try pair(cluster.client([.read, .write]))
        pair.settle()
        #expect(pair.isClientEstablished)
        #expect(pair.isServerEstablished)
        #expect(pair.client.identity == .node(cluster.id, NodeID(1)))
        #expect(pair.server.identity == .client(cluster.id, name: "tester", roles: [.read, .write]))
    }

    @Test func aClientMayLeaveOutItsCertificate() throws {
        let pair = try pair(nil)
        pair.settle()
        #expect(pair.isServerEstablished)
        #expect(pair.server.identity == .none)
    }

    @Test(arguments: [1, 2, 5, 17, 1_000, Int.max])
    func bytesArriveWholeHoweverTheStreamIsCut(chunk: Int) throws {
        let pair = try pair(cluster.client(), chunk: chunk)
        pair.settle()
        var random = SeededRandom(seed: 7)
        for size in [1, 100, 16_384, 16_385, 70_000] {
            let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let before = (pair.serverReceived.count, pair.clientReceived.count)
            try pair.send(bytes)
            try pair.answer(bytes)
            #expect(Array(pair.serverReceived[before.0...]) == bytes)
            #expect(Array(pair.clientReceived[before.1...]) == bytes)
        }
        #expect(pair.clientError == nil)
        #expect(pair.serverError == nil)
    }

    @Test func keysAreRenewedAndTrafficGoesOn() throws {
        let pair = try pair(cluster.client(), recordsPerKey: 2)
        pair.settle()
        var expected: [UInt8] = []
        for round in 0..<20 {
            let bytes = [UInt8](repeating: UInt8(round), count: 50_000)
            try pair.send(bytes)
            try pair.answer(bytes)
            expected += bytes
        }
        #expect(pair.serverReceived == expected)
        #expect(pair.clientReceived == expected)
        #expect(pair.clientError == nil)
    }

    @Test func aCloseNotificationEndsAConnectionCleanly() throws {
        let pair = try pair(cluster.client())
        pair.settle()
        try pair.send([1, 2, 3])
        pair.client.close()
        pair.settle()
        #expect(pair.server.phase == .closedByPeer)
        #expect(pair.serverReceived == [1, 2, 3])
        try pair.server.receiveEnd()
        #expect(pair.serverError == nil)
    }

    @Test func anEndWithoutCloseNotificationIsTruncation() throws {
        let pair = try pair(cluster.client())
        pair.settle()
        #expect(throws: TLSError.truncated) { try pair.server.receiveEnd() }
    }

    @Test func anEndDuringTheHandshakeIsItsFailure() throws {
        let pair = try pair(cluster.client())
        #expect(throws: TLSError.handshakeFailed(reason: "the peer closed the connection")) {
            try pair.server.receiveEnd()
        }
    }

    @Test func aClientRefusesAServerOfAnotherAuthority() throws {
        let foreign = try TestCluster()
        let pair = try EnginePair(
            client: foreign.context(.client, nil),
            server: cluster.context(.server, cluster.node(1))
        )
        pair.settle()
        guard case .peerUntrusted = pair.clientError else {
            Issue.record("the client accepted a foreign server: \(String(describing: pair.clientError))")
            return
        }
        guard case .refusedByPeer = pair.serverError else {
            Issue.record("the server was not told: \(String(describing: pair.serverError))")
            return
        }
    }

    @Test func aServerRefusesAClientOfAnotherAuthority() throws {
        let foreign = try TestCluster()
        let own = try foreign.client(.admin)
        // The client trusts the server's authority but has its certificate from another: no context of ours is made
        // like that, so the engine gets one that believes in both.
        let both = foreign.authority.certificatePEM + cluster.authority.certificatePEM
        let context = try TLSContext(
            role: .client,
            authority: .bytes(both, name: "both authorities"),
            certificate: own.certificate,
            key: own.key
        )
        let pair = try EnginePair(client: context, server: cluster.context(.server, cluster.node(1)))
        pair.settle()
        guard case .peerUntrusted = pair.serverError else {
            Issue.record("the server accepted a foreign client: \(String(describing: pair.serverError))")
            return
        }
        #expect(!pair.isServerEstablished)
        guard case .refusedByPeer = pair.clientError else {
            Issue.record("the client was not told: \(String(describing: pair.clientError))")
            return
        }
    }

    @Test func aPeerWithoutCertificateIsRefused() throws {
        let pair = try EnginePair(
            client: cluster.context(.client, nil),
            server: cluster.context(.peer, cluster.node(1))
        )
        pair.settle()
        #expect(pair.serverError == .peerWithoutCertificate)
    }

    @Test func nodesCheckWhichNodeTheyReached() throws {
        let expected = PeerExpectation.node(of: cluster.id, id: NodeID(2))
        let pair = try EnginePair(
            client: cluster.context(.peer, cluster.node(1)),
            server: cluster.context(.peer, cluster.node(3)),
            clientExpects: expected
        )
        pair.settle()
        let found = PeerIdentity.node(cluster.id, NodeID(3))
        #expect(pair.clientError == .wrongPeer(expected: expected.description, found: found.description))
        #expect(!pair.isServerEstablished)
    }

    @Test func clientsAreNotTakenForNodes() throws {
        let pair = try EnginePair(
            client: cluster.context(.client, cluster.client(.admin)),
            server: cluster.context(.peer, cluster.node(1)),
            serverExpects: .node(of: cluster.id, id: nil)
        )
        pair.settle()
        guard case .wrongPeer = pair.serverError else {
            Issue.record("a client passed as a node: \(String(describing: pair.serverError))")
            return
        }
    }

    @Test func aClientCertificateDoesNotMakeAServer() throws {
        let pair = try EnginePair(
            client: cluster.context(.client, nil),
            server: cluster.context(.server, cluster.client(.admin)),
            clientExpects: .anyone
        )
        pair.settle()
        guard case .peerUntrusted = pair.clientError else {
            Issue.record("a client served: \(String(describing: pair.clientError))")
            return
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{10}\u{0}\u{0}\u{0}", "PRI * HTTP/2.0\r\n"])
    func plaintextIsRecognised(text: String) throws {
        let pair = try pair(nil)
        pair.deliver(toServer: Array(text.utf8))
        #expect(pair.serverError == .notTLS)
    }
}
