// Pemba: making a failing run smaller.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Looks for a smaller run that fails, too: with fewer kinds of trouble, over less time, with fewer clients and nodes.
///
/// Deterministic: it tries in a fixed order and keeps whatever still fails, with whatever violation.
package enum Shrinker {
    /// Runs that are tried at most.
    private static let runsMax = 120

    /// The smallest failing plan that was found; `plan` itself must fail.
    package static func shrink(
        _ plan: SimulationPlan,
        run: (SimulationPlan) -> Violation? = { Simulation.run($0.options).violation }
    ) -> SimulationPlan {
        var best = plan
        var left = runsMax
        func attempt(_ change: (inout SimulationPlan) -> Void) -> Bool {
            var candidate = best
            change(&candidate)
            guard candidate != best, left > 0 else { return false }
            left -= 1
            guard run(candidate) != nil else { return false }
            best = candidate
            return true
        }
        var isSmaller = true
        while isSmaller, left > 0 {
            isSmaller = false
            for fault in Fault.allCases where best.options.has(fault) {
                if attempt({ $0.without.insert(fault) }) { isSmaller = true }
            }
            for (numerator, denominator) in [(1, 4), (1, 2), (3, 4), (9, 10)] as [(UInt64, UInt64)] {
                let shorter = best.duration.nanoseconds / denominator * numerator / 1_000_000
                if shorter > 0, attempt({ $0.duration = .milliseconds(shorter) }) { isSmaller = true }
            }
            for clients in 1..<max(1, best.options.clientCount) where attempt({ $0.clients = clients }) {
                isSmaller = true
                break
            }
            for nodes in 1..<max(1, best.options.nodeCount) where attempt({ $0.nodes = nodes }) {
                isSmaller = true
                break
            }
        }
        return best
    }
}
