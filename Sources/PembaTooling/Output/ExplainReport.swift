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
        case revision
        case zookie
    }

    package init(item: CheckItem, answer: ExplainAnswer) {
        explanation = answer.explanation
        question = item.description
        permissionship = explanation.decision.permissionship.word
        missingContext = explanation.decision.missingIfAny
        proof = Step(explanation.proof)
        suggestions = explanation.suggestions.map(Change.init)
        selfExclusions = explanation.selfExclusions.isEmpty ? nil : explanation.selfExclusions
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
    }

    /// The answer, the steps that lead to it as a tree, and what would have to change.
    package var text: String {
        var text = "\(explanation.decision.text)  \(question)  (revision \(revision))\n"
        text += ProofText.lines(of: explanation.proof).text
        for exclusion in explanation.selfExclusions {
            text += "note: \(exclusion) is defined through its own exclusion, which is denied\n"
        }
        guard explanation.decision.permissionship != .hasPermission else { return text }
        guard !explanation.suggestions.isEmpty else {
            return text + "no change of a few tuples or values would allow it\n"
        }
        text += "would be allowed if\n"
        for (number, suggestion) in explanation.suggestions.enumerated() {
            let changes = ExplainReport.sentences(of: suggestion)
            text += "  \(number + 1). \(changes.joined(separator: "\n     and "))\n"
        }
        return text
    }

    /// A sentence for each change of a suggestion.
    package static func sentences(of suggestion: Suggestion) -> [String] {
        suggestion.add.map { "\($0) is added" } + suggestion.remove.map { "\($0) is removed" }
            + suggestion.context.map { need in
                let values = need.missing.isEmpty ? "" : ", given \(need.missing.joined(separator: ", "))"
                let name = need.tuple.caveat?.name ?? "the caveat"
                return "\(name) \(need.mustHold ? "holds" : "does not hold")\(values) (\(need.tuple))"
            }
    }

    private struct Change: Encodable {
        struct Need: Encodable {
            let tuple: TupleReport
            let mustHold: Bool
            let missing: [String]
        }

        let add: [TupleReport]
        let remove: [TupleReport]
        let context: [Need]

        init(_ suggestion: Suggestion) {
            add = suggestion.add.map(TupleReport.init)
            remove = suggestion.remove.map(TupleReport.init)
            context = suggestion.context.map {
                Need(tuple: TupleReport($0.tuple), mustHold: $0.mustHold, missing: $0.missing)
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
        let steps: [Step]?

        init(_ node: ProofNode) {
            object = node.resource.description
            permission = node.permission.isEmpty ? nil : node.permission
            permissionship = node.decision.permissionship.word
            missingContext = node.decision.missingIfAny
            reason = ProofText.word(for: node.reason)
            tuple = ProofText.tuple(of: node.reason).map(TupleReport.init)
            let parts = ProofText.parts(of: node.reason)
            steps = parts.isEmpty ? nil : parts.map(Step.init)
        }
    }
}

/// The steps of a proof as lines.
enum ProofText {
    static func lines(of node: ProofNode) -> TreeText {
        let name = node.permission.isEmpty ? "" : "\(node.resource)#\(node.permission)"
        let line = [node.decision.text, name, sentence(for: node)].filter { !$0.isEmpty }.joined(separator: "  ")
        return TreeText(line, parts(of: node.reason).map(lines))
    }

    private static func sentence(for node: ProofNode) -> String {
        switch node.reason {
        case .identity: "it is the subject itself"
        case .tuple(let tuple): "by \(tuple)"
        case .through(let tuple, _): "through \(tuple)"
        case .union: node.decision.permissionship == .noPermission ? "none of" : "one of"
        case .intersection: node.decision.permissionship == .noPermission ? "not all of" : "all of"
        case .exclusion: "the first without the second"
        case .all: "every one of"
        case .nothing: "nothing leads to the subject"
        case .repeated: "see above"
        case .truncated: "… the explanation is cut short here"
        }
    }

    static func word(for reason: ProofNode.Reason) -> String {
        switch reason {
        case .identity: "identity"
        case .tuple: "tuple"
        case .through: "through"
        case .union: "union"
        case .intersection: "intersection"
        case .exclusion: "exclusion"
        case .all: "all"
        case .nothing: "nothing"
        case .repeated: "repeated"
        case .truncated: "truncated"
        }
    }

    static func tuple(of reason: ProofNode.Reason) -> RelationTuple? {
        switch reason {
        case .tuple(let tuple), .through(let tuple, _): tuple
        default: nil
        }
    }

    static func parts(of reason: ProofNode.Reason) -> [ProofNode] {
        switch reason {
        case .through(_, let node): [node]
        case .union(let nodes), .intersection(let nodes), .exclusion(let nodes), .all(let nodes): nodes
        case .identity, .tuple, .nothing, .repeated, .truncated: []
        }
    }
}
