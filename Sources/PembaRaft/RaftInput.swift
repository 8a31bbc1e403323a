// Pemba: what can happen to the Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One thing that happened. `RaftCore.step` is total: every input is legal in every state.
package enum RaftInput: Sendable {
    /// Time passed: `nextDeadline` is due, or not.
    case tick
    /// A message from a peer, whose identity the transport has verified.
    case message(RaftMessage)
    /// Commands to append, if this node leads. The shell learns the fate from `ProposalOutcome`.
    case propose([[UInt8]])
    /// Ask for an index at which a linearizable read may be answered; ends in `readReady` or `readFailed`.
    case read(ticket: UInt64)
    /// Hand leadership to a voter; nil: to the best one.
    case transferLeadership(to: NodeID?)
    /// The persist effect `sequence` is durable, and with it the log up to (`lastIndex`, `lastTerm`) as of that effect.
    case persisted(sequence: PersistSequence, lastIndex: LogIndex, lastTerm: Term)
    /// The state machine has applied everything up to here.
    case applied(LogIndex)
    /// The log up to here is covered by a durable snapshot and may be forgotten; some entries are kept for followers.
    case compact(LogIndex)
    /// Streaming the snapshot to `peer` ended.
    case snapshotSent(to: NodeID, index: LogIndex, succeeded: Bool)
    /// The offered snapshot is durable and installed as the state: the log starts after it.
    case snapshotInstalled(index: LogIndex, term: Term, configuration: RaftConfiguration)
    /// The offered snapshot could not be had.
    case snapshotFailed(index: LogIndex)
    /// The link to `peer` broke: what was in flight may be lost.
    case unreachable(NodeID)
    /// Campaign now, as if the election timeout had passed.
    case campaign
}

/// Who votes. Configurations live in the log and are in force from the moment they are appended (dissertation, 4.1).
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
