// Pemba: how messages leave the Raft core.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// What must be durable before a message may leave.
    enum Requirement {
        /// The term and vote as they are now.
        case hardState
        /// The log as it is now, and the term and vote.
        case log
    }

    /// Whether this node's disk has not completed a write for so long that it cannot be counted on.
    package var isDiskStalled: Bool {
        guard let since = durability.waitingSince else { return false }
        return now - since >= options.diskStallTimeout
    }

    /// Sends what promises nothing.
    func send(_ body: RaftMessage.Body, to peer: NodeID, into effects: inout [RaftEffect]) {
        effects.append(.send(RaftMessage(from: id, to: peer, term: term, body: body)))
    }

    /// Sends what promises something, once it is durable.
    mutating func sendWhenDurable(
        _ requirement: Requirement,
        _ body: RaftMessage.Body,
        to peer: NodeID,
        term messageTerm: Term? = nil,
        into effects: inout [RaftEffect]
    ) {
        let message = RaftMessage(from: id, to: peer, term: messageTerm ?? term, body: body)
        let sequence: PersistSequence
        switch requirement {
        case .hardState: sequence = isHardStateDirty ? durability.nextSequence : durability.hardStateSequence
        case .log:
            let isDirty = isHardStateDirty || !unwritten.isEmpty
            sequence = isDirty ? durability.nextSequence : durability.issued
        }
        if sequence <= durability.acknowledged {
            effects.append(.send(message))
        } else {
            durability.hold(message, until: sequence)
        }
    }
}
