// Pemba: the snapshots of one node: the current one, one being written, one being received.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// The folder of snapshots (rule W6).
///
/// The newest complete snapshot is the current one; an older one is removed only after the newer one is durable.
struct SnapshotStore<Files: FileSystem> {
    private let files: Files
    private let folder: String
    private let identity: StoreIdentity
    private let options: StoreOptions
    private(set) var current: StoredSnapshot<Files>?
    /// Why the newest snapshot could not be opened, if it could not.
    private(set) var loss: StorageError?
    private var writer: SnapshotWriter<Files>?
    private var receiver: SnapshotReceiver<Files>?

    /// Opens the newest snapshot and removes what a crash or an older snapshot left.
    init(opening folder: String, identity: StoreIdentity, options: StoreOptions, files: Files) throws(StorageError) {
        self.files = files
        self.folder = folder
        self.identity = identity
        self.options = options
        // A rename that a process before this one did not sync must be durable before the log relies on it.
        try files.syncFolder(folder)
        for index in try files.list(folder).compactMap(SnapshotFolder.snapshotIndex).sorted().reversed() {
            let name = SnapshotFolder.snapshotName(index)
            do throws(StorageError) {
                current = try StoredSnapshot(opening: path(name), index: index, identity: identity, files: files)
                break
            } catch {
                guard [.snapshotDamaged, .notFound, .deviceFailed].contains(error.code) else { throw error }
                loss = loss ?? error
                try setAside(index)
            }
        }
        try removeLeftovers()
    }

    /// The last index that the current snapshot covers.
    var currentIndex: LogIndex { current?.manifest.point.lastIndex ?? .zero }

    func close() {
        current?.close()
        writer?.close()
        receiver?.close()
    }
}

// Writing.
extension SnapshotStore {
    /// Begins a snapshot of this node's state; one that was being written is dropped.
    mutating func begin(_ point: SnapshotPoint) throws(StorageError) {
        try abort()
        guard point.lastIndex > currentIndex else {
            throw refusal(point.lastIndex, "the current snapshot ends at \(currentIndex)")
        }
        writer = try SnapshotWriter(
            point,
            folder: path(SnapshotFolder.writingName),
            identity: identity,
            syncBytes: options.snapshotSyncBytes,
            files: files
        )
    }

    /// Appends a block to the snapshot that was begun.
    mutating func write(_ raw: [UInt8]) throws(StorageError) {
        guard writer != nil else { preconditionFailure("no snapshot was begun") }
        try writer?.write(raw)
    }

    /// Makes the snapshot that was begun durable and the current one.
    mutating func finish() throws(StorageError) -> SnapshotManifest {
        guard let written = writer.take() else { preconditionFailure("no snapshot was begun") }
        guard written.point.lastIndex > currentIndex else {
            written.close()
            throw refusal(written.point.lastIndex, "the current snapshot ends at \(currentIndex)")
        }
        let manifest = try written.finish()
        try publish(SnapshotFolder.writingName, index: manifest.point.lastIndex)
        return manifest
    }

    /// Drops the snapshot that was begun, and what an earlier one left.
    mutating func abort() throws(StorageError) {
        if let unfinished = writer.take() { unfinished.close() }
        let writing = path(SnapshotFolder.writingName)
        if try files.isFolder(writing) { try files.removeFolderAndFiles(writing) }
    }
}

// Receiving.
extension SnapshotStore {
    /// Stores a block of the snapshot at `index`; false if it is none of it.
    ///
    /// Block 0, the manifest, comes first.
    mutating func storeReceived(_ index: LogIndex, number: UInt32, _ bytes: [UInt8]) throws(StorageError) -> Bool {
        guard number == 0 else {
            guard receiver?.manifest.point.lastIndex == index else { return false }
            return try receiver?.store(bytes, number: number) ?? false
        }
        guard index > currentIndex, let manifest = try? SnapshotManifest(decoding: bytes),
            manifest.point.lastIndex == index, manifest.cluster == identity.cluster, manifest.epoch == identity.epoch
        else { return false }
        if receiver?.manifest == manifest { return true }
        try dropReceiver(keeping: index)
        receiver = try SnapshotReceiver(
            manifest,
            manifestBytes: bytes,
            folder: path(SnapshotFolder.receivingName(index)),
            syncBytes: options.snapshotSyncBytes,
            files: files
        )
        return true
    }

