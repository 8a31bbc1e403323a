// Pemba: what a node says of itself and of the cluster.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// What role a node plays in consensus.
public enum NodeRole: UInt8, Sendable, CaseIterable {
    /// Follows a leader, or waits for one.
    case follower = 0
    /// Asks whether it could win an election.
    case preCandidate = 1
    /// Stands for election.
    case candidate = 2
    /// Leads.
    case leader = 3
}

/// The state of one node, as it sees itself.
public struct NodeStatus: Hashable, Sendable {
    /// The cluster it belongs to.
    public var cluster: ClusterID
    /// The cluster's epoch.
    public var epoch: Epoch
    /// The node.
    public var node: NodeID
    /// Its role.
    public var role: NodeRole
    /// Its term.
    public var term: Term
    /// The leader it knows, if any.
    public var leader: NodeID?
    /// The last index it has in its log.
    public var lastIndex: LogIndex
    /// The last index it knows to be committed.
    public var commitIndex: LogIndex
    /// The last index it has applied: the revision of its answers.
    public var appliedIndex: LogIndex
    /// The index below which its log is compacted into a snapshot.
    public var snapshotIndex: LogIndex
    /// How far back it can be asked.
    public var history: HistoryStatus
    /// Stored tuples.
    public var tupleCount: UInt64
    /// Bytes of memory in use.
    public var residentBytes: UInt64
    /// The hash of its applied state: equal on all nodes at equal `appliedIndex`.
    public var stateHash: UInt64
    /// Why it is not ready to serve; empty if it is.
    public var alarms: [String]
    /// The configuration of the members.
    public var membership: MembershipStatus
    /// Every member of the cluster, and, at the leader, how far it has got.
    public var members: [MemberStatus]
    /// The version of the software.
    public var version: String
    /// Seconds since it started.
    public var uptimeSeconds: UInt64

    /// Makes a status.
    public init(
        cluster: ClusterID,
        epoch: Epoch,
        node: NodeID,
        role: NodeRole,
        term: Term,
        leader: NodeID?,
        lastIndex: LogIndex,
        commitIndex: LogIndex,
        appliedIndex: LogIndex,
        snapshotIndex: LogIndex,
        history: HistoryStatus,
        tupleCount: UInt64,
        residentBytes: UInt64,
        stateHash: UInt64,
        alarms: [String],
        membership: MembershipStatus = .none,
        members: [MemberStatus],
        version: String,
        uptimeSeconds: UInt64
    ) {
        self.cluster = cluster
        self.epoch = epoch
        self.node = node
        self.role = role
        self.term = term
        self.leader = leader
        self.lastIndex = lastIndex
        self.commitIndex = commitIndex
        self.appliedIndex = appliedIndex
        self.snapshotIndex = snapshotIndex
        self.history = history
        self.tupleCount = tupleCount
        self.residentBytes = residentBytes
        self.stateHash = stateHash
        self.alarms = alarms
        self.membership = membership
        self.members = members
        self.version = version
        self.uptimeSeconds = uptimeSeconds
    }
}

/// How far back a node answers exactly and can be watched from, and what bounds that.
public struct HistoryStatus: Hashable, Sendable {
    /// The oldest revision that can be asked for; the applied one if no history is kept.
    public var oldest: Revision
    /// The log's time at that revision.
    public var oldestTime: Timestamp
    /// Changes of tuples since then.
    public var changes: UInt64
    /// The most changes that are kept; 0: none.
    public var changesMax: UInt64
    /// Bytes of memory that they take with what belongs to them.
    public var bytes: UInt64
    /// The most bytes that they may take.
    public var bytesMax: UInt64
    /// For how many seconds of the log's time a change is kept at most.
    public var secondsMax: UInt64

    /// Makes a status.
    public init(
        oldest: Revision,
        oldestTime: Timestamp = Timestamp(nanoseconds: 0),
        changes: UInt64 = 0,
        changesMax: UInt64 = 0,
        bytes: UInt64 = 0,
        bytesMax: UInt64 = 0,
        secondsMax: UInt64 = 0
    ) {
        self.oldest = oldest
        self.oldestTime = oldestTime
        self.changes = changes
        self.changesMax = changesMax
        self.bytes = bytes
        self.bytesMax = bytesMax
        self.secondsMax = secondsMax
    }
}

