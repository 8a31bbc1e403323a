// Pemba: the snapshots of a replica's store.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaRaft

// Snapshots of this node's own state.
extension ReplicaStore {
    /// The current snapshot.
    package var snapshot: SnapshotManifest? { snapshots.current?.manifest }

    /// Begins to write a snapshot of this node's state; one that was begun before is dropped.
    package func beginSnapshot(_ point: SnapshotPoint) throws(StorageError) {
        try perform { () throws(StorageError) in try snapshots.begin(point) }
    }

    /// Appends a block of at most `SnapshotBlock.rawBytesMax` bytes of content.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func writeSnapshotBlock(_ raw: [UInt8]) throws(StorageError) {
        try perform { () throws(StorageError) in try snapshots.write(raw) }
    }

    /// Makes the snapshot that was begun durable and the current one.
    ///
    /// The log stays until `compact`.
    ///
    /// Throws `snapshotRefused` if a later one was installed meanwhile.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func finishSnapshot() throws(StorageError) -> SnapshotManifest {
        try perform { () throws(StorageError) in
            let manifest = try snapshots.finish()
            // What was set aside and cost nothing is of no use any more.
            if superFile.record.hardState.debt == nil { try discardFaulty() }
            return manifest
        }
    }

    /// Drops the snapshot that was begun, if one was: also the way out after `noSpace`.
    package func abortSnapshot() throws(StorageError) {
        try perform { () throws(StorageError) in try snapshots.abort() }
    }
}

// Snapshots from and to other nodes.
extension ReplicaStore {
    /// At most `count` blocks of the current snapshot, as stored, from number `from` on; block 0 is the manifest.
    ///
    /// Nil if the current snapshot does not end at `index`; fewer at its end.
    package func readSnapshotBlocks(
        _ index: LogIndex,
        from: UInt32,
        count: UInt32
    ) throws(StorageError) -> [[UInt8]]? {
        try requireUsable()
        guard let current = snapshots.current, current.manifest.point.lastIndex == index else { return nil }
        let last = current.manifest.blockCount
        var blocks: [[UInt8]] = []
        var number = from
        while number <= last, UInt32(blocks.count) < count {
            blocks.append(try current.block(number))
            number += 1
        }
        return blocks
    }

    /// Stores a block of a snapshot that a peer sends; false if it is not what its manifest describes, or if the
    /// snapshot is not one that this node can use.
    ///
    /// Block 0 comes first; the others may come in any order, and again.
    package func storeReceivedBlock(
        _ index: LogIndex,
        number: UInt32,
        bytes: [UInt8]
    ) throws(StorageError) -> Bool {
        try perform { () throws(StorageError) in
            if number == 0, planted("drops-log-too-early") {
                try log.reserve(0)
                try log.restart(after: index, term: superFile.record.hardState.term)
            }
            return try snapshots.storeReceived(index, number: number, bytes)
        }
    }

    /// The first block of the snapshot at `index` that is still missing (0: not even the manifest came since this
    /// process started); nil if all are there.
    ///
    /// A transfer goes on from there.
    package func firstMissingBlock(_ index: LogIndex) -> UInt32? { snapshots.firstMissing(index) }

    /// Verifies the received snapshot, makes it durable and the current one, and drops the log that it replaces: all of
    /// it, unless the log agrees with the snapshot and goes on after it.
    ///
    /// Throws `snapshotRefused` if blocks are missing or the content does not have the hash of the manifest.
    package func installReceived(_ index: LogIndex) throws(StorageError) -> SnapshotManifest {
        try perform { () throws(StorageError) in
            let manifest = try snapshots.verifyReceived(index)
            let term = manifest.point.lastTerm
            guard term <= superFile.record.hardState.term else {
                throw StorageError(
                    .snapshotRefused,
                    path: folder,
                    operation: "install a snapshot in",
                    reason: "it is of term \(term), which this node has not seen",
                    remedy: "the node goes on with the state it has"
                )
            }
            let goesOn = log.extent.term(at: index) == term || planted("keeps-replaced-log")
            // Before the snapshot is the current one, so that a full disk changes nothing.
            if !goesOn { try log.reserve(0) }
            try snapshots.installReceived()
            if !goesOn { try log.restart(after: index, term: term) }
            try log.compact(upTo: index)
            return manifest
        }
    }

    /// The content of block `number` (from 1) of the current snapshot, decompressed and verified.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func snapshotPayload(_ number: UInt32) throws(StorageError) -> [UInt8] {
        try requireUsable()
        guard let current = snapshots.current, number >= 1, number <= current.manifest.blockCount else {
            preconditionFailure("there is no block \(number) in the current snapshot")
        }
        return try current.payload(number)
    }
}
