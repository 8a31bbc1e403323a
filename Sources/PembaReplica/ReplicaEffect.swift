// Pemba: what a replica asks its shell to do.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
package import PembaService

/// One thing for the shell to do, in the order in which the effects are listed.
///
/// The node and the simulator do them.
package enum ReplicaEffect: Sendable, Equatable {
    /// Write to the log and sync, in order of sequence; then step `.persisted`.
    case persist(PersistRequest)
    /// Hand to the link; may be lost.
    case send(to: NodeID, PeerMessage)
    /// Answer a client's command.
    case reply(RequestID, Result<CommandOutcome, ServiceError>)
    /// The read may be evaluated now, before anything else is applied.
    case readReady(RequestID)
    /// The read cannot be served.
    case readFailed(RequestID, ServiceError)
    /// The role, term or known leader changed.
    case leadership(RaftLeadership)
    /// Committed entries wait: call `applyCommitted` as soon as no evaluation is suspended.
    case applyPending
    /// Read stored blocks of this node's snapshot at `index` for a peer; then step `.snapshotBlocksRead`.
    case readSnapshotBlocks(for: NodeID, index: LogIndex, from: UInt32, count: UInt32)
    /// Write a received block beside the current snapshot; then step `.snapshotBlockStored`.
    case storeSnapshotBlock(index: LogIndex, number: UInt32, bytes: [UInt8])
    /// All blocks are stored: verify, sync, make it the current snapshot and drop the log before it; load its content
    /// with a `SnapshotLoader`; then call `Replica.install`, or step `.snapshotInstallFailed`.
    case installSnapshot(index: LogIndex)
    /// The log has grown enough: write a snapshot of the state at the applied index (`Replica.beginSnapshot`, then
    /// `nextSnapshotBlock` until nil); then step `.snapshotWritten` or `.snapshotNotWritten`.
    case writeSnapshot
    /// This node's state is not that of the others: from here on it refuses reads and writes.
    case quarantined(Quarantine)
    /// The stored log up to `index` is covered by a durable snapshot and may be deleted.
    case compactLog(upTo: LogIndex)
    /// Another configuration is in force: these are the members from here on, and there they are reached.
    case configuration(RaftConfiguration)
    /// The configuration at this entry removed this node, which takes part in nothing any more.
    case removed(at: LogIndex)
}

/// What a command did.
package enum CommandOutcome: Sendable, Equatable {
    /// A session was opened; its id.
    case sessionOpened(UInt64)
    /// Tuples were written; the revision that first holds them, and how many that changed.
    case written(Revision, WriteCounts)
    /// The schema was replaced; the revision that first has it.
    case schemaWritten(Revision)
    /// Tuples were removed; the revision, how many, and after which place there may be more.
    ///
    /// Behind a reference, as client sessions keep many outcomes and few are of this size.
    indirect case deleted(Revision, count: UInt64, next: RelationTuple?)
    /// A relation was set; the revision, how many tuples that changed, and which, in the order of reads.
    ///
    /// What is repeated to a client session may have the counts alone (`SetAnswer.changes`).
    case set(Revision, WriteCounts, changes: [TupleUpdate])
    /// Tuples were imported; the revision, how many were not there before, and how many were.
    case imported(Revision, created: UInt64, existing: UInt64)

    /// Whether it is what a command of this kind does.
    func isAnswer(to command: ClientCommand) -> Bool {
        switch (self, command) {
        case (.sessionOpened, .openSession), (.written, .write), (.schemaWritten, .writeSchema), (.deleted, .delete),
            (.set, .set), (.imported, .importTuples):
            true
        default: false
        }
    }
}
