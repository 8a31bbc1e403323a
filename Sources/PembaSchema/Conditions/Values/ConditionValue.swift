// Pemba: the values of conditions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A value while a condition is evaluated.
enum ConditionValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    /// Nanoseconds.
    case duration(Int64)
    case timestamp(CivilInstant)
    case ipAddress(IPAddress)
    case list([ConditionValue])
    case map(ConditionMap)
    case type(ConditionTypeName)
    /// A value that may be absent; nil if it is.
    indirect case optional(ConditionValue?)

    /// The name of its type, as `type()` gives it.
    var typeName: ConditionTypeName {
        switch self {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .duration: .duration
        case .timestamp: .timestamp
        case .ipAddress: .ipAddress
        case .list: .list
        case .map: .map
        case .type: .type
        case .optional: .optional
        }
    }

    /// Whether it may have elements or fields.
    var hasParts: Bool {
        switch self {
        case .list, .map: true
        default: false
        }
    }

    /// Whether it is what values of its type are before anybody sets them: `ofNonZeroValue` takes it for absent.
    var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .string(let text): text.isEmpty
        case .bytes(let bytes): bytes.isEmpty
        case .duration(let span): span == 0
        case .timestamp(let instant): instant.seconds == CivilInstant.secondsMin && instant.nanoseconds == 0
        case .list(let values): values.isEmpty
        case .map(let map): map.entries.isEmpty
        case .ipAddress, .type, .optional: false
        }
    }
}

/// A type as a value: the result of `type()`, and what the names of types stand for in an expression.
enum ConditionTypeName: String, Sendable, CaseIterable {
    case null = "null_type"
    case bool
    case int
    case uint
    case double
    case string
    case bytes
    case duration = "google.protobuf.Duration"
    case timestamp = "google.protobuf.Timestamp"
    case ipAddress = "IPAddress"
    case list
    case map
    case type
    case optional = "optional_type"
}

/// A map: keys are booleans, numbers or strings, none of which occurs twice; numbers are one key if they are equal.
struct ConditionMap: Sendable {
    struct Entry: Sendable {
        let key: ConditionValue
        let value: ConditionValue
    }

    /// The entries by their keys.
    let entries: [Entry]

    /// Makes a map of entries that are in the order of their keys already, such as the members of an object.
    init(sorted entries: [Entry]) { self.entries = entries }

    /// The value for a key; nil if there is none, as for every value that can be no key.
    subscript(key: ConditionValue) -> ConditionValue? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            guard let order = ConditionMap.order(entries[middle].key, key) else { return nil }
            if order == 0 { return entries[middle].value }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Whether a map may have a value as a key.
    static func isKey(_ value: ConditionValue) -> Bool { rank(value) != nil }

    /// A map of entries in any order, or the key that is wrong or occurs twice.
    static func make(_ entries: [Entry]) -> Result<ConditionMap, EvaluationFailure> {
        for entry in entries where order(entry.key, entry.key) == nil { return .failure(.unsuitableKey(entry.key)) }
        let sorted = entries.sorted { (order($0.key, $1.key) ?? 0) < 0 }
        for (entry, next) in zip(sorted, sorted.dropFirst()) where order(entry.key, next.key) == 0 {
            return .failure(.duplicateKey(next.key))
        }
        return .success(ConditionMap(sorted: sorted))
    }

    /// Less than, equal to or greater than 0 as `first` comes before, with or after `second`: booleans, then numbers,
    /// then strings; nil if one of them can be no key.
    private static func order(_ first: ConditionValue, _ second: ConditionValue) -> Int? {
        switch (rank(first), rank(second)) {
        case (nil, _), (_, nil): nil
        case (let left?, let right?) where left != right: left - right
        default: ConditionValue.compare(first, second)
        }
    }

    private static func rank(_ key: ConditionValue) -> Int? {
        switch key {
        case .bool: 0
        case .int, .uint, .double: 1
        case .string: 2
        default: nil
        }
    }
}
