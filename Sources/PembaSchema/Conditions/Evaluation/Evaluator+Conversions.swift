// Pemba: functions of one operand: conversions, sizes and signs.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension Evaluator {
    /// Applies an operator or function of one operand.
    mutating func apply(_ function: ConditionFunction, _ value: ConditionValue) throws(ConditionError) -> Operand {
        switch function {
        case .negate: return negate(value)
        case .size: return try size(value)
        case .type: return .value(.type(value.typeName))
        case .dyn: return .value(value)
        case .int: return int(value)
        case .uint: return uint(value)
        case .double: return double(value)
        case .string: return try string(value)
        case .bytes: return bytes(value)
        case .bool: return bool(value)
        case .timestamp: return timestamp(value)
        case .duration: return duration(value)
        case .ipAddress: return ipAddress(value)
        case .optionalOf, .optionalOfNonZeroValue, .hasValue, .value: return applyOptional(function, value)
        default: return timePart(function, of: value, zone: nil)
        }
    }

    private func negate(_ value: ConditionValue) -> Operand {
        switch value {
        case .int(let value): value == .min ? .failed(.overflow(.negate)) : .value(.int(-value))
        case .double(let value): .value(.double(-value))
        case .duration(let value): value == .min ? .failed(.timeOutOfRange) : .value(.duration(-value))
        default: noForm(.negate, value)
        }
    }

    /// Characters of a text are Unicode scalars.
    private mutating func size(_ value: ConditionValue) throws(ConditionError) -> Operand {
        switch value {
        case .string(let text):
            try spend(text.utf8.count / ConditionValue.bytesPerStep)
            return .value(.int(Int64(text.unicodeScalars.count)))
        case .bytes(let bytes): return .value(.int(Int64(bytes.count)))
        case .list(let values): return .value(.int(Int64(values.count)))
        case .map(let map): return .value(.int(Int64(map.entries.count)))
        default: return noForm(.size, value)
        }
    }

    // MARK: Numbers

    private func int(_ value: ConditionValue) -> Operand {
        switch value {
        case .int: return .value(value)
        case .uint(let number): return Int64(exactly: number).map { .value(.int($0)) } ?? .failed(.overflow(.int))
        case .double(let number):
            // The fraction is dropped. Beyond these bounds the integer next to the number may not be what was meant.
            guard number > -0x1p63, number < 0x1p63 else { return .failed(.overflow(.int)) }
            return .value(.int(Int64(number)))
        case .string(let text):
            return Int64(text).map { .value(.int($0)) } ?? unreadable(.int, text, "write a whole number of 64 bits")
        case .timestamp(let instant): return .value(.int(instant.seconds))
        case .duration(let span): return .value(.int(span))
        default: return noForm(.int, value)
        }
    }

    private func uint(_ value: ConditionValue) -> Operand {
        switch value {
        case .uint: return .value(value)
        case .int(let number): return UInt64(exactly: number).map { .value(.uint($0)) } ?? .failed(.overflow(.uint))
        case .double(let number):
            guard number >= 0, number < 0x1p64 else { return .failed(.overflow(.uint)) }
            return .value(.uint(UInt64(number)))
        case .string(let text):
            let number = text.hasPrefix("+") || text.hasPrefix("-") ? nil : UInt64(text)
            return number.map { .value(.uint($0)) }
                ?? unreadable(.uint, text, "write a whole number that is not negative")
        default: return noForm(.uint, value)
        }
    }

    private func double(_ value: ConditionValue) -> Operand {
        switch value {
        case .double: .value(value)
        case .int(let number): .value(.double(Double(number)))
        case .uint(let number): .value(.double(Double(number)))
        case .string(let text):
            DoubleText.parse(text).map { .value(.double($0)) } ?? unreadable(.double, text, "write a decimal number")
        default: noForm(.double, value)
        }
    }

    private func bool(_ value: ConditionValue) -> Operand {
        switch value {
        case .bool: return .value(value)
        case .string(let text):
            switch text {
            case "true", "True", "TRUE", "t", "T", "1": return .value(.bool(true))
            case "false", "False", "FALSE", "f", "F", "0": return .value(.bool(false))
            default: return unreadable(.bool, text, "write `true` or `false`")
            }
        default: return noForm(.bool, value)
        }
    }

    // MARK: Texts and bytes

    private mutating func string(_ value: ConditionValue) throws(ConditionError) -> Operand {
        switch value {
        case .string: return .value(value)
        case .bool, .int, .uint: return .value(.string(value.shown))
        case .double(let number): return .value(.string(DoubleText.describe(number)))
        case .bytes(let bytes):
            try spend(bytes.count / ConditionValue.bytesPerStep)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return unreadable(.string, "bytes", "they are not UTF-8")
            }
            return .value(.string(text))
        case .timestamp(let instant): return .value(.string(instant.rfc3339))
        case .duration(let span): return .value(.string(DurationText.describe(span)))
        case .ipAddress(let address): return .value(.string(address.description))
        default: return noForm(.string, value)
        }
    }

    private func bytes(_ value: ConditionValue) -> Operand {
        switch value {
        case .bytes: .value(value)
        case .string(let text): .value(.bytes(Array(text.utf8)))
        default: noForm(.bytes, value)
        }
    }

    // MARK: Times and addresses

    private func timestamp(_ value: ConditionValue) -> Operand {
        switch value {
        case .timestamp: return .value(value)
        case .int(let seconds):
            return CivilInstant(seconds: seconds).map { .value(.timestamp($0)) } ?? .failed(.timeOutOfRange)
        case .string(let text):
            do {
                return .value(.timestamp(try CivilInstant(rfc3339: text)))
            } catch {
                return unreadable(.timestamp, text, error.reason)
            }
        default: return noForm(.timestamp, value)
        }
    }

    private func duration(_ value: ConditionValue) -> Operand {
        switch value {
        case .duration: .value(value)
        case .string(let text):
            DurationText.parse(text).map { .value(.duration($0)) }
                ?? unreadable(.duration, text, "write a length of time as in `1h30m`, `1.5s` or `10ms`")
        default: noForm(.duration, value)
        }
    }

    private func ipAddress(_ value: ConditionValue) -> Operand {
        switch value {
        case .ipAddress: .value(value)
        case .string(let text):
            IPAddress(text).map { .value(.ipAddress($0)) }
                ?? unreadable(.ipAddress, text, "write an address as in `192.0.2.1` or `2001:db8::1`")
        default: noForm(.ipAddress, value)
        }
    }

    private func unreadable(_ function: ConditionFunction, _ text: String, _ reason: String) -> Operand {
        .failed(.conversion(function, ConditionValue.string(text).shown, reason))
    }
}
