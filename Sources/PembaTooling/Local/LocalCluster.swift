// Pemba: a cluster of processes on this machine.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
package import PembaService

/// A new cluster of `pembad` processes on loopback, in a folder of its own: for chaos, benchmarks and tests.
///
/// Used from one task at a time. Whoever makes one calls `shutDown`.
package final class LocalCluster {
    /// The folder of everything.
    package let folder: String
    /// The nodes, by number from 1.
    package let nodes: [LocalNode]
    /// The addresses and ports.
    package let plan: ClusterPlan
    /// The cluster's id.
    private let cluster: String
    private let program: String

    /// Writes the files of a cluster of `count` nodes below `folder`, on ports that were free a moment ago.
    ///
    /// `settings` are lines of YAML that are appended to each node's configuration.
    package init(count: Int, folder: String, program: String, settings: String = "") throws {
        let ports = try FreePorts.find(count * 3)
        plan = try ClusterPlan(local: ports)
        self.folder = folder
        self.program = program
        cluster = try ClusterFiles.create(plan, in: folder, contextPath: folder + "/cluster.yaml").cluster
        nodes = plan.nodes.map { LocalNode(id: $0.id, folder: folder + "/" + $0.folder, program: program) }
        guard !settings.isEmpty else { return }
        for node in nodes {
            let path = node.folder + "/node.yaml"
            try TextFile.write(try TextFile.read(path) + settings + "\n", to: path)
        }
    }

    /// Starts every node for the first time.
    package func start() throws {
        for node in nodes { try node.start(arguments: ["--initialize"]) }
    }

    /// Makes the files of a node more, which is to be started with `--join` and added; and where it is reached.
    package func prepareNode(for status: NodeStatus) throws -> (node: LocalNode, contact: MemberContact) {
        let ports = try FreePorts.find(3)
        let planned = try ClusterPlan.Node(
            new: (status.membership.highestNode?.rawValue ?? 0) + 1,
            host: "127.0.0.1",
            clientPort: ports[0],
            peerPort: ports[1],
            httpPort: ports[2]
        )
        let prepared = try ClusterFiles.prepare(planned, for: status, knownBy: folder + "/ca.pem", in: folder)
        let contact = MemberContact(
            node: NodeID(planned.id),
            peer: try NetworkAddress(parsing: prepared.peer),
            client: try NetworkAddress(parsing: prepared.client)
        )
        return (LocalNode(id: planned.id, folder: prepared.directory, program: program), contact)
    }

    /// How to reach the cluster as its administrator.
    package func target(timeout: Duration = .seconds(10)) throws -> ClusterTarget {
        ClusterTarget(context: try ClusterContext(path: folder + "/cluster.yaml"), timeout: timeout)
    }

    /// Waits until every running node answers, knows the same leader and has applied all that is committed.
    package func waitUntilCaughtUp(patience: Duration = .seconds(60)) async throws -> ClusterReport {
        let deadline = ContinuousClock.now + patience
        let target = try target(timeout: .seconds(2))
        while true {
            let report = try await target.report()
            if report.caughtUp { return report }
            guard ContinuousClock.now < deadline else {
                throw ToolError("the cluster did not come together within \(patience)\n\(report.text)")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The number of the node that leads, as the nodes say now.
    package func leader() async throws -> UInt64? {
        try await target(timeout: .seconds(2)).report().leader
    }

    /// Stops every node, and removes what those that were killed have left in the machine's memory.
    package func shutDown() {
        for node in nodes {
            node.signal(SIGCONT)
            node.signal(SIGTERM)
        }
        for node in nodes { node.stop() }
        let memory = "/dev/shm"
        let left = (try? FileManager.default.contentsOfDirectory(atPath: memory)) ?? []
        for name in left where name.hasPrefix("pemba-\(cluster)-") {
            try? FileManager.default.removeItem(atPath: memory + "/" + name)
        }
    }
}
