// Pemba: proving grounds for the cluster.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

@main
struct Simulator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Looks for broken promises in simulated clusters and in small ones that are explored whole.",
        subcommands: [Sim.self, Explore.self],
        defaultSubcommand: Sim.self
    )
}
