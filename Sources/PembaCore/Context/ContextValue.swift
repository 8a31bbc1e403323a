// Pemba: values of the context of conditions: JSON.
// SPDX-License-Identifier: Apache-2.0

/// A JSON value.
///
/// Equality is of what was written: of strings by their bytes, of doubles by their bits, and an integer is no double.
public indirect enum ContextValue: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case int(Int64)
    /// Any other number; always finite.
    case double(Double)
    /// A string.
    case string(String)
    /// An array.
    case list([ContextValue])
    /// An object.
    case object(ContextObject)
}

extension ContextValue: Hashable {
    /// Compares as described above.
    public static func == (left: ContextValue, right: ContextValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.list(let left), .list(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value.bitPattern)
        case .string(let value): value.hashBytes(into: &hasher)
        case .list(let values): hasher.combine(values)
        case .object(let object): hasher.combine(object)
        }
    }
}
