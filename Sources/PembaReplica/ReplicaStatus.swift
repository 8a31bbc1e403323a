// Pemba: what a replica says of itself.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// The state of one replica at one moment, for status answers, health and metrics.
package struct ReplicaStatus: Sendable, Equatable {
    /// How far a member has got, as the leader knows.
    package struct Member: Sendable, Equatable {
        /// The member.
        package var node: NodeID
        /// The last index known to be durable there; nil unless this node leads.
        package var match: LogIndex?
        /// Whether its link is up; true for this node.
        package var isConnected: Bool
    }

    /// The role, term and known leader.
    package var leadership: RaftLeadership
    /// What this node's disk has lost of what it may have acknowledged; nil: nothing.
    package var debt: LogDebt?
    /// The last index in the log.
    package var lastIndex: LogIndex
    /// The last index known to be committed.
    package var commitIndex: LogIndex
    /// The last index applied: the revision of answers.
    package var appliedIndex: LogIndex
    /// The index of the last durable snapshot; zero if there is none.
    package var snapshotIndex: LogIndex
    /// Stored tuples.
    package var tupleCount: Int
    /// Open client sessions.
    package var sessionCount: Int
    /// Equal on all nodes at equal `appliedIndex`.
    package var stateHash: UInt64
    /// How long ago it was last proven that this node had everything that was committed; nil: never.
    package var staleness: TimeSpan?
    /// Whether reads are served at all: proven fresh within the staleness bound.
    package var isFresh: Bool
    /// Commands of this node's clients without an answer yet.
    package var pendingCommands: Int
    /// Reads that wait for a revision or a ReadIndex round.
    package var waitingReads: Int
    /// While a snapshot is being received: the blocks stored and their total (0 while not known).
    package var snapshotProgress: SnapshotProgress?
    /// Every member, ascending.
    package var members: [Member]

    /// How much of a snapshot has been received.
    package struct SnapshotProgress: Sendable, Equatable {
        /// Blocks stored.
        package var received: UInt32
        /// Blocks in all; 0 while not known.
        package var total: UInt32
    }
}
