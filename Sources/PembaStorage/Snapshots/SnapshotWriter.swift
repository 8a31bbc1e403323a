// Pemba: writing a snapshot of this node's own state.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A snapshot that is being written, in a folder that recovery removes (rule W6).
struct SnapshotWriter<Files: FileSystem> {
    /// The state it will hold.
    let point: SnapshotPoint
    private let files: Files
    private let folder: String
    private let identity: StoreIdentity
    private let syncBytes: Int
    private let handle: FileHandle
    private var blocks: [SnapshotBlockEntry] = []
    private var digests = SHA256Digests()
    private var end = 0
    private var syncedEnd = 0

    /// Makes the folder and the file of blocks; nothing of that name may be there.
    init(
        _ point: SnapshotPoint,
        folder: String,
        identity: StoreIdentity,
        syncBytes: Int,
        files: Files
    ) throws(StorageError) {
        self.point = point
        self.files = files
        self.folder = folder
        self.identity = identity
        self.syncBytes = syncBytes
        try files.createFolder(folder)
        handle = try files.create(folder + "/" + SnapshotFolder.blocksName)
    }

    /// Appends one block of content.
    mutating func write(_ raw: [UInt8]) throws(StorageError) {
        guard blocks.count < SnapshotManifest.blocksMax else {
            throw StorageError(
                .snapshotRefused,
                path: folder,
                operation: "write the snapshot",
                reason: "it has more than \(SnapshotManifest.blocksMax) blocks",
                remedy: "the state is larger than this version can hold"
            )
        }
        let block = SnapshotBlock.encode(raw, number: UInt32(blocks.count) + 1)
        try files.write(handle, block.bytes, at: end)
        blocks.append(block.entry)
        digests.add(raw)
        end += block.bytes.count
        if end - syncedEnd >= syncBytes {
            // In pieces, so that the last sync does not stop the log for long.
            try files.sync(handle)
            syncedEnd = end
        }
    }

    /// Makes all of it durable in its folder.
    func finish() throws(StorageError) -> SnapshotManifest {
        let manifest = SnapshotManifest(
            cluster: identity.cluster,
            epoch: identity.epoch,
            point: point,
            blocks: blocks,
            root: digests.root()
        )
        if !planted("snapshot-not-synced") { try files.sync(handle) }
        files.close(handle)
        let manifestHandle = try files.create(folder + "/" + SnapshotFolder.manifestName)
        defer { files.close(manifestHandle) }
        try files.write(manifestHandle, manifest.encoded(), at: 0)
        try files.sync(manifestHandle)
        try files.syncFolder(folder)
        return manifest
    }

    /// Ends the writing; the folder is the caller's to remove.
    func close() { files.close(handle) }
}

/// The digests of a snapshot's blocks, of which the root is made.
struct SHA256Digests {
    private var digests: [UInt8] = []

    init() {}

    /// Adds the content of the next block.
    mutating func add(_ raw: [UInt8]) { digests.append(contentsOf: SHA256.digest(raw)) }

    /// SHA-256 over all digests in order.
    func root() -> [UInt8] { SHA256.digest(digests) }
}
