// Pemba: what one Raft node knows about itself and its peers, for operators, metrics and the replica.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A moment of a node's clock, and how far the log had been committed by then.
///
/// Whatever any leader had committed before `asOf` has an index of at most `commit`: a node that has applied `commit`
/// answers from a state no older than `asOf`. Holds however long messages were delayed and processes were paused.
package struct RaftFreshness: Sendable, Hashable {
    package var asOf: Instant
    package var commit: LogIndex

    package init(asOf: Instant, commit: LogIndex) {
        self.asOf = asOf
        self.commit = commit
    }
}

/// How replication to one peer goes.
package enum ReplicationState: Sendable, Hashable {
    /// The leader looks for the place where the logs agree, one message at a time.
    case probe
    /// Entries are streamed ahead of their acknowledgements.
    case replicate
    /// The peer fetches the snapshot at this index.
    case snapshot(LogIndex)
}

/// A leader's view of one peer.
package struct RaftPeerStatus: Sendable, Hashable {
    package var id: NodeID
    /// Whether it votes in the configuration in force.
    package var isVoter: Bool
    /// The end of its log, as far as it is known to be durable and to agree.
    package var match: LogIndex
    /// The next entry to send.
    package var next: LogIndex
    package var state: ReplicationState
    /// Append messages that it has not acknowledged.
    package var inflightMessages: Int
    /// When it was last heard from.
    package var lastContact: Instant
    /// It came back without the data that it had as a voter, and is refused: remove it, and add it under a new id.
    package var hasLostData: Bool
}

/// A learner that is to vote.
package struct RaftCatchUpStatus: Sendable, Hashable {
    package var node: NodeID
    /// The round of catching up, from 1.
    package var round: Int
    /// The match index that ends the round.
    package var target: LogIndex
}

/// The state of one node.
package struct RaftStatus: Sendable, Hashable {
    package var id: NodeID
    package var leadership: RaftLeadership
    /// Entries up to here are committed, as far as this node knows.
    package var commit: LogIndex
    /// Entries up to here are applied.
    package var applied: LogIndex
    /// The first entry in memory; entries before it may be deleted from the stored log too.
    package var first: LogIndex
    /// The end of the log.
    package var last: LogIndex
    /// The end of the log that is durable here.
    package var durable: LogIndex
    /// The latest snapshot.
    package var snapshot: LogIndex
    /// Bytes of the entries in memory.
    package var logBytes: Int
    /// The configuration in force, committed or not.
    package var configuration: RaftConfiguration
    /// The entry that brought it.
    package var configurationIndex: LogIndex
    /// When this node last heard from the leader it knows; nil if it leads or knows none.
    package var leaderContact: Instant?
    /// How fresh this node's knowledge is; nil if it never heard from a leader that a quorum followed.
    package var freshness: RaftFreshness?
    /// To whom leadership is being handed.
    package var transferTarget: NodeID?
    /// The learners that are to vote, if this node leads.
    package var catchingUp: [RaftCatchUpStatus]
    /// The change that this leader abandoned last, because a learner could not catch up.
    package var abandoned: AbandonedChange?
    /// The entry of the configuration that removed this node, which then does nothing more.
    package var removedAt: LogIndex?
    /// What its disk has lost of what it may have acknowledged; nil: nothing.
    package var debt: LogDebt?
    /// Every other member, ascending, if this node leads; otherwise empty.
    package var peers: [RaftPeerStatus]
}
