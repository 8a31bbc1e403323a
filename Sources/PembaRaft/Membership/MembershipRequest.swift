// Pemba: asking for another membership, and what becomes of that.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What an operator wants of the membership.
package enum MembershipRequest: Sendable, Hashable {
    /// Exactly these members, in as many steps as that takes; whoever is to vote and does not yet catches up first.
    /// `addresses` says where those are reached who are new.
    case reach(MembershipGoal, addresses: [MemberAddresses] = [])
    /// A member is reached elsewhere from now on.
    case relocate(MemberAddresses)
    /// No more waiting for nodes that catch up: they stay learners.
    case abandon
}

/// What `RaftCore.changeMembership` did.
package enum MembershipOutcome: Sendable, Hashable {
    /// The first step stands in the leader's log. Whether it will be committed is not known: it is if the entry that is
    /// committed at `index` has this term.
    case appended(index: LogIndex, term: Term)
    /// This node does not lead; `leader` does, as far as it knows.
    case notLeader(leader: NodeID?)
    /// Leadership is being handed over.
    case transferring
    /// Nothing was done.
    case refused(MembershipRefusal)
}

/// Why a request for another membership is refused, with the way out.
package enum MembershipRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The configuration is another one than the asker thinks.
    case stale(expected: LogIndex, actual: LogIndex)
    /// The leader has not committed an entry of its own term, so it may not know the configuration in force.
    case leaderIsNew
    /// The change at this index is under way.
    case changeUnderWay(LogIndex)
    /// There is no change to abandon.
    case nothingToAbandon
    /// The members are these already.
    case unchanged
    /// What is said about a node that is no member, nor would become one.
    case notMember(NodeID)
    /// A node would have two roles.
    case twoRoles(NodeID)
    /// It is said twice where a node is reached.
    case twoAddresses(NodeID)
    /// Node ids begin at 1.
    case nodeZero
    /// A list is too long.
    case tooManyMembers(count: Int, limit: Int)
    /// The id belonged to a member that was removed.
    case removedNode(NodeID)
    /// No more removed nodes can be remembered.
    case tooManyRemoved(limit: Int)
    /// One configuration cannot follow the other.
    case impossible(ConfigurationChangeError)

    package var description: String {
        switch self {
        case .stale(let expected, let actual):
            "the configuration is that of entry \(actual), not of entry \(expected): look at it, then ask again"
        case .leaderIsNew: "the leader has only just been elected: ask again in a moment"
        case .changeUnderWay(let index):
            "the change of entry \(index) is under way: wait until it is complete, or abandon it while nodes catch up"
        case .nothingToAbandon: "no change waits for nodes that catch up: there is nothing to abandon"
        case .unchanged: "the members are these already"
        case .notMember(let node): "node \(node) is no member: look at the members"
        case .twoRoles(let node): "node \(node) is named twice: a member either votes or learns"
        case .twoAddresses(let node): "it is said twice where node \(node) is reached: say it once"
        case .nodeZero: "node 0 cannot be a member: ids begin at 1"
        case .tooManyMembers(let count, let limit): "\(count) members are too many: at most \(limit) vote or learn"
        case .removedNode(let node):
            "node \(node) was removed and its id never comes back: give the node an empty folder and a new id"
        case .tooManyRemoved(let limit):
            "\(limit) nodes have been removed, which is as many as can be remembered: restore a backup as a new cluster"
        case .impossible(let error): error.description
        }
    }
}

/// Why a learner did not get its vote.
package enum CatchUpFailure: Sendable, Hashable {
    /// Nothing was heard from it, or its log did not grow, for the time that the options allow.
    case silent
    /// In as many rounds as the options allow it never came close enough to the leader.
    case tooSlow
}

/// The change that this leader abandoned last.
package struct AbandonedChange: Sendable, Hashable {
    /// The learner that could not catch up.
    package var node: NodeID
    package var failure: CatchUpFailure
    /// The entry that took the goal back.
    package var index: LogIndex
}
