// Pemba: why an expression has no value.
// SPDX-License-Identifier: Apache-2.0

/// Why an operation has no result.
///
/// It is a value: `&&` and `||` may still have one.
indirect enum EvaluationFailure: Error, Sendable {
    case divisionByZero
    /// A number that the type of the result cannot hold.
    case overflow(ConditionFunction)
    /// A time or length of time that cannot be held.
    case timeOutOfRange
    case noSuchKey(ConditionValue)
    case indexOutOfRange(Int64)
    /// Operands of dynamic types for which there is no form.
    case noForm(ConditionFunction, [ConditionTypeName])
    /// Something else than true or false where one of them is needed.
    case notBoolean(ConditionTypeName)
    /// A macro over something that has no elements.
    case notIterable(ConditionTypeName)
    /// Something else than an optional value where one is needed.
    case notOptional(ConditionTypeName)
    /// The value of an optional value that is absent.
    case absent
    /// A field of something that has none.
    case noFields(ConditionTypeName)
    case unsuitableKey(ConditionValue)
    case duplicateKey(ConditionValue)
    /// A value that a conversion cannot read, and why, or how to write it.
    case conversion(ConditionFunction, String, String)
    case timeZone(String)
    case pattern(String)
    case block(String)

    /// For people.
    var description: String {
        switch self {
        case .divisionByZero: "division by zero"
        case .overflow(let function): "`\(function.name)` overflows: the result does not fit its type"
        case .timeOutOfRange:
            "the resulting time does not fit: times lie in the years 1 to 9999, lengths within 292 years"
        case .noSuchKey(let key): "no such key: `\(key.shown)`; ask `has(…)` or `… in …` first"
        case .indexOutOfRange(let index): "index out of range: \(index)"
        case .noForm(let function, let types):
            "`\(function.name)` does not take (\(types.map(\.rawValue).joined(separator: ", ")))"
        case .notBoolean(let type): "true or false is needed, and this is a value of type \(type.rawValue)"
        case .notIterable(let type): "a list or a map is needed, and this is a value of type \(type.rawValue)"
        case .notOptional(let type): "an optional value is needed, and this is a value of type \(type.rawValue)"
        case .absent:
            "there is no value to take: the optional value is absent; ask `….hasValue()` first, or write `….orValue(…)`"
        case .noFields(let type): "only maps have fields, and this is a value of type \(type.rawValue)"
        case .unsuitableKey(let key): "a value of type \(key.typeName.rawValue) can be no key of a map"
        case .duplicateKey(let key): "the key `\(key.shown)` occurs twice in a map"
        case .conversion(let function, let value, let reason): "\(function.name)() cannot read `\(value)`: \(reason)"
        case .timeZone(let name): "\(TimeZoneText.problem(name)); \(TimeZoneText.wayOut)"
        case .pattern(let reason): reason
        case .block(let text): "`\(text)` is no block of addresses; write it as in `10.0.0.0/8` or `2001:db8::/32`"
        }
    }
}

extension ConditionValue {
    /// The value as messages show it: numbers, texts and the like as written, everything else by its type.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): String(value)
        case .int(let value): String(value)
        case .uint(let value): String(value)
        case .double(let value): String(value)
        case .string(let text):
            text.utf8.count <= 64 ? text : String(decoding: text.utf8.prefix(64), as: UTF8.self) + "…"
        default: typeName.rawValue
        }
    }
}

/// What an operation comes to.
enum Operand: Sendable {
    case value(ConditionValue)
    /// It depends on missing arguments: bit n stands for parameter n.
    case unknown(UInt32)
    case failed(EvaluationFailure)
}
