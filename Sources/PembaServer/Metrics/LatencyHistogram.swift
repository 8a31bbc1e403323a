// Pemba: how often something took how long.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Counts of durations in fixed buckets, the same for all, so that they can be added up over nodes.
package struct LatencyHistogram: Sendable, Equatable {
    /// The upper bounds of the buckets in nanoseconds, inclusive; what is longer counts in one more bucket.
    package static let bounds: [UInt64] = [
        10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000,
        50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000,
        10_000_000_000,
    ]

    /// How many durations fell into each bucket alone; one more than there are bounds.
    package private(set) var counts = [UInt64](repeating: 0, count: LatencyHistogram.bounds.count + 1)
    /// All durations added up, in nanoseconds.
    package private(set) var sum: UInt64 = 0

    package init() {}

    /// How many durations were recorded.
    package var count: UInt64 { counts.reduce(0, +) }

    /// Records `duration`, `times` over: a burst's requests share one reading of the clock.
    package mutating func record(_ duration: TimeSpan, times: Int = 1) {
        var bucket = 0
        while bucket < LatencyHistogram.bounds.count, duration.nanoseconds > LatencyHistogram.bounds[bucket] {
            bucket += 1
        }
        counts[bucket] &+= UInt64(times)
        sum &+= duration.nanoseconds &* UInt64(times)
    }
}
