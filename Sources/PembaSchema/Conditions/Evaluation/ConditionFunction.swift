// Pemba: the operators and functions of conditions.
// SPDX-License-Identifier: Apache-2.0

/// An operator or a function; the raw value is how people write it.
enum ConditionFunction: String, Sendable, CaseIterable {
    // Operators.
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case negate = "- "
    case contained = "in"
    case index = "[]"

    // Texts, collections and addresses.
    case size
    case contains
    case startsWith
    case endsWith
    case matches
    case inCIDR = "in_cidr"
    case isSubtreeOf

    // Conversions.
    case int
    case uint
    case double
    case string
    case bytes
    case bool
    case timestamp
    case duration
    case ipAddress = "ipaddress"
    case dyn
    case type

    // Optional values.
    case optionalOf = "optional.of"
    case optionalOfNonZeroValue = "optional.ofNonZeroValue"
    case optionalNone = "optional.none"
    case hasValue
    case value
    case or
    case orValue

    // Parts of times.
    case getFullYear
    case getMonth
    case getDate
    case getDayOfMonth
    case getDayOfWeek
    case getDayOfYear
    case getHours
    case getMinutes
    case getSeconds
    case getMilliseconds

    /// As messages show it.
    var name: String { self == .negate ? "-" : rawValue }

    /// The function that people call by a name; nil for operators and unknown names.
    init?(called name: String) {
        let isName = name.utf8.first.map { $0 == UInt8(ascii: "_") || Unicode.Scalar($0).properties.isAlphabetic }
        guard isName == true, name != "in", let function = ConditionFunction(rawValue: name) else { return nil }
        self = function
    }
}
