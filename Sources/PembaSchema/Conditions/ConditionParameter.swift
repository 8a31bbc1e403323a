// Pemba: the parameters of caveats and their types.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// One parameter of a caveat.
package struct ConditionParameter: Sendable, Equatable {
    /// The name by which the expression and contexts call it.
    package let name: String
    /// What its values are.
    package let type: ConditionType

    /// Makes a parameter of its parts.
    package init(name: String, type: ConditionType) {
        self.name = name
        self.type = type
    }

    /// Compares names by their bytes.
    package static func == (left: ConditionParameter, right: ConditionParameter) -> Bool {
        left.name.hasSameBytes(as: right.name) && left.type == right.type
    }
}

/// The type of a caveat's parameter.
package indirect enum ConditionType: Sendable, Equatable {
    /// Whatever JSON can write; checked when it is used.
    case any
    /// True or false.
    case bool
    /// Text.
    case string
    /// A signed integer of 64 bits.
    case int
    /// An integer that is not negative; in expressions it is an `int`.
    case uint
    /// A number with a fraction.
    case double
    /// Bytes, which contexts write in base64.
    case bytes
    /// A length of time, which contexts write as in `1h30m`.
    case duration
    /// A point in time, which contexts write as RFC 3339 has it.
    case timestamp
    /// An IPv4 or IPv6 address.
    case ipAddress
    /// Values of one type, in order.
    case list(ConditionType)
    /// Values of one type, by strings.
    case map(ConditionType)

    /// The type that a schema writes as `name<arguments>`; nil for an unknown name or a wrong number of arguments.
    package init?(name: String, arguments: [ConditionType]) {
        switch (name, arguments.count) {
        case ("list", 1): self = .list(arguments[0])
        case ("map", 1): self = .map(arguments[0])
        default:
            guard arguments.isEmpty, let simple = ConditionType.simple.first(where: { $0.description == name }) else {
                return nil
            }
            self = simple
        }
    }

    /// The types without arguments.
    private static let simple: [ConditionType] = [
        .any, .bool, .string, .int, .uint, .double, .bytes, .duration, .timestamp, .ipAddress,
    ]

    /// The names that a schema may write, in the order in which messages list them.
    package static let names = simple.map(\.description) + ["list", "map"]

    /// How a schema writes it, such as `list<string>`.
    package var description: String {
        switch self {
        case .any: "any"
        case .bool: "bool"
        case .string: "string"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .bytes: "bytes"
        case .duration: "duration"
        case .timestamp: "timestamp"
        case .ipAddress: "ipaddress"
        case .list(let element): "list<\(element.description)>"
        case .map(let value): "map<\(value.description)>"
        }
    }
}
