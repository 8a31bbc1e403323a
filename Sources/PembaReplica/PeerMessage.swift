// Pemba: everything that nodes say to each other.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
package import PembaService

/// One message between two nodes.
///
/// `PembaWire` encodes it. Raft's own, and what the replica adds around Raft.
package enum PeerMessage: Sendable, Equatable {
    /// Consensus.
    case raft(RaftMessage)
    /// Proposals of the sender's clients, for the receiver to append if it leads in `term`. Each is an encoded
    /// `Proposal`, which carries its origin: the origin answers its client when it applies the entry, so success needs
    /// no message. The term and the ascending request numbers keep a message that arrives twice from being done twice.
    case forwardProposals(term: Term, [[UInt8]])
    /// The proposal `request` of the receiver was not appended, for this reason: nothing was done.
    case proposalRefused(request: UInt64, error: ServiceError)
    /// Asks for `count` blocks of the snapshot at `index` from number `from` on; block 0 is the manifest. Sent again from
    /// where it stopped after any break, so that a transfer resumes.
    case fetchSnapshot(index: LogIndex, from: UInt32, count: UInt32)
    /// Block `number` of `total` (the manifest counts) of a snapshot as it stands on disk: framed, compressed, checksummed.
    case snapshotBlock(index: LogIndex, number: UInt32, total: UInt32, bytes: [UInt8])
    /// The snapshot at `index` is not there (any more).
    case snapshotUnavailable(index: LogIndex)
}
