// Pemba: points in time. The cores have no clock; both kinds arrive as input.
// SPDX-License-Identifier: Apache-2.0

/// A reading of a monotonic clock in nanoseconds; comparable only with readings of the same process.
public struct Instant: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Nanoseconds since an arbitrary start.
    public let nanoseconds: UInt64

    /// Makes the instant `nanoseconds` after the clock's start.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock's start.
    public static let zero = Instant(nanoseconds: 0)

    /// A point no clock reaches: the deadline of what never falls due.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// Seconds since the start, for people.
    public var description: String { "\(Double(nanoseconds) / 1e9)s" }

    /// Orders by time.
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `span` later; saturates instead of overflowing.
    public static func + (instant: Instant, span: TimeSpan) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// The time from `earlier` to `later`; zero where `earlier` is the later one.
    public static func - (later: Instant, earlier: Instant) -> TimeSpan {
        TimeSpan(nanoseconds: later.nanoseconds >= earlier.nanoseconds ? later.nanoseconds - earlier.nanoseconds : 0)
    }
}

/// A length of time in whole nanoseconds, never negative. (`Duration` needs 128 bits, which hot structures do not have.)
public struct TimeSpan: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The length.
    public let nanoseconds: UInt64

    /// Makes a length of nanoseconds.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Makes a length of microseconds.
    public static func microseconds(_ count: UInt64) -> TimeSpan { TimeSpan(nanoseconds: count * 1_000) }

    /// Makes a length of milliseconds.
    public static func milliseconds(_ count: UInt64) -> TimeSpan { TimeSpan(nanoseconds: count * 1_000_000) }

    /// Makes a length of seconds.
    public static func seconds(_ count: UInt64) -> TimeSpan { TimeSpan(nanoseconds: count * 1_000_000_000) }

    /// No time at all.
    public static let zero = TimeSpan(nanoseconds: 0)

    /// Milliseconds, for people.
    public var description: String { "\(Double(nanoseconds) / 1e6)ms" }

    /// Orders by length.
    public static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The sum of two lengths; saturates instead of overflowing.
    public static func + (left: TimeSpan, right: TimeSpan) -> TimeSpan {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return TimeSpan(nanoseconds: overflow ? .max : sum)
    }

    /// A multiple of a length; saturates instead of overflowing.
    public static func * (left: TimeSpan, factor: UInt64) -> TimeSpan {
        let (product, overflow) = left.nanoseconds.multipliedReportingOverflow(by: factor)
        return TimeSpan(nanoseconds: overflow ? .max : product)
    }
}

/// A point in civil time as the log records it: nanoseconds since 1970-01-01T00:00:00Z.
///
/// The leader stamps entries with it, monotonically; nothing about safety depends on its being right.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Nanoseconds since the Unix epoch.
    public let nanoseconds: Int64

    /// Makes a point in civil time.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The Unix epoch, which a log without entries has as its time.
    public static let zero = Timestamp(nanoseconds: 0)

    /// Nanoseconds since the Unix epoch, in decimal.
    public var description: String { String(nanoseconds) }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }
}
