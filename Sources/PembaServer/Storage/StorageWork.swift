// Pemba: what the loop asks of the storage thread and what it hears back.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
package import PembaReplica
package import PembaStorage

/// One piece of work for the storage thread.
package enum StorageWork: Sendable {
    /// Write and sync; submitted at this instant.
    case persist(PersistRequest, submitted: Instant)
    /// Delete the log up to here.
    case compact(upTo: LogIndex)
    /// Begin a snapshot of this node's own state.
    case beginSnapshot(SnapshotPoint)
    /// Write the next block of that snapshot.
    case writeSnapshotBlock([UInt8])
    /// All blocks are written: make it current.
    case finishSnapshot
    /// Read stored blocks of a snapshot for a peer.
    case readSnapshotBlocks(for: NodeID, index: LogIndex, from: UInt32, count: UInt32)
    /// Write a received block.
    case storeSnapshotBlock(index: LogIndex, number: UInt32, bytes: [UInt8])
    /// Verify a received snapshot, make it current and load it.
    case installSnapshot(index: LogIndex)
    /// Look how much room there is, and read this many bytes of what is stored again.
    case look(scrubBytes: Int)
    /// Sync, close and end the thread.
    case close
}

/// What the storage thread did.
package enum StorageEvent: Sendable {
    /// Everything up to this persist request is durable; the requests of the group were submitted at these instants,
    /// and writing and syncing took `sync`.
    case persisted(sequence: PersistSequence, lastIndex: LogIndex, lastTerm: Term, submitted: [Instant], sync: TimeSpan)
    /// A block of this node's snapshot is written: the next may come.
    case snapshotBlockWritten
    /// This node's snapshot is durable.
    case snapshotWritten(index: LogIndex, term: Term, blockCount: UInt32)
    /// This node's snapshot could not be written; what was written of it is gone.
    case snapshotNotWritten(StorageError)
    /// The answer to `readSnapshotBlocks`.
    case snapshotBlocksRead(for: NodeID, index: LogIndex, from: UInt32, blocks: [[UInt8]]?)
    /// The answer to `storeSnapshotBlock`: the first block that is missing after it, or nil if it was refused.
    case snapshotBlockStored(index: LogIndex, number: UInt32, missing: UInt32?)
    /// A received snapshot is current, and this is its state.
    case snapshotInstalled(index: LogIndex, LoadedSnapshot)
    /// A received snapshot was not what it should be.
    case snapshotInstallFailed(index: LogIndex, reason: String)
    /// The answer to `look`, or (`isAnswer` false) word of a write that found no room and is tried again.
    case space(DiskSpace, freeBytes: Int?, isAnswer: Bool)
    /// Something stored has rotted.
    case damaged(StorageError)
    /// The store is closed and the thread has ended.
    case closed
}
