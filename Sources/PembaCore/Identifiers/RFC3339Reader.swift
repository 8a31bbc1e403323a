// Pemba: reading dates and times as RFC 3339 writes them.
// SPDX-License-Identifier: Apache-2.0

/// Why a text is not a point in time.
public struct TimestampTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text that was read.
    public let text: String
    /// The rule that it breaks, and what to write instead.
    public let reason: String

    /// Both, for people.
    public var description: String { "`\(text)` is not a time: \(reason)" }
}

/// Reads one date and time from the left.
struct RFC3339Reader {
    private static let form = "write it as in `2026-01-31T09:30:00Z` or `2026-01-31T11:30:00.5+02:00`"

    private let text: String
    private var rest: Substring.UTF8View

    init(_ text: String) {
        self.text = text
        rest = text[...].utf8
    }

    mutating func read() throws(TimestampTextError) -> CivilInstant {
        let days = try date()
        guard take("T") else { throw error("a `T` stands between date and time; \(RFC3339Reader.form)") }
        let clock = try time()
        let nanoseconds = try fraction()
        let offset = try offset()
        guard rest.isEmpty else { throw error("nothing follows `Z` or the offset; \(RFC3339Reader.form)") }
        let seconds = Int64(days * 86_400 + clock - offset)
        guard let instant = CivilInstant(seconds: seconds, nanoseconds: nanoseconds) else {
            throw error("in UTC it lies outside the years 1 to 9999")
        }
        return instant
    }

    /// Days since 1970-01-01.
    private mutating func date() throws(TimestampTextError) -> Int {
        let year = try number(4, in: 1...9_999, "the year")
        try expect("-", "year and month")
        let month = try number(2, in: 1...12, "the month")
        try expect("-", "month and day")
        let last = CivilFields.days(inMonth: month, of: year)
        let day = try number(2, in: 1...last, "the day, in this month,")
        return CivilFields.days(year: year, month: month, day: day)
    }

    /// Seconds since midnight.
    ///
    /// A leap second has no place in a count of seconds, so 60 is refused.
    private mutating func time() throws(TimestampTextError) -> Int {
        let hour = try number(2, in: 0...23, "the hour")
        try expect(":", "hour and minute")
        let minute = try number(2, in: 0...59, "the minute")
        try expect(":", "minute and second")
        return hour * 3_600 + minute * 60 + (try number(2, in: 0...59, "the second"))
    }

    private mutating func fraction() throws(TimestampTextError) -> Int32 {
        guard take(".") else { return 0 }
        var value: Int32 = 0
        var count = 0
        while let digit = rest.first.flatMap(RFC3339Reader.digit) {
            rest.removeFirst()
            count += 1
            guard count <= 9 else { throw error("a fraction of a second has at most nine digits") }
            value = value * 10 + Int32(digit)
        }
        guard count > 0 else { throw error("digits follow the `.`") }
        for _ in count..<9 { value *= 10 }
        return value
    }

    /// Seconds ahead of UTC.
    private mutating func offset() throws(TimestampTextError) -> Int {
        if take("Z") { return 0 }
        let sign: Int
        if take("+") {
            sign = 1
        } else if take("-") {
            sign = -1
        } else {
            throw error("`Z` or an offset from UTC ends it; \(RFC3339Reader.form)")
        }
        let hour = try number(2, in: 0...23, "the hour of the offset")
        try expect(":", "hour and minute of the offset")
        return sign * (hour * 3_600 + (try number(2, in: 0...59, "the minute of the offset")) * 60)
    }

    private mutating func number(
        _ width: Int,
        in range: ClosedRange<Int>,
        _ what: String
    ) throws(TimestampTextError) -> Int {
        var value = 0
        for _ in 0..<width {
            guard let digit = rest.first.flatMap(RFC3339Reader.digit) else {
                throw error("\(what) has \(width) digits; \(RFC3339Reader.form)")
            }
            rest.removeFirst()
            value = value * 10 + digit
        }
        guard range.contains(value) else {
            throw error("\(what) is from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
        return value
    }

    private mutating func expect(_ mark: Unicode.Scalar, _ between: String) throws(TimestampTextError) {
        guard take(mark) else { throw error("`\(mark)` stands between \(between); \(RFC3339Reader.form)") }
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: mark) else { return false }
        rest.removeFirst()
        return true
    }

    private static func digit(_ byte: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
    }

    private func error(_ reason: String) -> TimestampTextError { TimestampTextError(text: text, reason: reason) }
}
