// Pemba: the span of time that is measured.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// From when to when answers count.
///
/// What comes earlier warms up; what comes later is waited for and forgotten.
struct Window: Sendable {
    /// The clock's nanoseconds at which counting begins.
    let begin: UInt64
    /// The clock's nanoseconds at which counting ends.
    let end: UInt64

    /// A window of `seconds` that begins when `warmUp` seconds have passed.
    init(warmUp: Double, seconds: Double) {
        begin = Window.now + UInt64(warmUp * 1e9)
        end = begin + UInt64(seconds * 1e9)
    }

    /// The clock that loads and windows are measured by, in nanoseconds.
    @inline(__always)
    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    /// Its length in seconds.
    var seconds: Double { Double(end - begin) / 1e9 }

    /// Whether what ends now counts.
    @inline(__always)
    func contains(_ now: UInt64) -> Bool { now >= begin && now < end }

    /// Sleeps until the clock shows `instant`.
    static func sleep(until instant: UInt64) async throws {
        let now = Window.now
        if instant > now { try await Task.sleep(nanoseconds: instant - now) }
    }
}
