// Pemba: the votes of one campaign.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The answers to one round of votes or pre-votes; the first answer of a node counts.
struct VoteTally: Sendable {
    private struct Answer: Sendable {
        var node: NodeID
        var granted: Bool
    }

    private var answers: [Answer] = []

    /// What `node` answered; nil: nothing yet.
    subscript(node: NodeID) -> Bool? {
        for answer in answers where answer.node == node { return answer.granted }
        return nil
    }

    /// Notes an answer.
    mutating func record(_ node: NodeID, granted: Bool) {
        if self[node] == nil { answers.append(Answer(node: node, granted: granted)) }
    }

    /// Starts a new round.
    mutating func reset() { answers.removeAll(keepingCapacity: true) }
}
