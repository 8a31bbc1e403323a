// Pemba: what is chosen for one replica when it starts.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// The settings of one replica.
package struct ReplicaOptions: Sendable {
    /// The cluster, for its zookies.
    package var cluster: ClusterID
    /// The cluster's epoch, for its zookies.
    package var epoch: Epoch
    /// Consensus; names this node.
    package var raft: RaftOptions
    /// How old the state may be, provably, at which reads are answered.
    package var stalenessBound: TimeSpan
    /// How long commands wait while no leader can be reached before they are refused.
    package var leaderlessPatience: TimeSpan
    /// Commands of this node's clients without an answer yet.
    package var pendingCommandsMax: Int
    /// Bytes of these commands, and of the commands that wait to be appended for other nodes.
    package var pendingBytesMax: Int
    /// Reads that wait for a revision or a ReadIndex round.
    package var waitingReadsMax: Int
    /// Bytes of applied entries after which a snapshot is written at the latest (`SnapshotKeeper`).
    package var snapshotAfterBytes: Int
    /// Applied entries after which a snapshot is written at the latest.
    package var snapshotAfterEntries: Int
    /// Entries between two audits of the state; 0: none.
    package var auditInterval: Int
    /// Bytes of content that end a block of this node's snapshots.
    ///
    /// Nodes may differ in it: whoever fetches a snapshot takes its blocks as they are.
    package var snapshotBlockBytes: Int
    /// Blocks of a snapshot in flight to a node that fetches it.
    package var transferWindow: Int
    /// Bytes of snapshots that are sent to other nodes in a second; a block counts as one of this node's own.
    package var transferBytesPerSecond: Int
    /// How long a fetching node waits for a block before it asks again, and a serving one for a question.
    package var transferTimeout: TimeSpan

    /// Times follow from Raft's election timeout unless given.
    package init(
        cluster: ClusterID,
        epoch: Epoch,
        raft: RaftOptions,
        stalenessBound: TimeSpan = .seconds(5),
        leaderlessPatience: TimeSpan? = nil,
        pendingCommandsMax: Int = 65_536,
        pendingBytesMax: Int = 64 << 20,
        waitingReadsMax: Int = 65_536,
        snapshotAfterBytes: Int = 256 << 20,
        snapshotAfterEntries: Int = 1_000_000,
        auditInterval: Int = 4_096,
        snapshotBlockBytes: Int = Limits.snapshotBlockBytes,
        transferWindow: Int = 8,
        transferBytesPerSecond: Int = 128 << 20,
        transferTimeout: TimeSpan? = nil
    ) {
        precondition((2...Limits.snapshotBlockBytes).contains(snapshotBlockBytes), "no block could be written")
        precondition((1...ReplicaOptions.transferWindowMax).contains(transferWindow), "a window has 1 to 64 blocks")
        precondition(transferBytesPerSecond > 0, "no block could ever be sent")
        self.cluster = cluster
        self.epoch = epoch
        self.raft = raft
        self.stalenessBound = stalenessBound
        self.leaderlessPatience = leaderlessPatience ?? raft.electionTimeout * 6
        self.pendingCommandsMax = pendingCommandsMax
        self.pendingBytesMax = pendingBytesMax
        self.waitingReadsMax = waitingReadsMax
        self.snapshotAfterBytes = snapshotAfterBytes
        self.snapshotAfterEntries = snapshotAfterEntries
        self.auditInterval = auditInterval
        self.snapshotBlockBytes = snapshotBlockBytes
        self.transferWindow = transferWindow
        self.transferBytesPerSecond = transferBytesPerSecond
        self.transferTimeout = transferTimeout ?? raft.electionTimeout * 2
    }

    /// The most that one proposal may have, so that it fits a frame beside what surrounds it.
    static let proposalBytesMax = Limits.entryPayloadBytes - (64 << 10)
    /// Blocks that one question is answered with at most: a window of any version.
    static let transferWindowMax = 64
    /// A node that fetches holds up the next snapshot, which would replace the one it fetches, until the log is this many
    /// times longer than it should be.
    package static let snapshotPatience = 8
    /// Bytes of applied entries for which alone no snapshot is written, however small it would be.
    static let snapshotBytesMin = 16 << 20
    /// Bytes of proposals that are appended or forwarded together.
    package static let batchBytesMax = 1 << 20
}
