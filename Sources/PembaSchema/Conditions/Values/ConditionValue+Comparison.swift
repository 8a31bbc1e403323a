// Pemba: equality and order of the values of conditions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension ConditionValue {
    /// Whether two values are equal: numbers by what they count, strings by their bytes; values of different types are not.
    static func areEqual(_ left: ConditionValue, _ right: ConditionValue) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.int(let left), .int(let right)): left == right
        case (.bool(let left), .bool(let right)): left == right
        case (.null, .null): true
        case (.bytes(let left), .bytes(let right)): left == right
        case (.duration(let left), .duration(let right)): left == right
        case (.timestamp(let left), .timestamp(let right)): left == right
        case (.ipAddress(let left), .ipAddress(let right)): left == right
        case (.type(let left), .type(let right)): left == right
        case (.list(let left), .list(let right)): left.count == right.count && zip(left, right).allSatisfy(areEqual)
        case (.map(let left), .map(let right)):
            // Both are in the order of their keys.
            left.entries.count == right.entries.count
                && zip(left.entries, right.entries).allSatisfy {
                    areEqual($0.key, $1.key) && areEqual($0.value, $1.value)
                }
        case (.optional(nil), .optional(nil)): true
        case (.optional(let left?), .optional(let right?)): areEqual(left, right)
        default: compareNumbers(left, right) == 0
        }
    }

    /// Less than, equal to or greater than 0 as `left` comes before, with or after `right`; nil where there is no order.
    static func compare(_ left: ConditionValue, _ right: ConditionValue) -> Int? {
        switch (left, right) {
        case (.int(let left), .int(let right)): order(left, right)
        case (.timestamp(let left), .timestamp(let right)): order(left, right)
        case (.duration(let left), .duration(let right)): order(left, right)
        case (.string(let left), .string(let right)):
            left.precedesByBytes(right) ? -1 : right.precedesByBytes(left) ? 1 : 0
        case (.bool(let left), .bool(let right)): order(left ? 1 : 0, right ? 1 : 0)
        case (.bytes(let left), .bytes(let right)):
            left.lexicographicallyPrecedes(right) ? -1 : right.lexicographicallyPrecedes(left) ? 1 : 0
        default: compareNumbers(left, right)
        }
    }

    /// Whether there is an order between values of these types, so that only a NaN can be without one.
    static func areComparable(_ left: ConditionValue, _ right: ConditionValue) -> Bool {
        switch (left, right) {
        case (.int, .int), (.int, .uint), (.int, .double), (.uint, .int), (.uint, .uint), (.uint, .double),
            (.double, .int), (.double, .uint), (.double, .double), (.timestamp, .timestamp), (.duration, .duration),
            (.string, .string), (.bool, .bool), (.bytes, .bytes):
            true
        default: false
        }
    }

    /// Compares two numbers exactly, whatever types they have; nil for a NaN and for what is no number.
    private static func compareNumbers(_ left: ConditionValue, _ right: ConditionValue) -> Int? {
        switch (left, right) {
        case (.int(let left), .int(let right)): order(left, right)
        case (.uint(let left), .uint(let right)): order(left, right)
        case (.double(let left), .double(let right)): left.isNaN || right.isNaN ? nil : order(left, right)
        case (.int(let left), .uint(let right)): left < 0 ? -1 : order(UInt64(left), right)
        case (.uint, .int): compareNumbers(right, left).map { -$0 }
        case (.int(let left), .double(let right)): compare(left, with: right)
        case (.uint(let left), .double(let right)): compare(left, with: right)
        case (.double, .int), (.double, .uint): compareNumbers(right, left).map { -$0 }
        default: nil
        }
    }

    /// Compares an integer with a double, which may lie between two integers or beyond all of them.
    private static func compare<Integer: FixedWidthInteger>(_ integer: Integer, with double: Double) -> Int? {
        guard !double.isNaN else { return nil }
        if let whole = Integer(exactly: double.rounded(.down)) {
            return integer == whole && double > double.rounded(.down) ? -1 : order(integer, whole)
        }
        return double > 0 ? -1 : 1
    }

    private static func order<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
        left < right ? -1 : left == right ? 0 : 1
    }
}
