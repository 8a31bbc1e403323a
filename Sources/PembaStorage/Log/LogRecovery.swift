// Pemba: reading the log's files at start and cleaning up after a crash.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// What recovery found in the log.
struct RecoveredLog<Files: FileSystem> {
    /// The log, open for appending.
    var log: SegmentedLog<Files>
    /// The entries after the snapshot.
    var entries: [LogEntry]
    /// What was cut off, in words; nil if nothing was.
    var truncation: String?
}

/// Applies `LogReplay` to files.
///
/// One segment is in memory at a time.
struct LogRecovery<Files: FileSystem> {
    let files: Files
    let folder: String
    let identity: StoreIdentity
    let options: StoreOptions

    /// Reads all segments, truncates a torn tail, and begins the log anew where a snapshot took its place.
    func recover(snapshot: SnapshotManifest?, hardState: HardState) throws(StorageError) -> RecoveredLog<Files> {
        let ids = try segments()
        let index = snapshot?.point.lastIndex ?? .zero
        let term = snapshot?.point.lastTerm ?? .zero
        var replay = LogReplay(identity: identity, floor: index)
        var truncation: String?
        var last: (handle: FileHandle, position: Int)?
        for id in ids {
            let handle = try files.open(path(id), forWriting: id == ids.last)
            do throws(StorageError) {
                let end = try self.replay(id, of: ids, handle, into: &replay, &truncation)
                if id == ids.last { last = (handle, end) } else { files.close(handle) }
            } catch {
                files.close(handle)
                throw error
            }
        }
        guard let last else { throw damage(folder, nil, "there are no log segments") }
        let fit = replay.fit(snapshotIndex: index, term: term, hardState: hardState)
        if case .damaged(let reason) = fit {
            files.close(last.handle)
            throw damage(folder, nil, reason)
        }
        if fit == .restarts { replay.forgetEntries() }
        var log = SegmentedLog(
            files: files,
            folder: folder,
            options: options,
            replay: replay,
            handle: last.handle,
            position: last.position
        )
        if fit == .restarts {
            try log.reserve(0)
            try log.restart(after: index, term: term)
        }
        return RecoveredLog(log: log, entries: replay.entries, truncation: truncation)
    }

    /// The segment numbers, ascending and without gaps.
    ///
    /// Removes the spare file, whose content nobody knows.
    private func segments() throws(StorageError) -> [UInt64] {
        let names = try files.list(folder)
        if names.contains(where: { $0.utf8.elementsEqual(LogFolder.spareName.utf8) }) {
            try files.remove(folder + "/" + LogFolder.spareName)
        }
        // Names that a process before this one has made or removed become durable before anything is built on them.
        try files.syncFolder(folder)
        let ids = names.compactMap(LogFolder.segmentID).sorted()
        for (id, next) in zip(ids, ids.dropFirst()) where next != id + 1 {
            throw damage(path(id + 1), nil, "the segment is missing between others")
        }
        return ids
    }

    /// Replays one segment; returns where its batches end.
    private func replay(
        _ id: UInt64,
        of ids: [UInt64],
        _ handle: FileHandle,
        into replay: inout LogReplay,
        _ truncation: inout String?
    ) throws(StorageError) -> Int {
        let isLast = id == ids.last
        if isLast {
            // What a process before this one wrote may not be durable yet; what it failed to sync is not on disk.
            try files.sync(handle)
            try files.discardCache(handle)
        }
        let bytes = try files.bytes(handle, at: 0, count: try files.size(handle))
        let verdict = bytes.withUnsafeBytes { replay.replay($0, id: id, isLast: isLast) }
        switch verdict {
        case .complete(let end):
            return end
        case .torn(let end, let dirtyEnd, let reason):
            try files.writeZeros(handle, at: end, count: dirtyEnd - end)
            try files.sync(handle)
            truncation = "\(path(id)) at byte \(end): \(reason)"
            return end
        case .damaged(let offset, let reason):
            throw damage(path(id), offset, reason)
        case .unknownVersion(let version):
            throw StorageError(
                .unsupportedVersion,
                path: path(id),
                operation: "read the log segment",
                reason: "it has version \(version), and this program knows version \(SegmentHeader.version)",
                remedy: "start the newer version of the program that wrote it"
            )
        }
    }

    private func path(_ id: UInt64) -> String { folder + "/" + LogFolder.segmentName(id) }

    private func damage(_ path: String, _ offset: Int?, _ reason: String) -> StorageError {
        StorageError(
            .logDamaged,
            path: path,
            offset: offset,
            operation: "recover the log from",
            reason: reason,
            remedy: "a crash cannot have done this, and what the node acknowledged may be lost: "
                + "keep a copy of the folder and replace the node by a new one with an empty data folder"
        )
    }
}
