// Pemba: who may talk to a node.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
package import PembaTLS
import PembaWire
import Synchronization

/// The certificates and bearer keys of a node, as they were last read.
package final class NodeAccess: Sendable {
    /// Who a connection's credential says is there.
    struct Caller: Equatable {
        var name: String
        var roles: Roles
    }

    private struct Material {
        var peer: TLSContext
        var server: TLSContext
        var credentials: Credentials
    }

    private let configuration: NodeConfiguration
    private let material: Mutex<Material>

    /// Reads certificates, key and credentials and checks that they are this node's.
    package init(_ configuration: NodeConfiguration) throws(StartupError) {
        self.configuration = configuration
        material = Mutex(try NodeAccess.load(configuration))
    }

    /// Reads everything again; on an error everything stays as it was.
    ///
    /// Connections that are open stay open.
    package func reload() throws(StartupError) {
        let new = try NodeAccess.load(configuration)
        material.withLock { $0 = new }
    }

    /// For connections with other nodes, either way.
    package var peerContext: TLSContext { material.withLock { $0.peer } }

    /// For connections of clients.
    package var serverContext: TLSContext { material.withLock { $0.server } }

    /// Who a client is: by its bearer key if it brings one, otherwise by its certificate.
    func caller(_ hello: Hello, identity: PeerIdentity) throws(ServiceError) -> Caller {
        guard case .client(_, let bearerKey) = hello.caller else {
            throw ServiceError(.invalidArgument, "this port is for clients; nodes connect to the peer port")
        }
        guard bearerKey.isEmpty else {
            let credentials = material.withLock { $0.credentials }
            guard let holder = credentials.holder(of: bearerKey) else {
                throw ServiceError(.unauthenticated, "the bearer key is not known here")
            }
            return Caller(name: holder.name, roles: holder.roles)
        }
        switch identity {
        case .client(let cluster, let name, let roles):
            guard cluster == configuration.cluster else {
                throw ServiceError(.unauthenticated, "the client certificate is of another cluster: \(cluster)")
            }
            return Caller(name: name, roles: roles)
        case .node:
            throw ServiceError(.unauthenticated, "a node's certificate is no client's")
        case .none:
            throw ServiceError(.unauthenticated, "the connection brought neither a client certificate nor a bearer key")
        }
    }

    private static func load(_ configuration: NodeConfiguration) throws(StartupError) -> Material {
        let files = configuration.tls
        func context(_ role: TLSRole) throws(TLSError) -> TLSContext {
            try TLSContext(
                role: role,
                authority: .file(files.ca),
                certificate: .file(files.certificate),
                key: .file(files.key)
            )
        }
        let peer: TLSContext
        let server: TLSContext
        do throws(TLSError) {
            peer = try context(.peer)
            server = try context(.server)
        } catch {
            if case .exposedKeyFile = error { throw StartupError(.noPermission, error.description) }
            throw StartupError(.configuration, error.description)
        }
        guard peer.ownIdentity == .node(configuration.cluster, configuration.node) else {
            throw StartupError(
                .configuration,
                "\(files.certificate): the certificate is that of \(peer.ownIdentity), "
                    + "and this is node \(configuration.node) of cluster \(configuration.cluster)"
            )
        }
        guard let path = configuration.credentialsFile else {
            return Material(peer: peer, server: server, credentials: .none)
        }
        do throws(ConfigurationError) {
            return Material(peer: peer, server: server, credentials: try Credentials.load(path))
        } catch {
            throw StartupError(.configuration, error.description)
        }
    }
}
