// Pemba: what the Raft core asks its shell to do.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Numbers the persist effects of one node since it started, from 1.
package struct PersistSequence: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = PersistSequence(0)

    package static func < (left: PersistSequence, right: PersistSequence) -> Bool { left.rawValue < right.rawValue }
}

/// What must be written durably, in the order of the sequence.
///
/// The shell may sync several at once, never reorder them.
package struct PersistRequest: Sendable, Equatable {
    /// The number to acknowledge.
    package var sequence: PersistSequence
    /// The new term and vote, if they changed; durable before the entries.
    package var hardState: HardState?
    /// Entries to append.
    ///
    /// If the first is not after the last in the log, everything from its index on is replaced.
    package var entries: [LogEntry]
    /// The end of the log once this is written; to be handed back with the acknowledgement.
    package var lastIndex: LogIndex
    /// The term of the entry at `lastIndex`.
    package var lastTerm: Term

    package init(
        sequence: PersistSequence,
        hardState: HardState?,
        entries: [LogEntry],
        lastIndex: LogIndex,
        lastTerm: Term
    ) {
        self.sequence = sequence
        self.hardState = hardState
        self.entries = entries
        self.lastIndex = lastIndex
        self.lastTerm = lastTerm
    }
}

/// One thing for the shell to do, in the order in which the effects are listed.
///
/// Messages that may only be sent after a write is durable are held back by the core until the write is acknowledged:
/// a `send` may always be sent at once.
package enum RaftEffect: Sendable, Equatable {
    /// Write and sync; then step `.persisted`.
    case persist(PersistRequest)
    /// Hand to the link to `message.to`; may be lost.
    case send(RaftMessage)
    /// Entries up to here are committed: durable on a quorum.
    case commit(LogIndex)
    /// The read of `ticket` may be answered once `index` is applied.
    case readReady(ticket: UInt64, index: LogIndex)
    /// The read of `ticket` cannot be served now; ask again.
    case readFailed(ticket: UInt64)
    /// The role, term or known leader changed.
    case leadership(RaftLeadership)
    /// `peer` needs the snapshot: stream it, then step `.snapshotSent`.
    case sendSnapshot(to: NodeID, index: LogIndex, term: Term)
    /// The leader offers the snapshot at (`index`, `term`); fetch and install it, then step `.snapshotInstalled`.
    case receiveSnapshot(from: NodeID, index: LogIndex, term: Term)
}

/// Who leads, as one node knows.
package struct RaftLeadership: Sendable, Hashable {
    package var term: Term
    package var role: RaftRole
    package var leader: NodeID?

    package init(term: Term, role: RaftRole, leader: NodeID?) {
        self.term = term
        self.role = role
        self.leader = leader
    }
}

/// The roles of the Raft paper, with pre-vote.
package enum RaftRole: UInt8, Sendable {
    case follower = 0
    case preCandidate = 1
    case candidate = 2
    case leader = 3
}
