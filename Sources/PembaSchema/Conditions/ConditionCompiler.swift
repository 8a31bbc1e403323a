// Pemba: from the text of a condition to its compiled form.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Compiles the expressions of caveats.
package enum ConditionCompiler {
    /// Compiles the text between a caveat's braces, or says what is wrong with it: the first place at which it is no
    /// expression, or else all that is wrong with its names and types.
    package static func compile(
        _ body: String,
        parameters: [ConditionParameter]
    ) -> Result<CompiledCondition, ConditionProblems> {
        if let problem = sizeProblem(body, parameters) { return .failure(ConditionProblems([problem])) }
        let expression: ConditionExpression
        do {
            expression = try ConditionParser.parse(body)
        } catch {
            return .failure(ConditionProblems([error]))
        }
        var checker = ConditionChecker(parameters: parameters)
        checker.checkCondition(expression)
        guard checker.problems.isEmpty else { return .failure(ConditionProblems(checker.problems)) }
        return .success(
            CompiledCondition(source: body, parameters: parameters, program: SealedProgram(checker.program))
        )
    }

    private static func sizeProblem(_ body: String, _ parameters: [ConditionParameter]) -> ConditionProblem? {
        let size = body.utf8.count
        if size > Limits.caveatExpressionBytes {
            return ConditionProblem(
                .tooLarge,
                "a condition has at most \(Limits.caveatExpressionBytes) bytes, this one has \(size)",
                at: 0..<size
            )
        }
        if parameters.count > Limits.caveatParameters {
            return ConditionProblem(
                .tooLarge,
                "a caveat has at most \(Limits.caveatParameters) parameters, this one has \(parameters.count)",
                at: 0..<0,
                hint: "gather some of them in a parameter of type `map<any>`"
            )
        }
        return nil
    }
}
