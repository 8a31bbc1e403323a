// Pemba: clusterctl member prepare, abandon and transfer.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

extension MemberCommand {
    struct Prepare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the certificate and the configuration of a node that is to be added.",
            discussion: """
                Needs ca.pem and ca-key.pem of the cluster in the folder; asks the cluster who its members are. Changes \
                nothing there.

                clusterctl member prepare --directory prod --host d.example
                clusterctl member prepare --directory demo --host 127.0.0.1 --client-port 7004 --peer-port 7104 \\
                    --http-port 7204
                """
        )

        @Option(help: ArgumentHelp("The cluster's folder, with its certificate authority.", valueName: "folder"))
        var directory: String

        @Option(help: ArgumentHelp("The new node's name or address.", valueName: "host"))
        var host: String

        @Option(help: ArgumentHelp("Its id (default: one more than any that was used).", valueName: "id"))
        var id: UInt64?

        @Option(help: ArgumentHelp("Its port for clients.", valueName: "port"))
        var clientPort = 7001

        @Option(help: ArgumentHelp("Its port for other nodes.", valueName: "port"))
        var peerPort = 7101

        @Option(help: ArgumentHelp("Its port for health and metrics.", valueName: "port"))
        var httpPort = 7201

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let target = try connection.target()
            let status = try await target.withClient { try await $0.membership() }
            let node = try ClusterPlan.Node(
                new: id ?? (status.membership.highestNode?.rawValue ?? 0) + 1,
                host: host,
                clientPort: clientPort,
                peerPort: peerPort,
                httpPort: httpPort
            )
            let prepared = try ClusterFiles.prepare(node, for: status, knownBy: target.ca, in: directory)
            try output.print(prepared, text: prepared.text)
        }
    }

    struct Abandon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives up a change that waits for nodes to catch up: they stay learners.",
            discussion: "clusterctl member abandon"
        )
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let status = try await connection.withClient { client in
                let now = try await client.membership()
                guard !now.membership.isSettled else { return now }
                return try await client.changeMembership(.abandon, ifConfigurationIsAt: now.membership.index).status
            }
            let report = MemberReport(status)
            try output.print(report, text: report.text)
        }
    }

    struct Transfer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hands leadership to another voter.",
            discussion: """
                clusterctl member transfer
                clusterctl member transfer --to 2
                """
        )
        @Option(help: ArgumentHelp("Who is to lead (default: who has the most of the log).", valueName: "id"))
        var to: UInt64?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let status = try await connection.withClient { client in
                try await LeadershipHandover(client: client).run(to: to.map { NodeID($0) })
            }
            let report = MemberReport(status)
            try output.print(report, text: report.text)
        }
    }
}
