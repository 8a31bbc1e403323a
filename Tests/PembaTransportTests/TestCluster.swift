// Pemba: a listener with certificates, for tests.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import PembaTransport

/// An authority and contexts for every side of a connection.
struct TestCluster {
    let id = ClusterID(high: 5, low: 6)
    let authority: CertifiedKey

    init() throws { authority = try CertificateAuthority.create().certifiedKey() }

    func issuer() throws -> CertificateAuthority {
        try CertificateAuthority(certificate: authority.certificate, key: authority.key)
    }

    func context(_ role: TLSRole, _ own: CertifiedKey?) throws -> TLSContext {
        try TLSContext(role: role, authority: authority.certificate, certificate: own?.certificate, key: own?.key)
    }

    func server(_ node: UInt64 = 1) throws -> TLSContext {
        try context(.server, issuer().issueNode(NodeID(node), cluster: id, hosts: []))
    }

    func client() throws -> TLSContext {
        try context(.client, issuer().issueClient("tester", roles: .read, cluster: id))
    }

    var node: PeerExpectation { .node(of: id, id: nil) }
}

/// A listener whose connections answer every frame with the same frame, and how to reach it.
struct EchoServer {
    let cluster: TestCluster
    let listener: Listener
    let events: Recorder

    init(
        host: String = "127.0.0.1",
        cluster: TestCluster? = nil,
        tls: (@Sendable () -> TLSContext)? = nil,
        limit: Int = 100,
        options: ConnectionOptions = ConnectionOptions(),
        events: Recorder = Recorder(behaviour: .echo)
    ) async throws {
        let cluster = try cluster ?? TestCluster()
        let context = try cluster.server()
        self.cluster = cluster
        self.events = events
        var configuration = Listener.Configuration(
            address: NetworkAddress(host: host, port: 0),
            tls: tls ?? { context },
            expecting: .anyone
        )
        configuration.options = options
        configuration.connectionLimit = limit
        listener = try Listener(
            configuration,
            on: EchoServer.loop.get(),
            logger: EchoServer.logger,
            refusals: EchoServer.logger
        ) {
            _ in RecordingDelegate(events)
        }
    }

    static let loop = Result { () throws(TransportError) in try SocketLoop(name: "test") }
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Connects a client of our own.
    func connect(
        tls: TLSContext? = nil,
        options: ConnectionOptions = ConnectionOptions(),
        behaviour: Recorder.Behaviour = .record
    ) async throws -> Recorder {
        let events = Recorder(behaviour: behaviour)
        try await Connector.connect(
            to: listener.address,
            tls: tls ?? cluster.client(),
            expecting: cluster.node,
            options: options,
            on: EchoServer.loop.get(),
            logger: EchoServer.logger
        ) { _ in RecordingDelegate(events) }.get()
        return events
    }

    /// Runs `body` and stops listening, whatever happens.
    func run(_ body: (EchoServer) async throws -> Void) async throws {
        do {
            try await body(self)
        } catch {
            try await listener.close().get()
            throw error
        }
        try await listener.close().get()
    }
}
