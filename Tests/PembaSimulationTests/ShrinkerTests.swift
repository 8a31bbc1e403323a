// Pemba: a failing run is made smaller.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSimulation

@Suite struct ShrinkerTests {
    /// A plan whose seed draws both faults that the failure below takes.
    private var plan: SimulationPlan {
        let seed = (1...1_000 as ClosedRange<UInt64>).first { seed in
            SimulationOptions(seed: seed, duration: .seconds(1)).faults.isSuperset(of: [.kill, .pause])
        }
        return SimulationPlan(seed: seed ?? 0, duration: .seconds(20))
    }

    @Test func onlyWhatTheFailureTakesIsLeft() {
        let smaller = Shrinker.shrink(plan) { plan in
            let options = plan.options
            let fails = options.has(.kill) && options.has(.pause) && options.duration >= .milliseconds(1_700)
            return fails && options.clientCount >= 2 ? Violation("as wanted") : nil
        }
        #expect(Fault.allCases.filter { smaller.options.has($0) } == [.kill, .pause])
        #expect(smaller.options.clientCount == 2)
        #expect(smaller.options.nodeCount == 1)
        #expect(smaller.duration >= .milliseconds(1_700) && smaller.duration < .milliseconds(2_300))
    }

    @Test func theCommandSaysWhatIsOtherwise() {
        var plan = SimulationPlan(seed: 17, duration: .milliseconds(2_050))
        #expect(plan.command == "swift run -c release sim --seed 17 --duration 2.050")
        plan.duration = .seconds(3)
        plan.nodes = 3
        plan.clients = 1
        plan.without = [.pause, .kill]
        let words = "sim --seed 17 --duration 3 --nodes 3 --clients 1 --without kill,pause"
        #expect(plan.command == "swift run -c release \(words)")
        #expect(plan.options.nodeCount == 3)
        #expect(!plan.options.has(.pause) && !plan.options.has(.kill))
    }
}
