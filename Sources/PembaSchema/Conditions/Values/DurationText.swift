// Pemba: lengths of time as Go writes them.
// SPDX-License-Identifier: Apache-2.0

/// Lengths of time in nanoseconds, written as numbers with units: `1h30m`, `-1.5s`, `0`.
enum DurationText {
    /// Names of units that begin like others come before those.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    /// Reads a length; nil where the text is none, or the length does not fit 64 bits of nanoseconds (292 years).
    static func parse(_ text: String) -> Int64? {
        var rest = text[...].utf8
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest.removeFirst()
        }
        if rest.elementsEqual("0".utf8) { return 0 }
        guard !rest.isEmpty else { return nil }
        // Counted below zero, where one more value fits than above it.
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let part = takePart(&rest) else { return nil }
            let (difference, overflows) = total.subtractingReportingOverflow(part)
            guard !overflows else { return nil }
            total = difference
        }
        guard !isNegative else { return total }
        return total == .min ? nil : -total
    }

    /// Takes one number with its unit.
    private static func takePart(_ rest: inout Substring.UTF8View) -> Int64? {
        let whole = takeDigits(&rest)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = takeDigits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = rest.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
        rest = rest.dropFirst(name.count)
        guard let unit = units.first(where: { $0.name.utf8.elementsEqual(name) })?.nanoseconds else { return nil }
        guard let count = whole.isEmpty ? 0 : Int64(Substring(whole)) else { return nil }
        let (product, overflows) = count.multipliedReportingOverflow(by: unit)
        guard !overflows else { return nil }
        // What is less than a nanosecond is dropped, digit by digit, so that no digit is rounded.
        var added: Int64 = 0
        var scale = unit
        for digit in fraction {
            scale /= 10
            if scale == 0 { break }
            added += Int64(digit - UInt8(ascii: "0")) * scale
        }
        let (sum, isTooLong) = product.addingReportingOverflow(added)
        return isTooLong ? nil : sum
    }

    private static func takeDigits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
        let digits = rest.prefix(while: isDigit)
        rest = rest.dropFirst(digits.count)
        return digits
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Seconds with as many digits of fraction as needed: `90s`, `-1.5s`.
    static func describe(_ nanoseconds: Int64) -> String {
        let (seconds, fraction) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var text = (nanoseconds < 0 ? "-" : "") + String(seconds)
        if fraction != 0 {
            let digits = String(fraction)
            let padded = String(repeating: "0", count: 9 - digits.utf8.count) + digits
            text += "." + padded.dropLast(padded.utf8.reversed().prefix { $0 == UInt8(ascii: "0") }.count)
        }
        return text + "s"
    }
}
