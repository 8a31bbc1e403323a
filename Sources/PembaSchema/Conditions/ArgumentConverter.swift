// Pemba: what a value of a context is for a parameter of some type.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Converts values of one parameter.
struct ArgumentConverter {
    /// The most bytes of a wrong value that an error shows.
    private static let shownMax = 64

    let parameter: ConditionParameter

    func convert(_ value: ContextValue) throws(ConditionArgumentError) -> ConditionValue {
        try convert(value, to: parameter.type, place: "")
    }

    /// Recursion is bounded by the depth of contexts, `Limits.contextDepth`.
    private func convert(
        _ value: ContextValue,
        to type: ConditionType,
        place: String
    ) throws(ConditionArgumentError) -> ConditionValue {
        func wrong(_ reason: String? = nil) -> ConditionArgumentError {
            let json = value.json
            let isLong = json.utf8.count > ArgumentConverter.shownMax
            let shown =
                isLong ? String(decoding: json.utf8.prefix(ArgumentConverter.shownMax), as: UTF8.self) + "…" : json
            return ConditionArgumentError(
                parameter: parameter.name,
                problem: .wrongType(expected: type.description, given: shown, place: place, reason: reason)
            )
        }
        switch (type, value) {
        case (.any, _): return ArgumentConverter.dynamic(value)
        case (.bool, .bool(let value)): return .bool(value)
        case (.string, .string(let text)): return .string(text)
        case (.int, _):
            guard let integer = ArgumentConverter.integer(value) else { throw wrong("it is a whole number of 64 bits") }
            return .int(integer)
        case (.uint, _):
            guard let integer = ArgumentConverter.integer(value), integer >= 0 else {
                throw wrong("it is a whole number of 63 bits that is not negative")
            }
            return .int(integer)
        case (.double, .int(let integer)): return .double(Double(integer))
        case (.double, .double(let double)): return .double(double)
        case (.double, .string(let text)):
            guard let double = DoubleText.decimal(text) else { throw wrong("the text is no decimal number") }
            return .double(double)
        case (.list(let element), .list(let values)):
            var converted: [ConditionValue] = []
            converted.reserveCapacity(values.count)
            for (number, value) in values.enumerated() {
                converted.append(try convert(value, to: element, place: "\(place)[\(number)]"))
            }
            return .list(converted)
        case (.map(let type), .object(let object)):
            var converted: [ConditionMap.Entry] = []
            converted.reserveCapacity(object.entries.count)
            for entry in object.entries {
                let value = try convert(entry.value, to: type, place: "\(place).\(entry.key)")
                converted.append(ConditionMap.Entry(key: .string(entry.key), value: value))
            }
            return .map(ConditionMap(sorted: converted))
        case (.bytes, .string(let text)):
            guard let bytes = ArgumentConverter.base64(text) else { throw wrong("bytes are written in base64, padded") }
            return .bytes(bytes)
        case (.duration, .string(let text)):
            guard let duration = DurationText.parse(text) else {
                throw wrong("lengths of time are written as in `1h30m`, `1.5s` or `10ms`")
            }
            return .duration(duration)
        case (.timestamp, .string(let text)):
            do {
                return .timestamp(try CivilInstant(rfc3339: text))
            } catch {
                throw wrong(error.reason)
            }
        case (.ipAddress, .string(let text)):
            guard let address = IPAddress(text) else { throw wrong("write it as in `192.0.2.1` or `2001:db8::1`") }
            return .ipAddress(address)
        default: throw wrong()
        }
    }

    /// What JSON is where no type is asked for.
    ///
    /// Numbers are doubles, as everywhere where JSON meets CEL. Integers that a double would change stay what they are:
    /// comparisons are exact across numeric types, so that long identifiers in numbers are not mistaken for each other.
    private static func dynamic(_ value: ContextValue) -> ConditionValue {
        switch value {
        case .null: .null
        case .bool(let value): .bool(value)
        case .int(let integer): Double(exactly: integer).map { .double($0) } ?? .int(integer)
        case .double(let double): .double(double)
        case .string(let text): .string(text)
        case .list(let values): .list(values.map(dynamic))
        case .object(let object):
            .map(
                ConditionMap(
                    sorted: object.entries.map { ConditionMap.Entry(key: .string($0.key), value: dynamic($0.value)) }
                )
            )
        }
    }

    /// A whole number, written as a number or as text, with or without a fraction of zero.
    private static func integer(_ value: ContextValue) -> Int64? {
        switch value {
        case .int(let integer): integer
        case .double(let double): Int64(exactly: double)
        case .string(let text):
            DoubleText.isDecimal(text) ? Int64(text) ?? DoubleText.decimal(text).flatMap(Int64.init(exactly:)) : nil
        default: nil
        }
    }

    /// Base64 with the usual alphabet and padding (RFC 4648, section 4).
    private static func base64(_ text: String) -> [UInt8]? {
        guard text.utf8.count % 4 == 0 else { return nil }
        let padding = text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var urlSafe: [UInt8] = []
        for byte in text.utf8.dropLast(padding) {
            switch byte {
            case UInt8(ascii: "+"): urlSafe.append(UInt8(ascii: "-"))
            case UInt8(ascii: "/"): urlSafe.append(UInt8(ascii: "_"))
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            default: urlSafe.append(byte)
            }
        }
        return Base64URL.decode(String(decoding: urlSafe, as: UTF8.self))
    }
}
