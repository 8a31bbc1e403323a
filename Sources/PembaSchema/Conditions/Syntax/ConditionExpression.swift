// Pemba: conditions as written.
// SPDX-License-Identifier: Apache-2.0

/// An expression as it is written.
struct ConditionExpression: Sendable {
    indirect enum Kind: Sendable {
        case literal(ConditionValue)
        /// A name; one that is written with a `.` before it is never the variable of a macro.
        case name(String, isAbsolute: Bool)
        /// `a.b`, or `a.?b`, which is optional.
        case field(ConditionExpression, String, isOptional: Bool)
        /// `a[b]`, or `a[?b]`, which is optional.
        case index(ConditionExpression, ConditionExpression, isOptional: Bool)
        /// A function, or a method of `target`.
        case call(String, nameRange: Range<Int>, target: ConditionExpression?, arguments: [ConditionExpression])
        /// Elements, and whether a `?` stands before each: it is then left out where its optional value is absent.
        case list([(isOptional: Bool, value: ConditionExpression)])
        /// The same of keys and their values.
        case map([(isOptional: Bool, key: ConditionExpression, value: ConditionExpression)])
        case not(ConditionExpression)
        case negate(ConditionExpression)
        /// `&&` of all.
        case all([ConditionExpression])
        /// `||` of all.
        case any([ConditionExpression])
        case conditional(ConditionExpression, then: ConditionExpression, else: ConditionExpression)
        case binary(ConditionFunction, operatorRange: Range<Int>, ConditionExpression, ConditionExpression)
    }

    let kind: Kind
    /// Where it stands, in bytes.
    let range: Range<Int>
    /// Levels of it, at least 1.
    let depth: Int
}
