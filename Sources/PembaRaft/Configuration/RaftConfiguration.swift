// Pemba: who votes and who receives the log.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Who votes.
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

    package init(
        voters: [NodeID],
        outgoingVoters: [NodeID] = [],
        learners: [NodeID] = [],
        nextLearners: [NodeID] = []
    ) {
        self.voters = voters.sorted()
        self.outgoingVoters = outgoingVoters.sorted()
        self.learners = learners.sorted()
        self.nextLearners = nextLearners.sorted()
    }

    /// Every node that receives the log, ascending and without repeats.
    package var members: [NodeID] {
        var members = voters
        for node in outgoingVoters + learners where !members.contains(node) { members.append(node) }
        return members.sorted()
    }
}
