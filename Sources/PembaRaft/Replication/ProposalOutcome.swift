// Pemba: what became of a proposal.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What `RaftCore.propose` did: everything or nothing.
package enum ProposalOutcome: Sendable, Hashable {
    /// The commands stand in the leader's log from `first` on, in order. Whether they will be committed is not known:
    /// they are if the entry that is committed at their index has this term.
    case appended(first: LogIndex, term: Term)
    /// This node does not lead; `leader` does, as far as it knows.
    case notLeader(leader: NodeID?)
    /// Too many bytes wait for a quorum.
    case overloaded
    /// Leadership is being handed over.
    case transferring
}
