// Pemba: a caveat's expression, ready to be evaluated.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A caveat's expression that has been checked, ready to be evaluated any number of times.
package struct CompiledCondition: Sendable, Equatable {
    /// The text that it was made of.
    package let source: String
    /// The parameters that it was compiled with; the place of each is its number.
    package let parameters: [ConditionParameter]
    let program: SealedProgram

    /// Compares what the program is made of: equal texts over equal parameters are equal programs.
    package static func == (left: CompiledCondition, right: CompiledCondition) -> Bool {
        left.source.hasSameBytes(as: right.source) && left.parameters == right.parameters
    }

    /// Evaluates with the arguments that a tuple stores and those of a request; of both, the stored one counts.
    ///
    /// Logic has three values: an operation on a missing argument is unknown, except that `false && unknown` is false
    /// and `true || unknown` is true. Errors are absorbed alike; where an error meets an unknown, the unknown counts,
    /// since the argument may yet make the whole true or false.
    package func evaluate(
        stored: ConditionArguments?,
        request: ConditionArguments?,
        costLimit: Int = Limits.conditionCost
    ) throws(ConditionError) -> ConditionOutcome {
        var cost = 0
        return try evaluate(stored: stored, request: request, costLimit: costLimit, cost: &cost)
    }

    /// The same, and adds to `cost` how many steps it took, whatever came of it.
    package func evaluate(
        stored: ConditionArguments?,
        request: ConditionArguments?,
        costLimit: Int = Limits.conditionCost,
        cost: inout Int
    ) throws(ConditionError) -> ConditionOutcome {
        var evaluator = Evaluator(program, stored: stored, request: request, costLimit: costLimit)
        defer { cost += evaluator.cost }
        switch try evaluator.evaluate(program.tables.root) {
        case .value(.bool(let value)): return value ? .holds : .fails
        case .value(let value):
            // The checker lets only booleans through; a value of type `any` is refused there as well.
            preconditionFailure("a condition came to a value of type \(value.typeName.rawValue)")
        case .unknown(let set):
            let names = parameters.indices.filter { set & (1 << UInt32($0)) != 0 }.map { parameters[$0].name }
            return .unknown(missing: names.sorted { $0.precedesByBytes($1) })
        case .failed(let failure): throw .evaluationFailed(failure.description)
        }
    }
}
