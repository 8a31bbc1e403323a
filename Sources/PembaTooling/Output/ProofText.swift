// Pemba: the steps of explanations as text.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// The steps of a proof as lines.
struct ProofText {
    private let explanation: Explanation

    init(_ explanation: Explanation) { self.explanation = explanation }

    func lines(of node: ProofNode) -> TreeText {
        let name = node.permission.isEmpty ? "" : "\(node.resource)#\(node.permission)"
        let line = [node.decision.text, name, sentence(for: node)].filter { !$0.isEmpty }.joined(separator: "  ")
        return TreeText(line, ProofText.parts(of: node.reason).map(lines))
    }

    private func sentence(for node: ProofNode) -> String {
        switch node.reason {
        case .identity: "it is the subject itself"
        case .tuple(let tuple): "by \(tuple)\(failure(of: tuple).map { ", which \($0)" } ?? "")"
        case .through(let tuple, _): "through \(tuple)\(failure(of: tuple).map { ", which \($0)" } ?? "")"
        case .union: node.decision.permissionship == .noPermission ? "none of" : "one of"
        case .intersection: node.decision.permissionship == .noPermission ? "not all of" : "all of"
        case .exclusion: "the first without the second"
        case .all: "every one of"
        case .nothing: "nothing leads to the subject"
        case .repeated: "see above"
        case .truncated: "… the explanation is cut short here"
        }
    }

    /// Why a tuple does not count: its time, or its condition with the values that it was judged with.
    func failure(of tuple: RelationTuple) -> String? {
        let now = "at \(explanation.time.rfc3339)"
        if let notBefore = tuple.notBefore, explanation.time < notBefore {
            return "did not count yet \(now): it counts from \(notBefore.rfc3339) on"
        }
        if let expiresAt = tuple.expiresAt, explanation.time >= expiresAt {
            return "did not count any more \(now): it expired at \(expiresAt.rfc3339)"
        }
        guard let condition = explanation.condition(of: tuple), condition.decision == .hasNot else { return nil }
        let stored = condition.caveat.context.entries.map { "\($0.key) \($0.value.json) of the tuple" }
        let given = condition.given.entries.map { "\($0.key) \($0.value.json) of the request" }
        let values = stored + given
        let text = "does not count: \(condition.caveat.name) fails: \(ProofText.expression(of: condition))"
        return values.isEmpty ? text : "\(text), with \(values.joined(separator: ", "))"
    }

    /// The expression on one line.
    static func expression(of condition: ExplainedCondition) -> String {
        condition.expression.split(whereSeparator: \.isWhitespace).joined(separator: " ")
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
