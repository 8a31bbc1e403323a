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
    /// Voters of the cluster's first configuration that have not been seen to take part yet, ascending.
    ///
    /// Only they may come with nothing but that configuration: whoever else does has lost its data.
    package var awaited: [NodeID]
    /// Where members are reached, ascending by node; Raft itself reads none of it.
    package var addresses: [MemberAddresses]

    package init(
        voters: [NodeID],
        outgoingVoters: [NodeID] = [],
        learners: [NodeID] = [],
        nextLearners: [NodeID] = [],
        autoLeave: Bool = false,
        removed: [NodeID] = [],
        goal: MembershipGoal? = nil,
        awaited: [NodeID] = [],
        addresses: [MemberAddresses] = []
    ) {
        self.voters = voters.sorted()
        self.outgoingVoters = outgoingVoters.sorted()
        self.learners = learners.sorted()
        self.nextLearners = nextLearners.sorted()
        self.autoLeave = autoLeave
        self.removed = removed.sorted()
        self.goal = goal
        self.awaited = awaited.sorted()
        self.addresses = addresses.sorted { $0.node < $1.node }
    }

    /// Every node that receives the log, ascending and without repeats.
    package var members: [NodeID] {
        var members = voters
        for node in outgoingVoters + learners where !members.contains(node) { members.append(node) }
        return members.sorted()
    }

    /// Whether two sets of voters decide together.
    package var isJoint: Bool { !outgoingVoters.isEmpty }

    /// Where `node` is reached; nil if the configuration does not say.
    package func addresses(of node: NodeID) -> MemberAddresses? { addresses.first { $0.node == node } }
}

/// Where one member is reached.
package struct MemberAddresses: Sendable, Hashable {
    /// The member.
    package var node: NodeID
    /// Where the other nodes reach it.
    package var peer: NetworkAddress
    /// Where clients reach it.
    package var client: NetworkAddress

    package init(node: NodeID, peer: NetworkAddress, client: NetworkAddress) {
        self.node = node
        self.peer = peer
        self.client = client
    }
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
