// Pemba: a checked caveat, ready for evaluation.
// SPDX-License-Identifier: Apache-2.0

/// A condition with a name, which a tuple may carry.
package struct CompiledCaveat: Sendable, Equatable {
    /// The caveat's name.
    package let name: String
    /// The parameters in the order of the source; a parameter's place is its number in the condition.
    package let parameters: [ConditionParameter]
    /// The checked condition.
    package let condition: CompiledCondition
    /// The text of the condition as written between the braces, without the space around it.
    package let body: String
    /// What the comments before it say, without their marks.
    package let documentation: String?

    /// Makes a caveat; the compiler is the only caller outside tests.
    package init(
        name: String,
        parameters: [ConditionParameter],
        condition: CompiledCondition,
        body: String,
        documentation: String? = nil
    ) {
        self.name = name
        self.parameters = parameters
        self.condition = condition
        self.body = body
        self.documentation = documentation
    }
}
