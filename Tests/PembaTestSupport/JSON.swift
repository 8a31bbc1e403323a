// Pemba: JSON in test data that others wrote.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Any JSON, as far as the oracle's files have it.
public enum JSON: Decodable, Equatable {
    /// A text.
    case text(String)
    /// A number.
    case number(Double)
    /// True or false.
    case truth(Bool)
    /// Values in order.
    case list([JSON])
    /// Values by name.
    case object([String: JSON])
    /// Nothing.
    case null

    /// Reads any JSON.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .truth(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// The JSON text.
    private var text: String {
        switch self {
        case .text(let value): "\"\(value)\""
        case .number(let value): value == value.rounded() ? String(Int64(value)) : String(value)
        case .truth(let value): String(value)
        case .list(let values): "[\(values.map(\.text).joined(separator: ", "))]"
        case .object(let members):
            "{\(members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value.text)" }.joined(separator: ", "))}"
        case .null: "null"
        }
    }

    /// The context that it is.
    public var object: ContextObject { get throws { try ContextObject(parsing: text) } }

    /// A member that is text or a number, as text.
    public func member(_ name: String) -> String? {
        guard case .object(let members) = self else { return nil }
        switch members[name] {
        case .text(let value): return value
        case .number(let value): return String(Int(value))
        default: return nil
        }
    }

    /// The texts of a member that is a list.
    public func texts(_ name: String) -> [String] {
        guard case .object(let members) = self, case .list(let values)? = members[name] else { return [] }
        return values.compactMap { value in
            guard case .text(let text) = value else { return nil }
            return text
        }
    }
}
