// Pemba: conditions as written.
// SPDX-License-Identifier: Apache-2.0

/// An expression as it is written.
struct ConditionExpression: Sendable {
    indirect enum Kind: Sendable {
        case literal(ConditionValue)
        /// A name; one that is written with a `.` before it is never the variable of a macro.
        case name(String, isAbsolute: Bool)
        case field(ConditionExpression, String)
        case index(ConditionExpression, ConditionExpression)
        /// A function, or a method of `target`.
        case call(String, nameRange: Range<Int>, target: ConditionExpression?, arguments: [ConditionExpression])
        case list([ConditionExpression])
        case map([(key: ConditionExpression, value: ConditionExpression)])
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
