// Pemba: simulated clusters keep their promises.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaSimulation

@Suite struct SimulationTests {
    @Test func everySeedKeepsEveryPromise() {
        for seed in Seeds(short: 200, full: 2_000) {
            let report = Simulation.run(SimulationOptions(seed: seed, duration: .seconds(4)))
            #expect(report.violation == nil, "\(report.summary)\n\(Seeds.replay(seed, "SimulationTests"))")
        }
    }

    @Test func aSeedIsARun() {
        for seed in Seeds(short: 4, full: 100) {
            let options = SimulationOptions(seed: seed, duration: .seconds(2))
            #expect(Simulation.run(options) == Simulation.run(options), "\(Seeds.replay(seed, "SimulationTests"))")
        }
        let one = Simulation.run(SimulationOptions(seed: 1, duration: .seconds(1)))
        let two = Simulation.run(SimulationOptions(seed: 2, duration: .seconds(1)))
        #expect(one.traceHash != two.traceHash)
    }

    @Test func aCalmClusterElectsOnceAndRefusesNoCheck() {
        let report = Simulation.run(SimulationOptions(calm: 7, duration: .seconds(3)))
        #expect(report.violation == nil)
        #expect(report.counts.restarts == 0)
        #expect(report.counts.writesAcknowledged > 100)
        #expect(report.counts.checksAnswered > 100)
        #expect(report.counts.scriptsFinished > 0)
    }

    /// Whether the rare things happen at all: a simulation that never meets them proves nothing about them.
    @Test func theRareThingsHappen() {
        var installed = 0
        var written = 0
        var unknown = 0
        var restarts = 0
        for seed in 1...12 as ClosedRange<UInt64> {
            var options = SimulationOptions(seed: seed, duration: .seconds(3))
            options.nodeCount = 3
            options.processesDie = true
            options.powerFails = true
            options.faultInterval = .milliseconds(300)
            options.snapshotAfterEntries = 10
            options.trailingEntries = 2
            let report = Simulation.run(options)
            #expect(report.violation == nil, "\(report.summary)")
            installed += report.counts.snapshotsInstalled
            written += report.counts.snapshotsWritten
            unknown += report.counts.writesUnknown
            restarts += report.counts.restarts
        }
        #expect(installed > 0)
        #expect(written > 10)
        #expect(unknown > 0)
        #expect(restarts > 10)
    }
}
