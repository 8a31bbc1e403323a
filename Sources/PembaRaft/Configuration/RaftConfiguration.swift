// Pemba: who votes and who receives the log.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Who votes, and who is to.
///
/// Configurations live in the log and are in force from the moment they are appended (dissertation, 4.1).
package struct RaftConfiguration: Sendable, Hashable {
    /// The voters, ascending.
    package var voters: [NodeID]
    /// While a joint configuration is in force: the voters of the outgoing one, ascending; otherwise empty.
    package var outgoingVoters: [NodeID]
    /// Members that receive the log and do not vote, ascending.
    package var learners: [NodeID]
    /// Voters of the outgoing configuration that become learners when the joint one is left, ascending.
    package var nextLearners: [NodeID]
    /// Whether the leader leaves the joint configuration as soon as it is committed, whoever leads by then.
    package var autoLeave: Bool
    /// Nodes that were members and are no more, ascending.
    ///
    /// Such an id never comes back: a node that has lost its data does not know what it promised under it.
    package var removed: [NodeID]
    /// Whom an operator wants, while the voters among them that are learners here catch up.
    package var goal: MembershipGoal?

    package init(
        voters: [NodeID],
        outgoingVoters: [NodeID] = [],
        learners: [NodeID] = [],
        nextLearners: [NodeID] = [],
        autoLeave: Bool = false,
        removed: [NodeID] = [],
        goal: MembershipGoal? = nil
    ) {
        self.voters = voters.sorted()
        self.outgoingVoters = outgoingVoters.sorted()
        self.learners = learners.sorted()
        self.nextLearners = nextLearners.sorted()
        self.autoLeave = autoLeave
        self.removed = removed.sorted()
        self.goal = goal
    }

    /// Every node that receives the log, ascending and without repeats.
    package var members: [NodeID] {
        var members = voters
        for node in outgoingVoters + learners where !members.contains(node) { members.append(node) }
        return members.sorted()
    }

    /// Whether two sets of voters decide together.
    package var isJoint: Bool { !outgoingVoters.isEmpty }
}

/// The membership that an operator asked for.
///
/// It stands in the configuration, so that the next leader goes on where one fails.
package struct MembershipGoal: Sendable, Hashable {
    /// The nodes that are to vote, ascending.
    package var voters: [NodeID]
    /// The nodes that are to learn, ascending.
    package var learners: [NodeID]

    package init(voters: [NodeID], learners: [NodeID] = []) {
        self.voters = voters.sorted()
        self.learners = learners.sorted()
    }
}
