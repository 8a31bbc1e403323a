// Pemba: runs simulated clusters by seed.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaCore
import PembaSimulation

struct Sim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs whole clusters in simulated time, with simulated faults, and checks what they promise.",
        discussion: """
            A seed is a run: the same seed does the same things in the same order, on every machine.

              sim --seeds 200              runs the seeds 1 to 200
              sim --seeds 200 --start 1000 runs the seeds 1000 to 1199
              sim --seed 17                runs seed 17 again and says what happened in it

            Ends with 0 if every promise was kept, with 1 at the first that was not.
            """
    )

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Option(help: "How many seeds to run.")
    var seeds: UInt64 = 100

    @Option(help: "The first seed.")
    var start: UInt64 = 1

    @Option(help: "How many seeds to run at the same time.")
    var jobs = 1

    @Option(help: "Simulated seconds of faults in each run.")
    var duration: UInt64 = 10

    @Flag(help: "Say what happened in every run.")
    var verbose = false

    func validate() throws {
        guard seeds > 0, jobs > 0, duration > 0 else { throw ValidationError("numbers start at 1") }
    }

    func run() async throws {
        let range = seed.map { $0..<($0 + 1) } ?? start..<(start + seeds)
        let isTalkative = verbose || seed != nil
        let duration = TimeSpan.seconds(duration)
        let failed = await withTaskGroup(of: SimulationReport.self) { group -> SimulationReport? in
            var waiting = range.makeIterator()
            func begin() {
                guard let seed = waiting.next() else { return }
                // Said before the run, so that a run that traps is known by it.
                FileHandle.standardError.write(Data("seed \(seed)\r".utf8))
                group.addTask { Simulation.run(SimulationOptions(seed: seed, duration: duration)) }
            }
            for _ in 0..<jobs { begin() }
            while let report = await group.next() {
                if isTalkative || report.violation != nil { print(report.summary) }
                if report.violation != nil { return report }
                begin()
            }
            return nil
        }
        if let failed {
            print("replay: \(failed.replay) --duration \(self.duration)")
            throw ExitCode(1)
        }
        print("\(range.count) seeds kept every promise")
    }
}
