// Pemba: the condition that a tuple carries.
// SPDX-License-Identifier: Apache-2.0

/// A caveat of the schema and the part of its context that is stored with a tuple.
public struct CaveatReference: Hashable, Sendable, CustomStringConvertible {
    /// The caveat's name.
    public var name: String
    /// Values of its parameters; they win over those of a request.
    ///
    /// Empty for none.
    public var context: ContextObject

    /// Names a caveat.
    public init(name: String, context: ContextObject = .empty) {
        self.name = name
        self.context = context
    }

    /// `name` or `name:{…}`.
    public var description: String { context.isEmpty ? name : "\(name):\(context.json)" }

    /// Equality of bytes.
    public static func == (left: CaveatReference, right: CaveatReference) -> Bool {
        left.name.hasSameBytes(as: right.name) && left.context == right.context
    }

    /// Hashes the bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        name.hashBytes(into: &hasher)
        context.hash(into: &hasher)
    }
}
