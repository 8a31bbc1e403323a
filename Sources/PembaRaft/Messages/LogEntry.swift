// Pemba: entries of the replicated log.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One entry of the replicated log.
///
/// What a command means is not Raft's business.
package struct LogEntry: Sendable, Hashable {
    /// What an entry is for.
    ///
    /// Unknown kinds halt a node rather than being skipped.
    package enum Kind: UInt8, Sendable {
        /// Appended by a new leader so that it can commit (dissertation, section 6.4).
        case noop = 0
        /// A command for the state machine.
        case command = 1
        /// A membership configuration (`RaftConfiguration.encode`), in force from the moment it is appended.
        case configuration = 2
    }

    /// The entry's position.
    package var index: LogIndex
    /// The term of the leader that appended it.
    package var term: Term
    /// The leader's civil time when it appended it; never less than that of the entry before.
    package var timestamp: Timestamp
    /// What it is for.
    package var kind: Kind
    /// The command or configuration, encoded, of at most `Limits.entryPayloadBytes`; empty for a no-op.
    package var payload: [UInt8]

    package init(index: LogIndex, term: Term, timestamp: Timestamp, kind: Kind, payload: [UInt8]) {
        self.index = index
        self.term = term
        self.timestamp = timestamp
        self.kind = kind
        self.payload = payload
    }
}

/// What must be durable before a node speaks in a term: the paper's persistent state without the log.
package struct HardState: Sendable, Hashable {
    /// The latest term this node has seen.
    package var term: Term
    /// Whom it voted for in that term.
    package var vote: NodeID?
    /// What the disk has lost of what this node may have acknowledged; nil: nothing.
    package var debt: LogDebt?
    /// How far its log has to reach before a node votes that was given a log when it held nothing; 0: it may vote.
    ///
    /// It may have promised to keep what is before that, and have forgotten it.
    package var votesFrom: LogIndex

    package init(term: Term = .zero, vote: NodeID? = nil, debt: LogDebt? = nil, votesFrom: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.debt = debt
        self.votesFrom = votesFrom
    }

    /// The same node in a later term, in which it votes for `vote` or has not voted.
    func entering(_ term: Term, vote: NodeID?) -> HardState {
        HardState(term: term, vote: vote, debt: debt, votesFrom: votesFrom)
    }
}
