// Pemba: explores every state of small clusters.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaExplorer

struct Explore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explore",
        abstract: "Visits every state that a small cluster of Raft cores can reach, and checks what must hold in each.",
        discussion: """
            What runs is the core as it is shipped. Every message may be lost, delayed, repeated and overtaken without \
            limit, and elections begin at any time; the options bound the rest.

              sim explore                    every exploration of the tests
              sim explore --full             every exploration of the long form
              sim explore --terms 2 --entries 1 --crashes 1 --delay-writes
                                             one exploration with bounds of your own

            Ends with 0 if all is as it should be, with 1 at a violation, whose events it prints, and with 3 if an \
            exploration met the bound on memory before it was complete.
            """
    )

    @Flag(help: "The explorations of the long form; takes half an hour.")
    var full = false

    @Option(help: "One of the named explorations.")
    var name: String?

    @Option(help: "Terms after the first.")
    var terms: Int?

    @Option(help: "Commands that are proposed.")
    var entries: Int?

    @Option(help: "Crashes.")
    var crashes: Int?

    @Option(help: "Rounds of heartbeats beyond the one that begins a leadership.")
    var heartbeats: Int?

    @Option(help: "Linearizable reads.")
    var reads: Int?

    @Option(help: "Nodes that vote.")
    var voters: Int?

    @Flag(help: "Writes take time.")
    var delayWrites = false

    @Flag(help: "Nodes campaign without asking first whether they could win.")
    var noPreVote = false

    @Flag(help: "Leaders stay without a quorum, and nobody is loyal to one: more can happen.")
    var noCheckQuorum = false

    @Option(help: "Gibibytes of memory at most, as far as they are counted.")
    var memory = 4

    func validate() throws {
        let counts = [terms, entries, crashes, heartbeats, reads, voters].compactMap { $0 }
        guard memory > 0, counts.allSatisfy({ (0...8).contains($0) }), voters != 0 else {
            throw ValidationError("bounds are numbers up to 8, and voters and memory at least 1")
        }
    }

    func run() throws {
        for (name, bounds) in try explorations {
            var bounds = bounds
            bounds.memoryMax = memory << 30
            try explore(name, bounds)
        }
    }

    private var explorations: [(name: String, bounds: ExplorationBounds)] {
        get throws {
            let all = full ? ExplorationBounds.long : ExplorationBounds.short
            if let name {
                let found = (ExplorationBounds.short + ExplorationBounds.long).filter { $0.name == name }
                guard let first = found.first else {
                    throw ValidationError("no exploration is called \(name); there are \(all.map(\.name))")
                }
                return [first]
            }
            let isOwn =
                [terms, entries, crashes, heartbeats, reads, voters].contains { $0 != nil } || delayWrites || noPreVote
                || noCheckQuorum
            guard isOwn else { return all }
            var bounds = ExplorationBounds()
            bounds.terms = terms ?? bounds.terms
            bounds.entries = entries ?? bounds.entries
            bounds.crashes = crashes ?? bounds.crashes
            bounds.heartbeats = heartbeats ?? bounds.heartbeats
            bounds.reads = reads ?? bounds.reads
            bounds.voters = voters ?? bounds.voters
            bounds.delaysWrites = delayWrites
            bounds.usesPreVote = !noPreVote
            bounds.checksQuorum = !noCheckQuorum
            return [("own bounds", bounds)]
        }
    }

    private func explore(_ name: String, _ bounds: ExplorationBounds) throws {
        let start = ContinuousClock.now
        func elapsed() -> Double {
            let elapsed = (ContinuousClock.now - start).components
            return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        }
        var exploration = Exploration(bounds)
        let report = exploration.run { progress in
            let rate = Int(Double(progress.states) / max(elapsed(), 0.001))
            let text =
                "\(name): depth \(progress.depth), \(progress.states) states, \(rate) a second, "
                + "\(progress.bytes >> 20) MiB, \(progress.nodeStates) states of a node, \(progress.messages) messages"
            FileHandle.standardError.write(Data((text + "\n").utf8))
        }
        print("\(name): \(report.summary), \(Int(elapsed())) s")
        switch report.outcome {
        case .complete: return
        // Some are meant to look at the first so many states only.
        case .unfinished: if report.progress.states < bounds.statesMax { throw ExitCode(3) }
        case .violation(_, let trace):
            for line in trace { print("  \(line)") }
            throw ExitCode(1)
        }
    }
}
