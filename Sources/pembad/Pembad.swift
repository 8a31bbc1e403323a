// Pemba: the command line of a node.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaServer

/// Runs one node until it is told to stop.
@main
struct Pembad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pembad",
        abstract: "Runs one node of a Pemba cluster.",
        discussion: """
            The configuration file is YAML; PEMBA_NODE_… variables override it, and flags override those. \
            `pembad --print-configuration` explains every key.

            Examples:
              pembad --config node1.yaml --initialize     first start of a member of a new cluster
              pembad --config node4.yaml --join           first start of a node that is added to a cluster
              pembad --config node1.yaml                  every later start
              pembad --config node1.yaml --set log.level=debug --check-configuration

            SIGTERM hands leadership over and stops; SIGHUP reads certificates and credentials again;
            SIGUSR1 writes the flight recording into the data folder.
            """
    )

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?

    @Option(name: .customLong("set"), help: ArgumentHelp("Set one key; may be repeated.", valueName: "key=value"))
    var overrides: [String] = []

    @Option(help: ArgumentHelp("The data folder: short for --set node.data=FOLDER.", valueName: "folder"))
    var data: String?

    @Option(help: ArgumentHelp("Short for --set log.level=LEVEL.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("Short for --set log.format=FORMAT.", valueName: "format"))
    var logFormat: String?

    @Flag(help: "This is a new cluster: set up an empty data folder.")
    var initialize = false

    @Flag(help: "This is a new node of a cluster, to be added with clusterctl: set up an empty data folder.")
    var join = false

    @Flag(help: "Take what this node's disk has lost for lost for good, and exit: an operator's last resort.")
    var acceptDataLoss = false

    @Flag(help: "Set this node's state aside, so that it gets another from a leader, and exit.")
    var discardState = false

    @Flag(help: "Check the configuration and exit.")
    var checkConfiguration = false

    @Flag(help: "Print every key with its default as YAML and exit.")
    var printConfiguration = false

    @Flag(help: "With --print-configuration: as a Markdown table.")
    var markdown = false

    func validate() throws {
        guard !initialize || !join else { throw ValidationError("give either --initialize or --join") }
        guard !acceptDataLoss || !discardState else {
            throw ValidationError("give either --accept-data-loss or --discard-state")
        }
    }

    func run() throws {
        if printConfiguration {
            print(markdown ? ConfigurationReference.markdown() : ConfigurationReference.yaml(), terminator: "")
            return
        }
        guard let config else { throw ValidationError("--config FILE is needed") }
        let given = [
            ("--data", "node.data", data), ("--log-level", "log.level", logLevel),
            ("--log-format", "log.format", logFormat),
        ]
        let shorthands = given.compactMap { option, key, value in
            value.map { ConfigurationValues.Shorthand(option, key, $0) }
        }
        do throws(StartupError) {
            try start(file: config, shorthands)
        } catch {
            FileHandle.standardError.write(Data("pembad: \(error)\n".utf8))
            throw ArgumentParser.ExitCode(error.exitCode.rawValue)
        }
    }

    private func start(file: String, _ shorthands: [ConfigurationValues.Shorthand]) throws(StartupError) {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try NodeConfiguration.load(
            file: file,
            environment: environment,
            overrides: overrides,
            shorthands: shorthands
        )
        if checkConfiguration {
            try NodeProcess.check(configuration)
            print("\(file): the configuration of node \(configuration.node) is valid")
            return
        }
        if discardState {
            print(try NodeBoot.discardState(configuration))
            return
        }
        if acceptDataLoss {
            print(try NodeBoot.forgiveDebt(configuration))
            return
        }
        try NodeProcess.run(configuration, setup: initialize ? .initialize : join ? .join : .none)
    }
}
