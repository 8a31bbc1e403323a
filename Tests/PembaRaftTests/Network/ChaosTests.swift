// Pemba: safety of Raft cores under random failures.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

struct ChaosTests {
    /// One leader a term, committed entries that stay, complete leaders, matching logs, terms and commit indices that
    /// only grow, and reads that are never stale, while members come and go; then, once all is healed, one mind.
    @Test func randomFailuresNeverEndangerSafety() {
        var commits = 0
        var leaders = 0
        var snapshots = 0
        var reads = 0
        var changes = 0
        var joints = 0
        var removals = 0
        for seed in Seeds(short: 60, full: 5_000) {
            var network = ChaoticNetwork(seed: seed)
            do throws(Violation) {
                try network.run(3_000)
                try network.converge()
            } catch {
                Issue.record("\(error) \(Seeds.replay(seed, "ChaosTests"))")
            }
            commits += network.committedCount
            leaders += network.leadersSeen
            snapshots += network.snapshotsInstalled
            reads += network.readsAnswered
            changes += network.changesBegun
            joints += network.jointsSeen
            removals += network.removalsLearned
        }
        // A test that stopped doing anything would pass everything above.
        #expect(commits > 0 && leaders > 0 && snapshots > 0 && reads > 0)
        #expect(changes > 0 && joints > 0 && removals > 0)
    }

    /// The whole of a run follows from its seed.
    @Test func equalSeedsGiveEqualRuns() throws {
        for seed in Seeds(short: 3, full: 100) {
            var first = ChaoticNetwork(seed: seed)
            var second = ChaoticNetwork(seed: seed)
            try first.run(2_000)
            try second.run(2_000)
            #expect(first.statuses == second.statuses, "\(Seeds.replay(seed, "ChaosTests"))")
            #expect(!first.statuses.isEmpty)
        }
    }
}
