// Pemba: the types of expressions.
// SPDX-License-Identifier: Apache-2.0

/// What is known about the value of an expression before it is evaluated.
indirect enum CheckedType: Sendable, Equatable {
    /// Nothing: decided when it is evaluated.
    case dynamic
    /// Whatever is needed: what an empty list or an absent value holds. No expression is of this type itself.
    case open
    case null
    case bool
    case int
    case uint
    case double
    case string
    case bytes
    case duration
    case timestamp
    case ipAddress
    case type
    case list(CheckedType)
    case map(CheckedType, CheckedType)
    case optional(CheckedType)

    /// What values of a parameter are in an expression.
    init(_ type: ConditionType) {
        switch type {
        case .any: self = .dynamic
        case .bool: self = .bool
        case .string: self = .string
        case .int, .uint: self = .int
        case .double: self = .double
        case .bytes: self = .bytes
        case .duration: self = .duration
        case .timestamp: self = .timestamp
        case .ipAddress: self = .ipAddress
        case .list(let element): self = .list(CheckedType(element))
        case .map(let value): self = .map(.string, CheckedType(value))
        }
    }

    /// The type of a constant.
    init(of value: ConditionValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .bool
        case .int: self = .int
        case .uint: self = .uint
        case .double: self = .double
        case .string: self = .string
        case .bytes: self = .bytes
        case .duration: self = .duration
        case .timestamp: self = .timestamp
        case .ipAddress: self = .ipAddress
        case .list, .map, .optional: self = .dynamic
        case .type: self = .type
        }
    }

    /// How messages show it.
    var description: String {
        switch self {
        case .dynamic, .open: "any"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .duration: "duration"
        case .timestamp: "timestamp"
        case .ipAddress: "ipaddress"
        case .type: "type"
        case .list(let element): "list<\(element.description)>"
        case .map(let key, let value):
            key == .string ? "map<\(value.description)>" : "map<\(key.description), \(value.description)>"
        case .optional(let held): "optional<\(held.description)>"
        }
    }

    /// The type of an expression that takes something of this type out of what held it.
    var taken: CheckedType { self == .open ? .dynamic : self }

    /// The type where an optional value has to stand.
    var asOptional: CheckedType { self == .dynamic ? .optional(.dynamic) : self }

    /// What an optional value holds; nil for every other type.
    var held: CheckedType? {
        if case .optional(let held) = self { return held.taken }
        return nil
    }

    /// Whether a value of this type may stand where the other is asked for, as far as is known.
    func fits(_ other: CheckedType) -> Bool {
        switch (self, other) {
        case (.dynamic, _), (_, .dynamic), (.open, _), (_, .open): true
        case (.list(let element), .list(let otherElement)): element.fits(otherElement)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            key.fits(otherKey) && value.fits(otherValue)
        case (.optional(let held), .optional(let otherHeld)): held.fits(otherHeld)
        default: self == other
        }
    }

    /// Whether `==` has a meaning between the types.
    ///
    /// A parameter of type `uint` is an `int`, and its bounds are naturally written as `5u`. Times and addresses may be
    /// compared with null, which one that is given never is.
    func isComparable(with other: CheckedType) -> Bool {
        switch (self, other) {
        case (.int, .uint), (.uint, .int): true
        case (.null, .timestamp), (.timestamp, .null), (.null, .duration), (.duration, .null), (.null, .ipAddress),
            (.ipAddress, .null):
            true
        default: fits(other)
        }
    }

    /// What both are.
    func joined(_ other: CheckedType) -> CheckedType {
        switch (self, other) {
        case (.open, _): other
        case (_, .open): self
        case (.list(let element), .list(let otherElement)): .list(element.joined(otherElement))
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            .map(key.joined(otherKey), value.joined(otherValue))
        case (.optional(let held), .optional(let otherHeld)): .optional(held.joined(otherHeld))
        default: self == other ? self : .dynamic
        }
    }
}
