// Pemba: who is at the other end of a connection.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// Who a verified certificate says its owner is.
///
/// Certificates carry it as a URI among their alternative names: `pemba://<cluster id>/node/<node id>` or
/// `pemba://<cluster id>/client/<name>?roles=read+write`.
package enum PeerIdentity: Equatable, Sendable, CustomStringConvertible {
    /// A node of a cluster.
    case node(ClusterID, NodeID)
    /// A client of a cluster and what it may do.
    case client(ClusterID, name: String, roles: Roles)
    /// No certificate, or one that names nobody.
    case none

    /// How every such URI starts.
    static let scheme = "pemba://"

    /// The most bytes in a client's name.
    package static let clientNameBytes = 64

    /// Reads the URI of a certificate; nil for anything that `uri` does not write.
    package init?(uri: String) {
        guard uri.hasPrefix(PeerIdentity.scheme) else { return nil }
        let parts = uri.dropFirst(PeerIdentity.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let cluster = ClusterID(String(parts[0])) else { return nil }
        switch parts[1] {
        case "node":
            guard let number = UInt64(parts[2]), number > 0, String(number) == parts[2] else { return nil }
            self = .node(cluster, NodeID(number))
        case "client":
            let halves = parts[2].split(separator: "?", omittingEmptySubsequences: false)
            guard halves.count == 2, PeerIdentity.isClientName(String(halves[0])), halves[1].hasPrefix("roles="),
                let roles = Roles(names: String(halves[1].dropFirst("roles=".count)))
            else { return nil }
            self = .client(cluster, name: String(halves[0]), roles: roles)
        default:
            return nil
        }
    }

    /// What a certificate carries; nil for nobody.
    package var uri: String? {
        switch self {
        case .node(let cluster, let node): "\(PeerIdentity.scheme)\(cluster)/node/\(node)"
        case .client(let cluster, let name, let roles): "\(PeerIdentity.scheme)\(cluster)/client/\(name)?roles=\(roles)"
        case .none: nil
        }
    }

    /// The cluster that it belongs to.
    package var cluster: ClusterID? {
        switch self {
        case .node(let cluster, _), .client(let cluster, _, _): cluster
        case .none: nil
        }
    }

    /// For people and audit logs.
    package var description: String {
        switch self {
        case .node(let cluster, let node): "node \(node) of cluster \(cluster)"
        case .client(let cluster, let name, let roles): "client \(name) (\(roles)) of cluster \(cluster)"
        case .none: "nobody"
        }
    }

    /// Whether `name` can name a client: 1 to 64 letters, digits, dots, hyphens and underscores of ASCII.
    package static func isClientName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard !bytes.isEmpty, bytes.count <= clientNameBytes else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}

/// Who has to be at the other end, so that a connection is opened.
package enum PeerExpectation: Equatable, Sendable, CustomStringConvertible {
    /// Whoever has a certificate of the authority, or, where the context does not insist, none.
    case anyone
    /// A node: of this cluster if one is given, and this very node if one is given.
    case node(of: ClusterID?, id: NodeID?)

    /// Whether `identity` is as expected.
    package func admits(_ identity: PeerIdentity) -> Bool {
        switch (self, identity) {
        case (.anyone, _): true
        case (.node(let cluster, let id), .node(let foundCluster, let foundID)):
            (cluster == nil || cluster == foundCluster) && (id == nil || id == foundID)
        case (.node, _): false
        }
    }

    /// For error messages.
    package var description: String {
        switch self {
        case .anyone: "anyone"
        case .node(let cluster, let id):
            (id.map { "node \($0)" } ?? "a node") + (cluster.map { " of cluster \($0)" } ?? "")
        }
    }
}
