// Pemba: the clocks of one simulated node.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica

/// A monotonic clock that may run fast or slow, and a civil clock that may jump.
struct SimulatedClock {
    /// Nanoseconds that the monotonic clock counts in a second of true time, over 1,000 (1,000,000 is right).
    let rate: UInt64
    /// What the monotonic clock showed at the start of time.
    let start: UInt64
    /// How far the civil clock is from the true time.
    var wallOffset: Int64 = 0

    /// The civil time at the start of the run.
    private static let civilStart: Int64 = 1_700_000_000_000_000_000

    /// The civil time at the true time `now`.
    static func civil(_ now: UInt64) -> Timestamp { Timestamp(nanoseconds: civilStart + Int64(now)) }

    /// What the node's clocks show at the true time `now`.
    func read(at now: UInt64) -> ReplicaTime {
        let wall = SimulatedClock.civil(now).nanoseconds + wallOffset
        return ReplicaTime(now: local(now), wall: Timestamp(nanoseconds: wall))
    }

    /// What the monotonic clock shows at the true time `now`.
    func local(_ now: UInt64) -> Instant {
        Instant(nanoseconds: start + now / 1_000_000 * rate + now % 1_000_000 * rate / 1_000_000)
    }

    /// The first true time at which the monotonic clock shows at least `instant`.
    func global(_ instant: Instant) -> UInt64 {
        guard instant.nanoseconds > start else { return 0 }
        let elapsed = instant.nanoseconds - start
        guard elapsed < 1 << 60 else { return .max }
        return elapsed / rate * 1_000_000 + elapsed % rate * 1_000_000 / rate + 2
    }
}
