// Pemba: runs simulated clusters by seed.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaCore
import PembaSimulation

/// `sim run`, which is also what `sim` does alone.
struct Sim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs whole clusters in simulated time, with simulated faults, and checks what they promise.",
        discussion: """
            A seed is a run: the same seed does the same things in the same order, on every machine.

              sim --seeds 200 --jobs 2     runs the seeds 1 to 200, two at a time
              sim --seeds 200 --start 1000 runs the seeds 1000 to 1199
              sim --seed 17                runs seed 17 again and says what happened in it
              sim --speed --seeds 20       says how fast simulated time passes, with promises checked and without;
                                           with --jobs 2 on two cores
              sim --replay flight.ring     does again what a node's flight recorder recorded, line by line

            Ends with 0 if every promise was kept. At the first that was not it looks for a smaller run that fails, too, \
            prints the command that repeats it, and ends with 1; the flight recordings of its nodes are kept. --without leaves out kinds of trouble: \
            \(Fault.allCases.map(\.rawValue).joined(separator: " ")).
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
    var duration = 20.0

    @Option(help: "Nodes; otherwise as many as the seed draws.")
    var nodes: Int?

    @Option(help: "Clients; otherwise as many as the seed draws.")
    var clients: Int?

    @Option(help: "Kinds of trouble to leave out, separated by commas.")
    var without = ""

    @Flag(help: "Say what happened in every run.")
    var verbose = false

    @Flag(help: "Tell the story of a run: faults, starts, elections, commitment.")
    var story = false

    @Flag(help: "Run without checking any promise.")
    var unchecked = false

    @Flag(help: "Keep a failing run as it is.")
    var asIs = false

    @Option(help: ArgumentHelp("Replay the flight recording of a node.", valueName: "file"))
    var replay: String?

    @Option(help: ArgumentHelp("Where the flight recordings of a failing run are written.", valueName: "folder"))
    var recordings = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-sim").path

    @Flag(
        help: "Measure how fast simulated time passes with three nodes and clients that think, checked and unchecked."
    )
    var speed = false

    func validate() throws {
        guard seeds > 0, jobs > 0, duration > 0 else { throw ValidationError("numbers start at 1") }
        guard nodes.map((1...7).contains) ?? true else { throw ValidationError("a cluster has 1 to 7 nodes") }
        guard clients.map((1...100).contains) ?? true else { throw ValidationError("there are 1 to 100 clients") }
        for name in without.split(separator: ",") where Fault(rawValue: String(name)) == nil {
            throw ValidationError("there is no trouble '\(name)'; see sim --help")
        }
    }

    private func plan(_ seed: UInt64) -> SimulationPlan {
        var plan = SimulationPlan(seed: seed, duration: .milliseconds(UInt64(duration * 1_000)))
        plan.nodes = nodes
        plan.clients = clients
        plan.without = Set(without.split(separator: ",").compactMap { Fault(rawValue: String($0)) })
        plan.isChecked = !unchecked
        return plan
    }

    func run() async throws {
        if let replay { return try Recordings.replay(replay) }
        if speed { return await measure() }
        let range = seed.map { $0..<($0 + 1) } ?? start..<(start + seeds)
        let begun = Date()
        let (simulated, failed) = await run(range)
        if let (failed, report) = failed {
            print("replay: \(failed.command)")
            try Recordings.write(report, to: recordings)
            if !asIs { print("smaller: \(Shrinker.shrink(failed).command)") }
            throw ExitCode(1)
        }
        let seconds = Date().timeIntervalSince(begun)
        print(
            "\(range.count) \(range.count == 1 ? "seed" : "seeds") kept every promise: \(Int(simulated)) simulated seconds in "
                + "\(Int(seconds.rounded())), \(Int(simulated / seconds)) times as fast"
        )
    }

    private func run(_ range: Range<UInt64>) async -> (simulated: Double, failed: (SimulationPlan, SimulationReport)?) {
        await withTaskGroup(of: (SimulationPlan, SimulationReport).self) { group in
            var waiting = range.makeIterator()
            var simulated = 0.0
            func begin() {
                guard let seed = waiting.next() else { return }
                let plan = plan(seed)
                // Said before the run, so that a run that traps is known by it.
                FileHandle.standardError.write(Data("seed \(seed)\r".utf8))
                let isTold = story
                group.addTask { (plan, Simulation.run(plan.options, narrator: isTold ? { print($0) } : nil)) }
            }
            for _ in 0..<jobs { begin() }
            while let (plan, report) = await group.next() {
                simulated += Double((report.end - .zero).nanoseconds) / 1e9
                if verbose || seed != nil || report.violation != nil { print(report.summary) }
                if report.violation != nil { return (simulated, (plan, report)) }
                begin()
            }
            return (simulated, nil)
        }
    }

    /// Counts real seconds, of a machine that should have nothing else to do.
    private func measure() async {
        for isChecked in [true, false] {
            let begun = ContinuousClock.now
            let (simulated, events) = await passTime(isChecked)
            let elapsed = ContinuousClock.now - begun
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
            print(
                "\(isChecked ? "checked" : "unchecked"): \(Int(simulated / seconds)) times as fast as the clock, "
                    + "\(Int(Double(events) / seconds)) events/s, \(Int(Double(events) / simulated)) events per simulated second"
            )
        }
    }

    /// Runs every seed with three nodes and clients that think; the simulated seconds and what happened in them.
    private func passTime(_ isChecked: Bool) async -> (seconds: Double, events: Int) {
        await withTaskGroup(of: SimulationReport.self) { group in
            var waiting = (start..<(start + seeds)).makeIterator()
            func begin() {
                guard let seed = waiting.next() else { return }
                var plan = plan(seed)
                plan.nodes = 3
                plan.isChecked = isChecked
                var options = plan.options
                options.pace = .slow
                group.addTask { [options] in Simulation.run(options) }
            }
            for _ in 0..<jobs { begin() }
            var total = (seconds: 0.0, events: 0)
            for await report in group {
                total.seconds += Double((report.end - .zero).nanoseconds) / 1e9
                total.events += report.counts.events
                begin()
            }
            return total
        }
    }
}
