// Pemba: what is chosen for one Raft node when it starts.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The settings of one node.
///
/// Times may differ between nodes without endangering safety; equal ones serve liveness.
package struct RaftOptions: Sendable {
    /// This node.
    package var id: NodeID
    /// A follower campaigns when it has not heard from a leader for a random time between this and twice this.
    ///
    /// For this long after hearing from a leader it refuses votes, and a leader without a quorum for this long steps down.
    package var electionTimeout: TimeSpan
    /// Whether a node asks if it could win before it campaigns.
    ///
    /// A node of a cluster always does; published scripts are also about nodes that do not.
    package var usesPreVote: Bool
    /// Whether a leader without a quorum steps down, and whoever hears from a leader refuses votes; always so, as above.
    package var checksQuorum: Bool
    /// How long a write may take before a leader hands over to a node whose disk works, and before a node stops
    /// campaigning.
    package var diskStallTimeout: TimeSpan
    /// How often a leader tells its followers that it lives.
    package var heartbeatInterval: TimeSpan
    /// Append messages in flight to one follower.
    package var inflightMessagesMax: Int
    /// Bytes of entries in flight to one follower; one message may exceed it.
    package var inflightBytesMax: Int
    /// Bytes of entries in one append message; one entry may exceed it.
    package var messageBytesMax: Int
    /// Bytes of appended, uncommitted commands beyond which a leader refuses proposals; one proposal may exceed it.
    package var uncommittedBytesMax: Int
    /// Entries kept before a snapshot's index for followers that are a little behind.
    package var trailingEntries: Int
    /// Bytes of entries kept before a snapshot's index, whatever their number.
    package var trailingBytes: Int
    /// How long entries after a snapshot are kept for a silent follower that is fetching it.
    package var snapshotRetention: TimeSpan
    /// How willing this node is to lead, from 0 to `electionPriorityMax`: for each step less it waits for another
    /// election timeout before it campaigns, so that it leads only if no more willing node does.
    package var electionPriority: Int
    /// How long a learner that is to vote may be silent, or stand still, before its vote is given up.
    package var catchUpTimeout: TimeSpan
    /// How many rounds of catching up a learner that is to vote gets.
    package var catchUpRoundsMax: Int

    /// The priority of a node that is as willing as any.
    package static let electionPriorityMax = 3

    package init(
        id: NodeID,
        electionTimeout: TimeSpan = .milliseconds(500),
        usesPreVote: Bool = true,
        checksQuorum: Bool = true,
        diskStallTimeout: TimeSpan = .seconds(2),
        heartbeatInterval: TimeSpan = .milliseconds(100),
        inflightMessagesMax: Int = 256,
        inflightBytesMax: Int = 16 << 20,
        messageBytesMax: Int = 1 << 20,
        uncommittedBytesMax: Int = 64 << 20,
        trailingEntries: Int = 10_000,
        trailingBytes: Int = 64 << 20,
        snapshotRetention: TimeSpan = .seconds(60),
        electionPriority: Int = RaftOptions.electionPriorityMax,
        catchUpTimeout: TimeSpan = .seconds(60),
        catchUpRoundsMax: Int = 10
    ) {
        precondition(heartbeatInterval > .zero, "heartbeats need an interval")
        precondition(heartbeatInterval < electionTimeout, "heartbeats must come more often than elections")
        precondition(inflightMessagesMax > 0 && inflightBytesMax > 0, "nothing could be in flight")
        precondition((0...RaftOptions.electionPriorityMax).contains(electionPriority), "no such priority")
        precondition(catchUpRoundsMax > 0, "catching up takes a round at least")
        self.id = id
        self.electionTimeout = electionTimeout
        self.usesPreVote = usesPreVote
        self.checksQuorum = checksQuorum
        self.diskStallTimeout = diskStallTimeout
        self.heartbeatInterval = heartbeatInterval
        self.inflightMessagesMax = inflightMessagesMax
        self.inflightBytesMax = inflightBytesMax
        self.messageBytesMax = messageBytesMax
        self.uncommittedBytesMax = uncommittedBytesMax
        self.trailingEntries = trailingEntries
        self.trailingBytes = trailingBytes
        self.snapshotRetention = snapshotRetention
        self.electionPriority = electionPriority
        self.catchUpTimeout = catchUpTimeout
        self.catchUpRoundsMax = catchUpRoundsMax
    }
}
