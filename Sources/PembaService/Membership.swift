// Pemba: who the members of a cluster are, and how that changes.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// What a member does.
public enum MemberRole: UInt8, Sendable, CaseIterable {
    /// It votes and receives the log.
    case voter = 1
    /// It receives the log and does not vote.
    case learner = 2
    /// It is no member any more; only what a member is to become.
    case removed = 3
}

/// Why a learner did not get its vote.
public enum CatchUpEnd: UInt8, Sendable, CaseIterable {
    /// Nothing was heard from it, or it got no further, for too long.
    case silent = 1
    /// In as many rounds as it gets it never came close enough to the leader.
    case tooSlow = 2
}

/// Where a member is reached.
public struct MemberContact: Hashable, Sendable {
    /// The member.
    public var node: NodeID
    /// Where the other nodes reach it.
    public var peer: NetworkAddress
    /// Where clients reach it.
    public var client: NetworkAddress

    /// Names a member and where it is reached.
    public init(node: NodeID, peer: NetworkAddress, client: NetworkAddress) {
        self.node = node
        self.peer = peer
        self.client = client
    }
}

/// What an operator wants of the members.
public enum MembershipChange: Hashable, Sendable {
    /// Exactly these, in as many steps as that takes; `contacts` says where those are reached who are new.
    ///
    /// Who is to vote catches up first; who cannot stays a learner, and nothing else changes.
    case reach(voters: [NodeID], learners: [NodeID], contacts: [MemberContact])
    /// Wait no longer for nodes that catch up: they stay learners.
    case abandon
    /// A member is reached elsewhere from now on.
    case relocate(MemberContact)
    /// Another voter is to lead; nil: the best one. Needs no configuration to rest on.
    case transferLeadership(to: NodeID?)
}

/// The configuration of the members, as one node has it.
public struct MembershipStatus: Hashable, Sendable {
    /// The change that a leader gave up last.
    public struct Abandoned: Hashable, Sendable {
        /// The learner that could not catch up.
        public var node: NodeID
        /// Why not.
        public var reason: CatchUpEnd
        /// The entry that took the change back.
        public var index: LogIndex

        /// Names a learner that could not catch up.
        public init(node: NodeID, reason: CatchUpEnd, index: LogIndex) {
            self.node = node
            self.reason = reason
            self.index = index
        }
    }

    /// The entry of the configuration: what the next change is compared with.
    public var index: LogIndex
    /// Whether it is committed and nothing is left to do about it.
    public var isSettled: Bool
    /// The change that this leader gave up last; nil if none, or if it does not lead.
    public var abandoned: Abandoned?
    /// The entry of the configuration that removed the node that answers; nil if it is a member, or may become one.
    public var removedAt: LogIndex?
    /// The highest id that a member has or had; nil if there never was one.
    ///
    /// New nodes have higher ones.
    public var highestNode: NodeID?

    /// Describes a configuration.
    public init(
        index: LogIndex,
        isSettled: Bool,
        abandoned: Abandoned? = nil,
        removedAt: LogIndex? = nil,
        highestNode: NodeID? = nil
    ) {
        self.index = index
        self.isSettled = isSettled
        self.abandoned = abandoned
        self.removedAt = removedAt
        self.highestNode = highestNode
    }

    /// What a node without any log knows.
    public static let none = MembershipStatus(index: .zero, isSettled: false)
}

/// The answer to a change of the members, or to a look at them: what was appended, and the leader's state after that.
public struct MembershipAnswer: Hashable, Sendable {
    /// The entry with which the change began; nil if there was none to append.
    ///
    /// Whether it is committed is not known yet: ask again until `status.membership.isSettled`.
    public var entry: LogIndex?
    /// The state of the leader, which alone knows how far the members are.
    public var status: NodeStatus

    /// Makes an answer.
    public init(entry: LogIndex?, status: NodeStatus) {
        self.entry = entry
        self.status = status
    }
}
