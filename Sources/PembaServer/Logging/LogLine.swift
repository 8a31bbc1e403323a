// Pemba: the bytes of one log line.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A log line as it grows: UTF-8 without a line break, until `end` adds one.
///
/// Every write of tuples is an audit event, so that lines are made as often as answers. Almost all of what they say is
/// ASCII that stands for itself, which is copied as a whole.
struct LogLine {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    /// Appends what the program says itself: nothing in it is escaped.
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Appends a text that cannot hold anything that needs to be escaped.
    mutating func append(verbatim text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends JSON's escapes, which text lines use too; U+2028 and U+2029 end lines for some readers.
    mutating func append(escaped text: String) {
        if text.utf8.withContiguousStorageIfAvailable({ $0.allSatisfy(LogLine.standsForItself) }) == true {
            return append(verbatim: text)
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || [0x2028, 0x2029].contains(scalar.value):
                append("\\u")
                append(verbatim: String(repeating: "0", count: scalar.value < 0x10 ? 3 : scalar.value < 0x100 ? 2 : 0))
                append(verbatim: String(scalar.value, radix: 16))
            default: append(verbatim: String(scalar))
            }
        }
    }

    /// Appends a JSON string.
    mutating func append(quoted text: String) {
        append("\"")
        append(escaped: text)
        append("\"")
    }

    /// Appends `2026-11-23T22:11:00.123Z`.
    mutating func append(_ time: Timestamp) {
        let instant = CivilInstant(time)
        let fields = CivilFields(instant)
        append(fields.year, digits: 4, "-")
        append(fields.month, digits: 2, "-")
        append(fields.day, digits: 2, "T")
        append(fields.hour, digits: 2, ":")
        append(fields.minute, digits: 2, ":")
        append(fields.second, digits: 2, ".")
        append(Int(instant.nanoseconds) / 1_000_000, digits: 3, "Z")
    }

    /// Ends the line.
    mutating func end() { bytes.append(UInt8(ascii: "\n")) }

    /// Appends the last digits of a number and what follows it.
    private mutating func append(_ number: Int, digits: Int, _ mark: StaticString) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
        append(mark)
    }

    private static func standsForItself(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
