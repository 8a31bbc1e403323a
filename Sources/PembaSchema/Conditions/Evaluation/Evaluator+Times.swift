// Pemba: parts of times and of lengths of time.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension Evaluator {
    /// A part of a time in a zone, by default UTC, or the whole of a length of time in a unit, which has no zone.
    func timePart(_ function: ConditionFunction, of value: ConditionValue, zone: ConditionValue?) -> Operand {
        switch (value, zone) {
        case (.timestamp(let instant), nil): return Evaluator.part(function, of: instant, offset: 0)
        case (.timestamp(let instant), .string(let name)?):
            guard let offset = TimeZoneText.offset(name) else { return .failed(.timeZone(name)) }
            return Evaluator.part(function, of: instant, offset: offset)
        case (.duration(let nanoseconds), nil):
            switch function {
            case .getHours: return .value(.int(nanoseconds / 3_600_000_000_000))
            case .getMinutes: return .value(.int(nanoseconds / 60_000_000_000))
            case .getSeconds: return .value(.int(nanoseconds / 1_000_000_000))
            case .getMilliseconds: return .value(.int(nanoseconds / 1_000_000))
            default: return noForm(function, value)
            }
        case (_, let zone?): return noForm(function, value, zone)
        case (_, nil): return noForm(function, value)
        }
    }

    private static func part(_ function: ConditionFunction, of instant: CivilInstant, offset: Int) -> Operand {
        let fields = CivilFields(instant, offset: offset)
        let part: Int
        switch function {
        case .getFullYear: part = fields.year
        case .getMonth: part = fields.month - 1
        case .getDate: part = fields.day
        case .getDayOfMonth: part = fields.day - 1
        case .getDayOfWeek: part = fields.dayOfWeek
        case .getDayOfYear: part = fields.dayOfYear
        case .getHours: part = fields.hour
        case .getMinutes: part = fields.minute
        case .getSeconds: part = fields.second
        case .getMilliseconds: part = Int(instant.nanoseconds) / 1_000_000
        default: preconditionFailure("\(function.name) is no part of a time")
        }
        return .value(.int(Int64(part)))
    }
}

/// Time zones without a data base of them, which would make answers differ between nodes: offsets from UTC.
enum TimeZoneText {
    /// What is wrong with a text that is no offset.
    static func problem(_ name: String) -> String {
        "`\(name)` is no offset from UTC, and time zones have no names in conditions"
    }

    /// What to write instead of a name.
    static let wayOut =
        "write `+02:00` or `UTC`; where summer time matters, let a parameter bring the offset, as in `a.getHours(offset)`"

    /// Seconds that a zone is ahead of UTC: of `UTC`, `+02:00`, `-07:00` and `02:00`; nil for anything else.
    static func offset(_ name: String) -> Int? {
        if name == "UTC" { return 0 }
        var bytes = Array(name.utf8)
        var sign = 1
        if bytes.first == UInt8(ascii: "+") || bytes.first == UInt8(ascii: "-") {
            sign = bytes.removeFirst() == UInt8(ascii: "-") ? -1 : 1
        }
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hours = number(bytes[..<2]), hours < 24,
            let minutes = number(bytes[3...]), minutes < 60
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
