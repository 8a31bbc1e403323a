// Pemba: what both halves of a joint configuration agree on.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The quorums of a configuration change: nothing is decided unless both sets of voters decide it (Raft paper,
/// section 6).
package struct JointQuorum: Sendable, Hashable {
    /// The voters of the configuration to come, or the only one.
    package var incoming: MajorityQuorum
    /// The voters of the configuration to go; empty outside a change.
    package var outgoing: MajorityQuorum

    package init(incoming: [NodeID], outgoing: [NodeID] = []) {
        self.incoming = MajorityQuorum(incoming)
        self.outgoing = MajorityQuorum(outgoing)
    }

    /// The greatest value that a quorum of each half has reached.
    package func reached(_ value: (NodeID) -> UInt64?) -> UInt64 {
        planted("joint-needs-one-half")
            ? incoming.reached(value) : min(incoming.reached(value), outgoing.reached(value))
    }

    /// How the election stands: won by both halves, lost in either.
    package func result(_ vote: (NodeID) -> Bool?) -> VoteResult {
        switch (incoming.result(vote), outgoing.result(vote)) {
        case (.won, .won): return .won
        case (.lost, _), (_, .lost): return .lost
        default: return .pending
        }
    }

    /// Whether `node` votes in either half.
    package func contains(_ node: NodeID) -> Bool {
        incoming.voters.contains(node) || outgoing.voters.contains(node)
    }
}

extension RaftConfiguration {
    /// Who decides while this configuration is in force.
    package var quorum: JointQuorum { JointQuorum(incoming: voters, outgoing: outgoingVoters) }
}
