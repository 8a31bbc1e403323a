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

    /// `2026-11-23T22:11:00.123Z`.
    package static func text(of timestamp: Timestamp) -> String {
        let (seconds, nanoseconds) = timestamp.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let year = padded(Int(parts.tm_year) + 1900, 4)
        let day = "\(year)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock =
            "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(day)T\(clock).\(padded(Int(nanoseconds / 1_000_000), 3))Z"
    }
}
