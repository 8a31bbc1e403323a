// Pemba: simulated clusters keep their promises.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaSimulation

@Suite struct SimulationTests {
    /// Simulated time of faults in each run.
    private static let duration = TimeSpan.seconds(20)

    /// Two halves, so that both cores have something to do.
    @Test(arguments: [0, 1] as [UInt64]) func everySeedKeepsEveryPromise(half: UInt64) {
        for seed in Seeds(short: 300, full: 6_000) where seed % 2 == half {
            let plan = SimulationPlan(seed: seed, duration: SimulationTests.duration)
            let report = Simulation.run(plan.options)
            #expect(report.violation == nil, "\(report.summary)\nreplay: \(plan.command)")
        }
    }

    @Test func aSeedIsARun() {
        for seed in Seeds(short: 6, full: 100) {
            let options = SimulationOptions(seed: seed, duration: .seconds(4))
            #expect(Simulation.run(options) == Simulation.run(options), "\(Seeds.replay(seed, "SimulationTests"))")
        }
        let one = Simulation.run(SimulationOptions(seed: 1, duration: .seconds(1)))
        let two = Simulation.run(SimulationOptions(seed: 2, duration: .seconds(1)))
        #expect(one.traceHash != two.traceHash)
    }

    @Test func aRunDoesNotDependOnWhetherItIsChecked() {
        for seed in Seeds(short: 3, full: 30) {
            var options = SimulationOptions(seed: seed, duration: .seconds(4))
            let checked = Simulation.run(options)
            options.isChecked = false
            #expect(checked.traceHash == Simulation.run(options).traceHash, "\(Seeds.replay(seed, "SimulationTests"))")
        }
    }

    /// What the nodes recorded happens again, whatever trouble there was.
    @Test func whatWasRecordedHappensAgain() throws {
        var inputs = 0
        for seed in Seeds(short: 10, full: 300) {
            let simulation = try Simulation(options: SimulationOptions(seed: seed, duration: .seconds(5)))
            _ = simulation.run()
            for recording in simulation.recordings {
                let report = try FlightReplay(recording.bytes).run { _ in }
                let replay = "\(report.summary) \(Seeds.replay(seed, "SimulationTests"))"
                #expect(report.divergence == nil && !report.isDiscontinuous && !report.isLastOpen, "\(replay)")
                #expect(report.node == recording.node, "\(replay)")
                inputs += report.inputs
            }
        }
        #expect(inputs > 1_000)
    }

    @Test func aCalmClusterServes() {
        let report = Simulation.run(SimulationOptions(calm: 7, duration: .seconds(10)))
        #expect(report.violation == nil)
        #expect(report.counts.restarts == 0)
        // Nobody leads yet when the first are asked.
        #expect(report.counts.checksRefused < 5)
        #expect(report.counts.writesAcknowledged > 50)
        #expect(report.counts.checksAnswered > 100)
        #expect(report.counts.scriptsFinished > 0)
    }

    /// Whether the rare things happen at all: a simulation that never meets them proves nothing about them.
    @Test func theRareThingsHappen() {
        var counts = SimulationReport.Counts()
        for seed in 1...40 as ClosedRange<UInt64> {
            var options = SimulationOptions(seed: seed, duration: .seconds(10))
            options.nodeCount = 3
            options.faults.formUnion([.kill, .losePower, .fullDisk, .upgrade, .rot])
            options.faultInterval = .milliseconds(500)
            options.settings.snapshotAfterEntries = 10
            options.settings.trailingEntries = 2
            let report = Simulation.run(options)
            #expect(report.violation == nil, "\(report.summary)")
            counts.snapshotsInstalled += report.counts.snapshotsInstalled
            counts.snapshotsWritten += report.counts.snapshotsWritten
            counts.blocksSent += report.counts.blocksSent
            counts.blocksSentAgain += report.counts.blocksSentAgain
            counts.transfersResumed += report.counts.transfersResumed
            counts.writesUnknown += report.counts.writesUnknown
            counts.restarts += report.counts.restarts
            counts.damagesHealed += report.counts.damagesHealed
            counts.upgrades += report.counts.upgrades
            counts.messagesUnreadable += report.counts.messagesUnreadable
            counts.storiesHandedOver += report.counts.storiesHandedOver
            counts.evaluationsResumed += report.counts.evaluationsResumed
            counts.watchesResumed += report.counts.watchesResumed
            counts.registerChanges += report.counts.registerChanges
            counts.deletions += report.counts.deletions
            counts.sets += report.counts.sets
            counts.imports += report.counts.imports
            counts.conditionalAnswers += report.counts.conditionalAnswers
        }
        #expect(counts.snapshotsInstalled > 0)
        #expect(counts.snapshotsWritten > 10)
        #expect(counts.blocksSent > counts.snapshotsInstalled * 5)
        #expect(counts.blocksSentAgain > 0)
        #expect(counts.transfersResumed > 0)
        #expect(counts.writesUnknown > 0)
        #expect(counts.restarts > 10)
        #expect(counts.upgrades > 10)
        #expect(counts.messagesUnreadable > 0)
        #expect(counts.damagesHealed > 0)
        #expect(counts.storiesHandedOver > 0)
        #expect(counts.evaluationsResumed > 0)
        #expect(counts.watchesResumed > 0)
        #expect(counts.registerChanges > 0)
        #expect(counts.deletions > 0)
        #expect(counts.sets > 0)
        #expect(counts.imports > 0)
        #expect(counts.conditionalAnswers > 0)
    }

    /// Nodes come and go under all kinds of trouble, and those that have lost their data are refused.
    @Test func membersComeAndGo() {
        var counts = SimulationReport.Counts()
        for seed in 1...20 as ClosedRange<UInt64> {
            var options = SimulationOptions(seed: seed, duration: .seconds(20))
            options.nodeCount = 3
            options.faults = [.members, .wipe, .kill, .transfer, .isolate, .loss]
            options.faultInterval = .milliseconds(400)
            let report = Simulation.run(options)
            #expect(report.violation == nil, "\(report.summary)")
            counts.membershipChanges += report.counts.membershipChanges
            counts.removals += report.counts.removals
            counts.wipes += report.counts.wipes
            counts.refusals += report.counts.refusals
        }
        #expect(counts.membershipChanges > 100)
        #expect(counts.removals > 20)
        #expect(counts.wipes > 20)
        #expect(counts.refusals > 20)
    }

    /// Seeds that nothing but their faults distinguishes: each kind of fault occurs in some, and none in all.
    @Test func everyFaultIsDrawnBySomeSeedsAndNotByOthers() {
        let drawn = (1...200).map { SimulationOptions(seed: $0, duration: .seconds(1)).faults }
        for fault in Fault.allCases {
            let count = drawn.count { $0.contains(fault) }
            #expect(count > 20 && count < 180, "\(fault) in \(count) of 200")
        }
    }
}