/// One member of the cluster as another node sees it.
public struct MemberStatus: Hashable, Sendable {
    /// The member.
    public var node: NodeID
    /// What it does.
    public var role: MemberRole
    /// What it is to become; nil: it stays what it is.
    public var next: MemberRole?
    /// Where clients reach it: `host:port`; empty if that is not known.
    public var clientAddress: String
    /// Where other nodes reach it: `host:port`; empty if that is not known.
    public var peerAddress: String
    /// At the leader: the last index known to be durable there; otherwise nil.
    public var matchIndex: LogIndex?
    /// Whether there is a live connection to it.
    public var isConnected: Bool
    /// At the leader, of a learner that is to vote: how far it has come.
    public var catchUp: CatchUpProgress?
    /// At the leader: how much of a snapshot the member has fetched, if it fetches one.
    public var snapshot: SnapshotProgress?
    /// Whether it came back without the data that it had, and is refused.
    public var hasLostData: Bool

    /// How far a learner has come on the way to its vote.
    public struct CatchUpProgress: Hashable, Sendable {
        /// The round of catching up, from 1.
        public var round: UInt32
        /// The index that ends the round.
        public var target: LogIndex

        /// Names a round and its end.
        public init(round: UInt32, target: LogIndex) {
            self.round = round
            self.target = target
        }
    }

    /// How much of a snapshot has been transferred.
    public struct SnapshotProgress: Hashable, Sendable {
        /// Blocks that were asked for.
        public var done: UInt32
        /// Blocks in all; 0 while not known.
        public var total: UInt32

        /// Counts blocks.
        public init(done: UInt32, total: UInt32) {
            self.done = done
            self.total = total
        }
    }

    /// Makes a member's status.
    public init(
        node: NodeID,
        role: MemberRole = .voter,
        next: MemberRole? = nil,
        clientAddress: String,
        peerAddress: String = "",
        matchIndex: LogIndex?,
        isConnected: Bool,
        catchUp: CatchUpProgress? = nil,
        snapshot: SnapshotProgress? = nil,
        hasLostData: Bool = false
    ) {
        self.node = node
        self.role = role
        self.next = next
        self.clientAddress = clientAddress
        self.peerAddress = peerAddress
        self.matchIndex = matchIndex
        self.isConnected = isConnected
        self.catchUp = catchUp
        self.snapshot = snapshot
        self.hasLostData = hasLostData
    }
}

/// What a credential may do.
///
/// Roles do not include each other, except that `admin` includes all.
public struct Roles: OptionSet, Hashable, Sendable, CustomStringConvertible {
    /// One bit a role.
    public let rawValue: UInt8

    /// Makes a set of role bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Check, bulk check, read tuples, read the schema.
    public static let read = Roles(rawValue: 1)
    /// Write tuples.
    public static let write = Roles(rawValue: 2)
    /// Write the schema.
    public static let schema = Roles(rawValue: 4)
    /// Everything, status and cluster operations included.
    public static let admin = Roles(rawValue: 8)

    private static let names: [(String, Roles)] = [
        ("read", .read), ("write", .write), ("schema", .schema), ("admin", .admin),
    ]

    /// Reads names joined by `separator`; nil if one is unknown or there is none.
    public init?(names text: String, separator: Character = "+") {
        var roles: Roles = []
        for name in text.split(separator: separator, omittingEmptySubsequences: false) {
            guard let role = Roles.names.first(where: { $0.0 == name }) else { return nil }
            roles.insert(role.1)
        }
        self = roles
    }

    /// The names joined by `+`.
    public var description: String {
        Roles.names.filter { contains($0.1) }.map(\.0).joined(separator: "+")
    }

    /// Whether a credential with these roles may do what needs `role`.
    public func permit(_ role: Roles) -> Bool { contains(.admin) || isSuperset(of: role) }
}
