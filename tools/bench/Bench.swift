// Pemba: benchmarks.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaTooling

/// Measures Pemba: evaluation in this process, and a running cluster through the client library.
@main
struct Bench: AsyncParsableCommand {
    static func main() async {
        // What was started is stopped also when nobody reads the output any more.
        LineOutput.expectNobody()
        await main(nil)
    }

    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures evaluation and consensus in this process, or a cluster through the client library.",
        discussion: """
            Absolute figures depend on the machine; compare figures of one run.

            bench graph --tuples 10000000
            bench raft
            bench cluster --tuples 1000000
            bench cluster --cluster cluster/local/cluster.yaml --no-load
            bench peers --rounds 5
            """,
        subcommands: [GraphCommand.self, RaftCommand.self, ClusterCommand.self, PeersCommand.self]
    )
}

/// For people or for programs.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    /// Prints the figures of a benchmark.
    func print(_ figures: Figures) throws {
        FileHandle.standardOutput.write(Data((json ? try JSONText.encode(figures) : figures.text).utf8))
    }
}
