// Pemba: writing a history down while it happens.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// Collects what the tasks of a run did, in the order in which it ended.
actor ChaosRecorder {
    /// Everything so far.
    private(set) var history = ChaosHistory()
    private let start = ContinuousClock.now

    /// Nanoseconds since the run began.
    nonisolated func now() -> ChaosHistory.Nanoseconds {
        let elapsed = (ContinuousClock.now - start).components
        return UInt64(elapsed.seconds) * 1_000_000_000 + UInt64(elapsed.attoseconds / 1_000_000_000)
    }

    /// Every tuple that a writer tried to write, in a fixed order.
    var writtenTuples: [RelationTuple] {
        Set(history.writes.map(\.tuple)).sorted { $0.description < $1.description }
    }

    func record(_ write: ChaosHistory.Write) { history.writes.append(write) }

    func record(_ check: ChaosHistory.Check) { history.checks.append(check) }

    func record(_ enemy: ChaosHistory.NewEnemy) { history.newEnemies.append(enemy) }

    func recordFinal(_ tuple: RelationTuple, isPresent: Bool) { history.final[tuple] = isPresent }
}
