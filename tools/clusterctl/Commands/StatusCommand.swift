// Pemba: clusterctl status.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaTooling

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Says how each node is.",
        discussion: """
            Asks every node for its role, term and progress. Lag is how many committed entries a node has yet to apply.
            Exit status 0 if every node answers, is healthy and there is a leader; 1 if not.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await connection.target().report()
        try output.print(report, text: report.text)
        if !report.isHealthy { throw ExitCode(1) }
    }
}
