// Pemba: explanations for people and for programs.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// The answer of `explain`.
package struct ExplainReport: Encodable {
    private let question: String
    private let permissionship: String
    private let missingContext: [String]?
    private let proof: Step
    private let suggestions: [Change]
    private let selfExclusions: [String]?
    private let conditions: [Condition]?
    private let time: String
    private let revision: UInt64
    private let zookie: String
    private let explanation: Explanation

    private enum CodingKeys: CodingKey {
        case question
        case permissionship
        case missingContext
        case proof
        case suggestions
        case selfExclusions
        case conditions
        case time
        case revision
        case zookie
    }

    package init(item: CheckItem, answer: ExplainAnswer) {
        explanation = answer.explanation
        question = item.description
        permissionship = explanation.decision.permissionship.word
        missingContext = explanation.decision.missingIfAny
        proof = Step(explanation.proof, ProofText(explanation))
        suggestions = explanation.suggestions.map(Change.init)
        selfExclusions = explanation.selfExclusions.isEmpty ? nil : explanation.selfExclusions
        conditions = explanation.conditions.isEmpty ? nil : explanation.conditions.map(Condition.init)
        time = explanation.time.rfc3339
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
    }

    /// The answer, the steps that lead to it as a tree, and what would have to change.
    package var text: String {
        var text = "\(explanation.decision.text)  \(question)  (revision \(revision))\n"
        text += ProofText(explanation).lines(of: explanation.proof).text
        for exclusion in explanation.selfExclusions {
            text += "note: \(exclusion) is defined through its own exclusion, which is denied\n"
        }
        guard explanation.decision.permissionship != .hasPermission else { return text }
        guard !explanation.suggestions.isEmpty else {
            return text + "no change of a few tuples or values was found that would allow it\n"
        }
        text += "would be allowed if\n"
        for (number, suggestion) in explanation.suggestions.enumerated() {
            let changes = sentences(of: suggestion)
            text += "  \(number + 1). \(changes.joined(separator: "\n     and "))\n"
        }
        return text
    }

    /// A sentence for each change of a suggestion.
    private func sentences(of suggestion: Suggestion) -> [String] {
        suggestion.add.map { "\($0) is added" } + suggestion.remove.map { "\($0) is removed" }
            + suggestion.context.map { sentence(for: $0, of: suggestion) }
    }

    private func sentence(for need: Suggestion.ContextNeed, of suggestion: Suggestion) -> String {
        let name = need.tuple.caveat?.name ?? "the caveat"
        let expression = explanation.condition(of: need.tuple).map { ": \(ProofText.expression(of: $0))" } ?? ""
        let values = need.missing + need.wrong.map { "another \($0)" }
        let given = values.isEmpty ? "" : ", given \(values.joined(separator: ", "))"
        let place = values.isEmpty || !suggestion.add.contains(need.tuple) ? "" : ", there or with the request"
        return "\(name) \(need.mustHold ? "holds" : "does not hold")\(expression)\(given)\(place) (\(need.tuple))"
    }

    private struct Condition: Encodable {
        let caveat: String
        let expression: String
        let stored: ContextReport
        let given: ContextReport
        let outcome: String
        let missingContext: [String]?

        init(_ condition: ExplainedCondition) {
            caveat = condition.caveat.name
            expression = condition.expression
            stored = ContextReport(condition.caveat.context)
            given = ContextReport(condition.given)
            outcome =
                switch condition.decision.permissionship {
                case .hasPermission: "holds"
                case .noPermission: "fails"
                case .conditional: "unknown"
                }
            missingContext = condition.decision.missingIfAny
        }
    }

    private struct Change: Encodable {
        struct Need: Encodable {
            let tuple: TupleReport
            let mustHold: Bool
            let missing: [String]
            let wrong: [String]
        }

        let add: [TupleReport]
        let remove: [TupleReport]
        let context: [Need]

        init(_ suggestion: Suggestion) {
            add = suggestion.add.map(TupleReport.init)
            remove = suggestion.remove.map(TupleReport.init)
            context = suggestion.context.map {
                Need(tuple: TupleReport($0.tuple), mustHold: $0.mustHold, missing: $0.missing, wrong: $0.wrong)
            }
        }
    }

    private struct Step: Encodable {
        let object: String
        let permission: String?
        let permissionship: String
        let missingContext: [String]?
        let reason: String
        let tuple: TupleReport?
        /// Why the tuple does not count.
        let failure: String?
        let steps: [Step]?

        init(_ node: ProofNode, _ text: ProofText) {
            object = node.resource.description
            permission = node.permission.isEmpty ? nil : node.permission
            permissionship = node.decision.permissionship.word
            missingContext = node.decision.missingIfAny
            reason = ProofText.word(for: node.reason)
            tuple = ProofText.tuple(of: node.reason).map(TupleReport.init)
            failure = ProofText.tuple(of: node.reason).flatMap { text.failure(of: $0) }
            let parts = ProofText.parts(of: node.reason)
            steps = parts.isEmpty ? nil : parts.map { Step($0, text) }
        }
    }
}
