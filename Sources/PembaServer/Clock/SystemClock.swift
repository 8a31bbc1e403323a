// Pemba: the two clocks of the machine.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import PembaCore

/// Readings of the machine's clocks.
///
/// Timers and deadlines use the monotonic one only: setting the civil clock back or forth moves nothing but the stamps
/// on entries and log lines.
package enum SystemClock {
    /// The monotonic clock.
    package static func now() -> Instant { Instant(nanoseconds: UInt64(bitPattern: read(CLOCK_MONOTONIC))) }

    /// The civil clock.
    package static func wall() -> Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let result = clock_gettime(clock, &time)
        precondition(result == 0, "the clock cannot be read")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