    /// The number of the first block that is missing of the snapshot at `index`; nil if none is.
    func firstMissing(_ index: LogIndex) -> UInt32? {
        guard let receiver, receiver.manifest.point.lastIndex == index else { return 0 }
        return receiver.firstMissing
    }

    /// Verifies the received snapshot at `index`; after an error it is gone and may be received anew.
    mutating func verifyReceived(_ index: LogIndex) throws(StorageError) -> SnapshotManifest {
        guard let receiver, receiver.manifest.point.lastIndex == index, receiver.firstMissing == nil else {
            throw refusal(index, "not all of its blocks were received")
        }
        guard try receiver.verifyRoot() else {
            try dropReceiver(keeping: nil)
            throw refusal(index, "its content does not have the hash that its manifest names")
        }
        return receiver.manifest
    }

    /// Makes the verified snapshot durable and the current one.
    mutating func installReceived() throws(StorageError) {
        guard let received = receiver.take() else { preconditionFailure("no snapshot was received") }
        try received.finish()
        let index = received.manifest.point.lastIndex
        try publish(SnapshotFolder.receivingName(index), index: index)
    }

    private mutating func dropReceiver(keeping index: LogIndex?) throws(StorageError) {
        if let unfinished = receiver.take() { unfinished.close() }
        let kept = index.map(SnapshotFolder.receivingName)
        for name in try files.list(folder) where name.hasPrefix("receiving-") {
            if let kept, kept.utf8.elementsEqual(name.utf8) { continue }
            try files.removeFolderAndFiles(path(name))
        }
    }
}

// Folders.
extension SnapshotStore {
    private func path(_ name: String) -> String { folder + "/" + name }

    /// Gives a durable folder its final name, opens it, and then removes the snapshot before it.
    private mutating func publish(_ name: String, index: LogIndex) throws(StorageError) {
        let final = path(SnapshotFolder.snapshotName(index))
        try files.rename(path(name), to: final)
        if !planted("snapshot-name-not-synced") { try files.syncFolder(folder) }
        let next = try StoredSnapshot(opening: final, index: index, identity: identity, files: files)
        current?.close()
        current = next
        try removeLeftovers()
    }

    /// Removes everything but the current snapshot, one being written now, and a later one that is being received.
    private func removeLeftovers() throws(StorageError) {
        let receiving = SnapshotFolder.receivingName(currentIndex)
        for name in try files.list(folder) {
            if let index = SnapshotFolder.snapshotIndex(name) {
                if index == currentIndex { continue }
            } else if name.hasPrefix("receiving-") {
                // Same length and hexadecimal digits: the order of the names is the order of the indexes.
                if receiving.utf8.lexicographicallyPrecedes(name.utf8) { continue }
            } else if writer != nil || !name.utf8.elementsEqual(SnapshotFolder.writingName.utf8) {
                continue
            }
            try files.removeFolderAndFiles(path(name))
        }
    }

    /// Gives up the current snapshot, which is damaged, and keeps its files under another name.
    mutating func setCurrentAside() throws(StorageError) {
        guard let damaged = current.take() else { return }
        damaged.close()
        try setAside(damaged.manifest.point.lastIndex)
    }

    /// Removes what was set aside.
    func discardFaulty() throws(StorageError) {
        for name in try files.list(folder) where name.hasPrefix(LogFolder.faultyPrefix) {
            try files.removeFolderAndFiles(path(name))
        }
    }

    private func setAside(_ index: LogIndex) throws(StorageError) {
        let aside = path(LogFolder.faultyName(index.rawValue))
        if try files.isFolder(aside) { try files.removeFolderAndFiles(aside) }
        try files.rename(path(SnapshotFolder.snapshotName(index)), to: aside)
        try files.syncFolder(folder)
    }

    private func refusal(_ index: LogIndex, _ reason: String) -> StorageError {
        StorageError(
            .snapshotRefused,
            path: path(SnapshotFolder.snapshotName(index)),
            operation: "make a snapshot of",
            reason: reason,
            remedy: "the node goes on with the state it has"
        )
    }
}
