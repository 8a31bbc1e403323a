// Pemba: clusterctl status.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaTooling

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says how each node is.",
        discussion: """
            Asks every node for its role, term and progress: those of the context or of --endpoint, and members that one of \
            them names beyond these. What is no member any more is called so, and does not count. Lag is how many committed entries a node has yet to apply. \
            If a node takes its time, what the others say is shown on standard error until it answers or is given up. \
            Exit status 0: every node answers, is healthy and there is a leader; 1: not so; 2: an error.

            clusterctl status
            clusterctl status --node-timeout 10 --json
            """
    )

    @Option(
        help: ArgumentHelp(
            "How long a node has to answer, in seconds; at most as long as --timeout.",
            valueName: "seconds"
        )
    )
    var nodeTimeout: Double = 2

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard nodeTimeout > 0 else {
            throw ValidationError("--node-timeout is more than 0 seconds, not \(nodeTimeout)")
        }
    }

    func run() async throws {
        let report = try await connection.target().report(patience: .seconds(nodeTimeout)) { early in
            let missing = early.nodes.filter { $0.node == nil }.map(\.endpoint)
            LineOutput.note(early.text + "waiting for \(missing.joined(separator: ", "))\n\n")
        }
        try output.print(report, text: report.text)
        if !report.isHealthy { throw ExitCode(1) }
    }
}
