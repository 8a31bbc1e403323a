// Pemba: what a new cluster consists of.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The nodes of a new cluster and their addresses, and the configuration file of each.
package struct ClusterPlan: Equatable {
    /// One node to be.
    package struct Node: Equatable {
        /// Its number, from 1.
        package let id: UInt64
        /// The name or address that certificates and addresses carry.
        package let host: String
        /// The port for clients.
        package let clientPort: Int
        /// The port for other nodes.
        package let peerPort: Int
        /// The port for health and metrics.
        package let httpPort: Int

        init(id: UInt64, host: String, clientPort: Int, peerPort: Int, httpPort: Int) {
            self.id = id
            self.host = host
            self.clientPort = clientPort
            self.peerPort = peerPort
            self.httpPort = httpPort
        }

        /// A node that is to be added to a cluster.
        package init(new id: UInt64, host: String, clientPort: Int, peerPort: Int, httpPort: Int) throws(ToolError) {
            guard id > 0 else { throw ToolError("ids of nodes begin at 1") }
            self.init(id: id, host: host, clientPort: clientPort, peerPort: peerPort, httpPort: httpPort)
            try ClusterPlan.requirePorts([self])
        }

        /// Where it is reached, for configuration files.
        var line: String { ClusterPlan.line(id, peer: peerAddress, client: clientAddress) }

        /// `host:port` for clients.
        package var clientAddress: String { ClusterPlan.address(host, clientPort) }
        /// `host:port` for other nodes.
        package var peerAddress: String { ClusterPlan.address(host, peerPort) }
        /// `host:port` for health and metrics; only this machine may ask.
        package var httpAddress: String { ClusterPlan.address("127.0.0.1", httpPort) }
        /// The folder of its files below the cluster's.
        package var folder: String { "node-\(id)" }
    }

    /// The nodes by number.
    package let nodes: [Node]

    /// The most nodes that `clusterctl init` makes: more voters make writes slower, not safer.
    package static let nodesMax = 9

    /// Plans `count` nodes on this machine, each port one above the port of the node before.
    package init(local count: Int, clientPort: Int, peerPort: Int, httpPort: Int) throws(ToolError) {
        try ClusterPlan.requireCount(count)
        nodes = (0..<count).map { place in
            Node(
                id: UInt64(place + 1),
                host: "127.0.0.1",
                clientPort: clientPort + place,
                peerPort: peerPort + place,
                httpPort: httpPort + place
            )
        }
        try requirePorts()
    }

    /// Plans one node on each of `hosts`, all with the same ports.
    package init(hosts: [String], clientPort: Int, peerPort: Int, httpPort: Int) throws(ToolError) {
        try ClusterPlan.requireCount(hosts.count)
        for host in hosts where hosts.count(where: { $0 == host }) > 1 {
            throw ToolError(
                "the host \(host) is named twice; for several nodes on this machine use --nodes instead of --host"
            )
        }
        nodes = hosts.enumerated().map { place, host in
            Node(id: UInt64(place + 1), host: host, clientPort: clientPort, peerPort: peerPort, httpPort: httpPort)
        }
        try requirePorts()
    }

    /// Plans one node on this machine for every three of `ports`: client, peer, health.
    package init(local ports: [Int]) throws(ToolError) {
        precondition(ports.count % 3 == 0, "a node has three ports")
        try ClusterPlan.requireCount(ports.count / 3)
        var nodes: [Node] = []
        for first in stride(from: 0, to: ports.count, by: 3) {
            nodes.append(
                Node(
                    id: UInt64(nodes.count + 1),
                    host: "127.0.0.1",
                    clientPort: ports[first],
                    peerPort: ports[first + 1],
                    httpPort: ports[first + 2]
                )
            )
        }
        self.nodes = nodes
        try requirePorts()
    }

    private static func requireCount(_ count: Int) throws(ToolError) {
        guard (1...nodesMax).contains(count) else {
            throw ToolError("a cluster has 1 to \(nodesMax) nodes, not \(count); 3 survive the loss of one, 5 of two")
        }
    }

    private func requirePorts() throws(ToolError) { try ClusterPlan.requirePorts(nodes) }

    private static func requirePorts(_ nodes: [Node]) throws(ToolError) {
        var seen: [String] = []
        for node in nodes {
            for port in [node.clientPort, node.peerPort, node.httpPort] {
                guard (1...65_535).contains(port) else {
                    throw ToolError("\(port) is not a port; ports are 1 to 65535")
                }
                let address = ClusterPlan.address(node.host, port)
                guard !seen.contains(address) else {
                    throw ToolError(
                        "\(address) would be used twice; choose --client-port, --peer-port and --http-port further apart"
                    )
                }
                seen.append(address)
            }
        }
    }

    private static func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The configuration file of `node`.
    package func configuration(of node: Node, cluster: ClusterID) -> String {
        ClusterPlan.configuration(of: node, cluster: cluster, members: nodes.map(\.line))
    }

    /// A member as configuration files name it.
    static func line(_ id: UInt64, peer: String, client: String) -> String {
        "  - {id: \(id), peer: \"\(peer)\", client: \"\(client)\"}"
    }

    /// The configuration file of `node` in a cluster whose members are these lines.
    static func configuration(of node: Node, cluster: ClusterID, members: [String]) -> String {
        var lines = [
            "# Configuration of node \(node.id); every key: pembad --print-configuration",
            "cluster:",
            "  id: \"\(cluster)\"",
            "node:",
            "  id: \(node.id)",
            "  data: data",
            "members:",
        ]
        lines += members
        lines += [
            "listen:",
            "  client: \"\(node.clientAddress)\"",
            "  peer: \"\(node.peerAddress)\"",
            "  http: \"\(node.httpAddress)\"",
            "tls:",
            "  ca: ca.pem",
            "  certificate: node.pem",
            "  key: node-key.pem",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}
