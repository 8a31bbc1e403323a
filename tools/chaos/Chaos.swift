// Pemba: chaos with real processes.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaTooling

/// Runs a cluster under fire and verifies what clients saw.
@main
struct Chaos: AsyncParsableCommand {
    static func main() async {
        // What was started is stopped also when nobody reads the output any more.
        LineOutput.expectNobody()
        await main(nil)
    }

    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kills, pauses and restarts real nodes under load and verifies the history.",
        discussion: """
            Exit status 0: every promise was kept; 1: one was broken; 2: the run could not be made.

            chaos --minutes 10
            """
    )

    @Option(help: ArgumentHelp("How long nodes are disturbed.", valueName: "minutes"))
    var minutes = 1.0

    @Option(help: ArgumentHelp("Chooses the faults; printed by every run.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("How many nodes.", valueName: "count"))
    var nodes = 3

    @Option(help: ArgumentHelp("The node's program (default: pembad beside this one).", valueName: "file"))
    var pembad: String?

    @Option(help: ArgumentHelp("Where the cluster lives (default: a new temporary folder).", valueName: "folder"))
    var directory: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard minutes > 0, minutes <= 100_000 else {
            throw ValidationError("--minutes is a positive number, not \(minutes)")
        }
    }

    func run() async throws {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/pembad"
        let folder = directory ?? NSTemporaryDirectory() + "pemba-chaos-\(UUID().uuidString)"
        var options = ChaosRun.Options(
            duration: .seconds(minutes * 60),
            seed: seed ?? UInt64.random(in: 1...UInt64(UInt32.max)),
            program: pembad ?? beside,
            folder: folder
        )
        options.nodes = nodes
        let start = ContinuousClock.now
        do {
            let result = try await ChaosRun(options) { event in
                let elapsed = (ContinuousClock.now - start).components.seconds
                FileHandle.standardError.write(Data("[\(elapsed) s] \(event)\n".utf8))
            }.run()
            FileHandle.standardOutput.write(Data((json ? try JSONText.encode(result) : result.text).utf8))
            if !result.violations.isEmpty { throw ExitCode(1) }
        } catch let error as ToolError {
            FileHandle.standardError.write(Data("chaos: \(error)\n".utf8))
            throw ExitCode(2)
        }
    }
}
