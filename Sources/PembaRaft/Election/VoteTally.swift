// Pemba: the votes of one campaign.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The answers to one round of votes or pre-votes; the first answer of a node counts.
struct VoteTally: Sendable {
    private enum Vote: UInt64, Sendable {
        case refused
        /// Granted if all voters grant it (`LogDebt`).
        case conditional
        case granted
    }

    private struct Answer: Sendable {
        var node: NodeID
        var vote: Vote
    }

    private var answers: [Answer] = []

    /// What `node` answered without conditions; nil: nothing yet.
    subscript(node: NodeID) -> Bool? {
        switch vote(of: node) {
        case .granted: true
        case .refused: false
        case .conditional, nil: nil
        }
    }

    /// Whether `node` has granted its vote, be it on a condition.
    func agrees(_ node: NodeID) -> Bool {
        switch vote(of: node) {
        case .granted, .conditional: true
        case .refused, nil: false
        }
    }

    /// Notes an answer.
    mutating func record(_ node: NodeID, granted: Bool) { record(node, granted ? .granted : .refused) }

    /// Notes a vote that counts only if all voters grant it.
    mutating func recordConditional(_ node: NodeID) { record(node, .conditional) }

    /// Adds the answers to a digest.
    func fold(into hasher: inout StateHasher, _ name: NodeNaming) {
        var sum: UInt64 = 0
        for answer in answers { sum &+= SeededRandom.mix(name(answer.node) &* 4 &+ answer.vote.rawValue) }
        hasher.combine(sum)
    }

    /// Starts a new round.
    mutating func reset() { answers.removeAll(keepingCapacity: true) }

    private func vote(of node: NodeID) -> Vote? {
        for answer in answers where answer.node == node { return answer.vote }
        return nil
    }

    private mutating func record(_ node: NodeID, _ vote: Vote) {
        if self.vote(of: node) == nil { answers.append(Answer(node: node, vote: vote)) }
    }
}

// MARK: - Flight recordings

extension VoteTally {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.count(answers.count)
        for answer in answers { sink.fields(answer.node.rawValue, answer.vote.rawValue) }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        for _ in 0..<(try reader.count()) {
            let node = try reader.node()
            let value = try reader.number()
            guard let vote = Vote(rawValue: value) else { throw .invalidValue(field: "vote", value: value) }
            answers.append(Answer(node: node, vote: vote))
        }
    }
}
