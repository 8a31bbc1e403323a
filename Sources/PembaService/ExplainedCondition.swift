// Pemba: what a condition came to.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// The condition of a tuple in an explanation, the values that it was judged with, and what that came to.
public struct ExplainedCondition: Hashable, Sendable {
    /// The caveat and the values that the tuple stores.
    public var caveat: CaveatReference
    /// The caveat's expression as the schema has it; nodes cut it to `Limits.explanationExpressionBytes`.
    public var expression: String
    /// The request's values for the parameters that the tuple stores no value of.
    public var given: ContextObject
    /// Has if it holds, has not if it fails, conditional if it depends on context that is missing.
    public var decision: Decision

    /// Makes a condition.
    public init(caveat: CaveatReference, expression: String, given: ContextObject, decision: Decision) {
        self.caveat = caveat
        self.expression = expression
        self.given = given
        self.decision = decision
    }
}
