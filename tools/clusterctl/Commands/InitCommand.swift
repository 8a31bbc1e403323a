// Pemba: clusterctl init.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaTooling

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Creates the certificates and configurations of a new cluster.",
        discussion: """
            Makes a cluster id, a certificate authority, a certificate and a configuration for each node, and the first \
            admin client certificate; writes the context file that the other commands use. Copy each node's folder to \
            its machine and keep ca-key.pem away from all of them.

            Three nodes on this machine:   clusterctl init --directory demo --nodes 3
            Three machines:                clusterctl init --directory prod --host a.example --host b.example --host c.example
            Then, on each:                 pembad --config node.yaml --initialize
            """
    )

    @Option(help: ArgumentHelp("Where to write; must not hold a cluster already.", valueName: "folder"))
    var directory: String

    @Option(help: ArgumentHelp("How many nodes on this machine.", valueName: "count"))
    var nodes: Int?

    @Option(help: ArgumentHelp("A node's name or address; repeat it for each node.", valueName: "host"))
    var host: [String] = []

    @Option(help: ArgumentHelp("The port for clients; of the first node with --nodes.", valueName: "port"))
    var clientPort = 7001

    @Option(help: ArgumentHelp("The port for other nodes; of the first node with --nodes.", valueName: "port"))
    var peerPort = 7101

    @Option(help: ArgumentHelp("The port for health and metrics; of the first node with --nodes.", valueName: "port"))
    var httpPort = 7201

    @Option(
        help: ArgumentHelp("Where to write the context file (default: the one that commands use).", valueName: "file")
    )
    var context: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (nodes == nil) != host.isEmpty else { throw ValidationError("give either --nodes or --host") }
    }

    func run() throws {
        let plan: ClusterPlan
        if let nodes {
            plan = try ClusterPlan(local: nodes, clientPort: clientPort, peerPort: peerPort, httpPort: httpPort)
        } else {
            plan = try ClusterPlan(hosts: host, clientPort: clientPort, peerPort: peerPort, httpPort: httpPort)
        }
        let path = context ?? ClusterContext.defaultPath(environment: ProcessInfo.processInfo.environment)
        let created = try ClusterFiles.create(plan, in: directory, contextPath: path)
        try output.print(created, text: created.text)
    }
}
