// Pemba: measuring a cluster.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaTooling

struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Measures a cluster through the client library.",
        discussion: """
            Without --cluster it starts three nodes on this machine, and stops them and removes their files at the end. \
            Scenarios: \(Scenario.all.map(\.name).joined(separator: ", ")). The beginning of a name up to a \
            hyphen stands for all that begin so.
            """
    )

    @Option(help: ArgumentHelp("How many tuples the data set has.", valueName: "count"))
    var tuples = 100_000

    @Option(
        name: .customLong("cluster"),
        help: ArgumentHelp("The context file of a running cluster.", valueName: "file")
    )
    var contextPath: String?

    @Flag(help: "The cluster is loaded already, with a data set of the same size.")
    var noLoad = false

    @Option(
        name: .customLong("scenario"),
        parsing: .upToNextOption,
        help: ArgumentHelp("What to measure (default: all).", valueName: "name")
    )
    var scenarios: [String] = []

    @OptionGroup var timing: TimingOptions
    @OptionGroup var nodes: NodeOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard tuples >= 1_000 else { throw ValidationError("--tuples is at least 1000, not \(tuples)") }
        guard !noLoad || contextPath != nil else { throw ValidationError("--no-load needs --cluster") }
    }

    func run() async throws {
        try await Interruption.cancelling {
            let scenarios = try Scenario.select(scenarios)
            let cluster =
                if let contextPath { try TestedCluster(contextPath: contextPath) } else { try await nodes.start() }
            defer { cluster.shutDown() }
            try report.print(try await measure(scenarios, cluster))
        }
    }

    private func measure(_ scenarios: [Scenario], _ cluster: TestedCluster) async throws -> Figures {
        var figures = Figures()
        figures.addLoadAverage("load average before")
        let data = BenchmarkData(tuples: tuples)
        if !noLoad {
            let rate = try await cluster.withClient(timeout: .seconds(60)) {
                try await DataLoader(client: $0).load(data)
            }
            figures.add(Figures.Row(name: "load, tuples", perSecond: rate))
        }
        let stage = Stage(cluster: cluster, data: data, warmUp: timing.warmUp, seconds: timing.seconds)
        var rows: [Figures.Row] = []
        for round in 1...timing.rounds {
            for scenario in scenarios where !scenario.killsNodes {
                Notice.print("round \(round) of \(timing.rounds): \(scenario.name)")
                rows += try await scenario.run(stage)
            }
        }
        for scenario in scenarios where scenario.killsNodes {
            guard cluster.local != nil else {
                Notice.print("\(scenario.name) is skipped: it kills nodes, and these are not the benchmark's own")
                continue
            }
            Notice.print(scenario.name)
            rows += try await scenario.run(stage)
        }
        figures.add(medians: rows)
        figures.addLoadAverage("load average after")
        return figures
    }
}

/// How long to measure.
struct TimingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How long each measurement takes.", valueName: "seconds"))
    var seconds = 3.0

    @Option(help: ArgumentHelp("How long each load runs before it is measured.", valueName: "seconds"))
    var warmUp = 1.0

    @Option(help: ArgumentHelp("How often everything is measured; the medians are printed.", valueName: "count"))
    var rounds = 1

    func validate() throws {
        guard (0.1...3_600).contains(seconds) else {
            throw ValidationError("--seconds is from 0.1 to 3600, not \(seconds)")
        }
        guard (0...600).contains(warmUp) else { throw ValidationError("--warm-up is from 0 to 600, not \(warmUp)") }
        guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds is from 1 to 1000, not \(rounds)") }
    }
}

/// The nodes that the benchmark starts.
struct NodeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The node's program (default: pembad beside this one).", valueName: "file"))
    var pembad: String?

    @Option(
        help: ArgumentHelp("Where the nodes' files are put meanwhile: on a disk, not in memory.", valueName: "folder")
    )
    var directory = NSTemporaryDirectory()

    /// Starts three nodes in a new folder.
    func start() async throws -> TestedCluster {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/pembad"
        return try await TestedCluster(starting: pembad ?? beside, folder: folder("pemba-bench"))
    }

    /// The path of a new folder.
    func folder(_ name: String) -> String {
        URL(fileURLWithPath: directory).appendingPathComponent("\(name)-\(UUID().uuidString)").path
    }
}
