// Pemba: points in civil time from year 1 to 9999, and their text (RFC 3339).
// SPDX-License-Identifier: Apache-2.0

/// A point in civil time between the years 1 and 9999: what RFC 3339 can write.
///
/// `Timestamp` reaches from 1677 to 2262 only, which is enough for clocks; people also write "9999-12-31" for "never".
public struct CivilInstant: Hashable, Comparable, Sendable {
    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    public let seconds: Int64
    /// Nanoseconds after `seconds`, from 0 to 999,999,999.
    public let nanoseconds: Int32

    /// The first second that has a text: 0001-01-01T00:00:00Z.
    public static let secondsMin: Int64 = -62_135_596_800
    /// The last second that has a text: 9999-12-31T23:59:59Z.
    public static let secondsMax: Int64 = 253_402_300_799

    /// Makes the point `nanoseconds` after `seconds`; nil outside the years 1 to 9999.
    public init?(seconds: Int64, nanoseconds: Int32 = 0) {
        precondition((0..<1_000_000_000).contains(nanoseconds), "nanoseconds of an instant outside its second")
        guard (CivilInstant.secondsMin...CivilInstant.secondsMax).contains(seconds) else { return nil }
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The same point as `timestamp`, every one of which lies inside the years 1 to 9999.
    public init(_ timestamp: Timestamp) {
        let (quotient, remainder) = timestamp.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        seconds = remainder < 0 ? quotient - 1 : quotient
        nanoseconds = Int32(remainder < 0 ? remainder + 1_000_000_000 : remainder)
    }

    /// Orders by time.
    public static func < (left: CivilInstant, right: CivilInstant) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// Reads RFC 3339: `2006-01-02T15:04:05Z`, with up to nine digits of fraction and `Z` or an offset `+02:00`.
    public init(rfc3339 text: String) throws(TimestampTextError) {
        var reader = RFC3339Reader(text)
        self = try reader.read()
    }

    /// The text in UTC, with as many digits of fraction as the instant needs.
    public var rfc3339: String {
        let fields = CivilFields(self)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        var text = "\(padded(fields.year, 4))-\(padded(fields.month, 2))-\(padded(fields.day, 2))"
        text += "T\(padded(fields.hour, 2)):\(padded(fields.minute, 2)):\(padded(fields.second, 2))"
        if nanoseconds != 0 {
            let fraction = padded(Int(nanoseconds), 9)
            let zeros = fraction.utf8.reversed().prefix { $0 == UInt8(ascii: "0") }.count
            text += "." + fraction.dropLast(zeros)
        }
        return text + "Z"
    }
}

/// The calendar's view of an instant (proleptic Gregorian).
public struct CivilFields: Hashable, Sendable {
    /// From 1 to 9999; an offset from UTC may lead one year outside.
    public let year: Int
    /// From 1 to 12.
    public let month: Int
    /// From 1 to 31.
    public let day: Int
    /// Days since the first of January, from 0.
    public let dayOfYear: Int
    /// Days since Sunday, from 0 to 6.
    public let dayOfWeek: Int
    /// From 0 to 23.
    public let hour: Int
    /// From 0 to 59.
    public let minute: Int
    /// From 0 to 59.
    public let second: Int

    /// What a calendar and a clock show at `instant` where they are `offset` seconds ahead of UTC.
    public init(_ instant: CivilInstant, offset: Int = 0) {
        let local = Int(instant.seconds) + offset
        let days = local.flooredQuotient(86_400)
        let clock = local - days * 86_400
        (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60)
        // 1970-01-01 was a Thursday.
        dayOfWeek = (days + 4) - (days + 4).flooredQuotient(7) * 7
        // Years are counted from March, so that the leap day is the last of its year; 400 of them have 146,097 days.
        let fromMarch = days + 719_468
        let era = fromMarch.flooredQuotient(146_097)
        let dayOfEra = fromMarch - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayFromMarch = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayFromMarch + 2) / 153
        day = dayFromMarch - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        dayOfYear = days - CivilFields.days(year: year, month: 1, day: 1)
    }

    /// Days from 1970-01-01 to a date.
    static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredQuotient(400)
        let yearOfEra = shifted - era * 400
        let dayFromMarch = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayFromMarch - 719_468
    }

    /// Days in a month.
    static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int {
    /// The quotient rounded down, where `/` rounds towards zero.
    fileprivate func flooredQuotient(_ divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
