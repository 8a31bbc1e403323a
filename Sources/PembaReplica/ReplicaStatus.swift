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
        /// Whether it votes.
        package var votes: Bool
        /// Whether its link is up; true for this node.
        package var isConnected: Bool
        /// The last index known to be durable there; nil unless this node leads.
        package var match: LogIndex?
        /// How far it has come on the way to a vote, if it is to have one and this node leads.
        package var catchUp: RaftCatchUpStatus?
        /// What it has asked for of the snapshot that it fetches from this node.
        package var snapshot: SnapshotProgress?
        /// Whether this leader refuses it, because it came back without the data that it had.
        package var hasLostData = false

        package init(node: NodeID, votes: Bool, isConnected: Bool) {
            self.node = node
            self.votes = votes
            self.isConnected = isConnected
        }
    }

    /// Who the members are.
    package struct Membership: Sendable, Equatable {
        /// The entry of the configuration in force.
        package var index: LogIndex
        /// Whether that is known to be committed.
        package var isCommitted: Bool
        /// The configuration in force.
        package var configuration: RaftConfiguration
        /// The change that this leader abandoned last.
        package var abandoned: AbandonedChange?
        /// The entry of the configuration that removed this node.
        package var removedAt: LogIndex?
    }

    /// The role, term and known leader.
    package var leadership: RaftLeadership
    /// What this node's disk has lost of what it may have acknowledged; nil: nothing.
    package var debt: LogDebt?
    /// How far the log must reach before this node, which held nothing, votes; nil: it may vote.
    package var votesFrom: LogIndex?
    /// Whether the disk has completed nothing for so long that it is not counted on.
    package var isDiskStalled: Bool
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
    /// Who the members are.
    package var membership: Membership
    /// Every member, ascending.
    package var members: [Member]

    /// How much of a snapshot has been transferred.
    package struct SnapshotProgress: Sendable, Equatable {
        /// Blocks that the receiver has stored, or asked for if it is another node.
        package var done: UInt32
        /// Blocks in all; 0 while not known.
        package var total: UInt32
    }
}
