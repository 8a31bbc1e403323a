// Pemba: checks caveats and compiles their conditions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// What the compiled caveat is made of.
struct CheckedCondition {
    let parameters: [ConditionParameter]
    let condition: CompiledCondition
}

extension SchemaChecker {
    /// Checks every caveat and compiles its condition.
    mutating func checkCaveats() {
        for caveat in tree.caveats {
            let parameters = checkedParameters(of: caveat)
            guard let parameters, let body = caveat.body else {
                conditions.append(nil)
                continue
            }
            switch ConditionCompiler.compile(text.string(body), parameters: parameters) {
            case .success(let condition):
                conditions.append(CheckedCondition(parameters: parameters, condition: condition))
            case .failure(let problems):
                for problem in problems.all { report(problem, in: body, of: caveat) }
                conditions.append(nil)
            }
        }
    }

    // MARK: Parameters

    /// The parameters of a caveat; nil if one of them is wrong.
    private mutating func checkedParameters(of caveat: CaveatSyntax) -> [ConditionParameter]? {
        var firsts: [String: NameSyntax] = [:]
        var parameters: [ConditionParameter] = []
        if caveat.parameters.count > Limits.caveatParameters {
            collector.report(
                .tooManyParameters,
                "a caveat has at most \(Limits.caveatParameters) parameters, \(text.quoted(caveat.name.range)) has "
                    + "\(caveat.parameters.count)",
                at: caveat.parameters[Limits.caveatParameters].name.range,
                hint: "gather some of them in a `map`"
            )
        }
        for parameter in caveat.parameters {
            let quoted = text.quoted(parameter.name.range)
            if !NameRule.parameter.admits(parameter.name.text) {
                collector.report(
                    .invalidName,
                    "\(quoted) is no name for a parameter: \(NameRule.parameter.text)",
                    at: parameter.name.range
                )
            } else if let first = firsts[parameter.name.text] {
                collector.report(
                    .duplicateParameter,
                    "caveat \(text.quoted(caveat.name.range)) already has a parameter \(quoted)",
                    at: parameter.name.range,
                    hint: "choose another name",
                    note: ("the first one", first.range)
                )
            } else if let type = checkedType(parameter.type, of: parameter) {
                parameters.append(ConditionParameter(name: parameter.name.text, type: type))
            }
            firsts[parameter.name.text] = firsts[parameter.name.text] ?? parameter.name
        }
        return parameters.count == caveat.parameters.count && parameters.count <= Limits.caveatParameters
            ? parameters : nil
    }

    /// The type of a parameter; where there is none, that is reported at the parameter, as upstream.
    private mutating func checkedType(_ type: ParameterTypeSyntax, of parameter: ParameterSyntax) -> ConditionType? {
        var arguments: [ConditionType] = []
        for argument in type.arguments {
            guard let checked = checkedType(argument, of: parameter) else { return nil }
            arguments.append(checked)
        }
        if let known = ConditionType(name: type.name.text, arguments: arguments) { return known }
        let names = ConditionType.names
        let isKnown = names.contains(type.name.text)
        collector.report(
            .unknownParameterType,
            "parameter \(text.quoted(parameter.name.range)) is declared as \(text.quoted(type.name.range)), "
                + (isKnown ? "which takes another number of types between `<` and `>`" : "which is no type"),
            at: parameter.name.range,
            hint: (isKnown ? nil : NameSuggestion.hint(for: type.name.text, among: names))
                ?? "the types are \(names.joined(separator: ", ")); `list` and `map` take one more, as in `list<string>`"
        )
        return nil
    }

    // MARK: Conditions

    /// Reports a problem of a condition at its place in the schema.
    private mutating func report(_ problem: ConditionProblem, in body: Range<Int>, of caveat: CaveatSyntax) {
        let start = min(body.lowerBound + problem.range.lowerBound, body.upperBound)
        let end = min(max(start, body.lowerBound + problem.range.upperBound), body.upperBound)
        collector.report(
            DiagnosticCode(problem.kind),
            "caveat \(text.quoted(caveat.name.range)): \(problem.message)",
            at: problem.parameter.map { caveat.parameters[$0].name.range } ?? start..<end,
            hint: problem.hint
        )
    }
}

extension DiagnosticCode {
    fileprivate init(_ kind: ConditionProblem.Kind) {
        self =
            switch kind {
            case .syntax: .conditionSyntax
            case .unknownName: .conditionUnknownName
            case .typeMismatch: .conditionTypeMismatch
            case .notBoolean: .conditionNotBoolean
            case .unusedParameter: .unusedParameter
            case .tooLarge: .conditionTooLarge
            case .tooDeep: .conditionTooDeep
            case .unsupported: .conditionUnsupported
            }
    }
}
