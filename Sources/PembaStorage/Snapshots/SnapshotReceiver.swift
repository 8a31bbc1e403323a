// Pemba: receiving a snapshot from a peer, block by block.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A snapshot that is being received.
///
/// Blocks may come in any order and more than once; after a restart those that are on disk and whole need not come
/// again.
struct SnapshotReceiver<Files: FileSystem> {
    /// What is being received.
    let manifest: SnapshotManifest
    private let files: Files
    private let folder: String
    private let syncBytes: Int
    private let handle: FileHandle
    private let offsets: [Int]
    private var isStored: [Bool]
    private var unsyncedBytes = 0

    /// Begins to receive into a new folder, or goes on in one whose manifest is the same.
    init(
        _ manifest: SnapshotManifest,
        manifestBytes: [UInt8],
        folder: String,
        syncBytes: Int,
        files: Files
    ) throws(StorageError) {
        self.manifest = manifest
        self.files = files
        self.folder = folder
        self.syncBytes = syncBytes
        offsets = SnapshotManifest.offsets(of: manifest.blocks)
        isStored = Array(repeating: false, count: manifest.blocks.count)
        let goesOn = try SnapshotReceiver.holds(manifestBytes, folder: folder, files: files)
        if goesOn {
            handle = try files.open(folder + "/" + SnapshotFolder.blocksName, forWriting: true)
            // A process before this one may have failed to sync: what counts is on disk, not in the cache.
            try files.sync(handle)
            try files.discardCache(handle)
            for number in 1...UInt32(max(1, manifest.blocks.count)) where number <= manifest.blockCount {
                isStored[Int(number) - 1] = try isWhole(number)
            }
        } else {
            if try files.isFolder(folder) { try files.removeFolderAndFiles(folder) }
            try files.createFolder(folder)
            handle = try files.create(folder + "/" + SnapshotFolder.blocksName)
            let manifestHandle = try files.create(folder + "/" + SnapshotFolder.manifestName)
            defer { files.close(manifestHandle) }
            try files.write(manifestHandle, manifestBytes, at: 0)
            try files.sync(manifestHandle)
            try files.syncFolder(folder)
        }
    }

    /// The lowest number of a block that is missing; nil if none is.
    var firstMissing: UInt32? { isStored.firstIndex(of: false).map { UInt32($0) + 1 } }

    /// Stores block `number` (from 1); false if it is not the block that the manifest describes.
    mutating func store(_ bytes: [UInt8], number: UInt32) throws(StorageError) -> Bool {
        guard number >= 1, number <= manifest.blockCount else { return false }
        let position = Int(number) - 1
        guard SnapshotBlock.matches(bytes, number: number, entry: manifest.blocks[position]) else { return false }
        if isStored[position] { return true }
        try files.write(handle, bytes, at: offsets[position])
        isStored[position] = true
        unsyncedBytes += bytes.count
        if unsyncedBytes >= syncBytes {
            try files.sync(handle)
            unsyncedBytes = 0
        }
        return true
    }

    /// Whether the content of all blocks has the root that the manifest names.
    ///
    /// Requires that none is missing.
    func verifyRoot() throws(StorageError) -> Bool {
        var digests = SHA256Digests()
        for (position, entry) in manifest.blocks.enumerated() {
            let bytes = try files.bytes(handle, at: offsets[position], count: entry.storedBytes)
            guard let raw = try? SnapshotBlock.decode(bytes, number: UInt32(position) + 1, entry: entry) else {
                return false
            }
            digests.add(raw)
        }
        return digests.root() == manifest.root
    }

    /// Makes all of it durable in its folder and closes it.
    func finish() throws(StorageError) {
        try files.sync(handle)
        try files.syncFolder(folder)
        files.close(handle)
    }

    /// Ends the receiving; the folder stays.
    func close() { files.close(handle) }

    private func isWhole(_ number: UInt32) throws(StorageError) -> Bool {
        let entry = manifest.blocks[Int(number) - 1]
        let bytes = try files.bytes(handle, at: offsets[Int(number) - 1], count: entry.storedBytes)
        return SnapshotBlock.matches(bytes, number: number, entry: entry)
    }

    /// Whether `folder` has both files and this manifest.
    private static func holds(_ manifest: [UInt8], folder: String, files: Files) throws(StorageError) -> Bool {
        guard try files.isFolder(folder) else { return false }
        let names = try files.list(folder)
        let expected = [SnapshotFolder.blocksName, SnapshotFolder.manifestName]
        guard names.elementsEqual(expected, by: { $0.utf8.elementsEqual($1.utf8) }) else { return false }
        let handle = try files.open(folder + "/" + SnapshotFolder.manifestName, forWriting: false)
        defer { files.close(handle) }
        try files.sync(handle)
        try files.discardCache(handle)
        return try files.bytes(handle, at: 0, count: manifest.count + 1) == manifest
    }
}
