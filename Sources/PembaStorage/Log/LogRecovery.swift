// Pemba: making a log of what was found that can be appended to.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// What recovery found in the log.
struct RecoveredLog<Files: FileSystem> {
    /// The log, open for appending.
    var log: SegmentedLog<Files>
    /// The entries after the snapshot.
    var entries: [LogEntry]
}

/// Cleans up after crashes and damage, by what a `LogInspector` has found.
///
/// What is damaged is set aside as it is, under names that begin with `damaged-`, until the node has everything again from
/// others (`discardFaulty`). Every step can be interrupted: the next start finds the same damage, or what is left of it,
/// and the debt for it is durable already.
struct LogRecovery<Files: FileSystem> {
    let files: Files
    let folder: String
    let identity: StoreIdentity
    let options: StoreOptions

    /// The segment numbers, ascending.
    ///
    /// Removes the spare file, whose content nobody knows.
    func segments() throws(StorageError) -> [UInt64] {
        let names = try files.list(folder)
        if names.contains(where: { $0.utf8.elementsEqual(LogFolder.spareName.utf8) }) {
            try files.remove(folder + "/" + LogFolder.spareName)
        }
        // Names that a process before this one has made or removed become durable before anything is built on them.
        try files.syncFolder(folder)
        return names.compactMap(LogFolder.segmentID).sorted()
    }

    /// Truncates a torn tail, sets damaged segments aside, and begins the log anew where a snapshot took its place.
    func open(
        _ inspection: LogInspection,
        after index: LogIndex,
        term: Term
    ) throws(StorageError) -> RecoveredLog<Files> {
        try setAside(inspection.faulty)
        for id in inspection.unneeded {
            try files.remove(path(id))
            try files.syncFolder(folder)
        }
        guard let active = inspection.active else {
            let log = try SegmentedLog(
                creating: folder,
                files: files,
                identity: identity,
                options: options,
                id: inspection.lastID + 1,
                after: index,
                term: term
            )
            return RecoveredLog(log: log, entries: [])
        }
        let handle = try files.open(path(active.id), forWriting: true)
        do throws(StorageError) {
            if active.isDirty {
                try cutOff(active, handle, keepsCopy: inspection.damage != nil)
            }
        } catch {
            files.close(handle)
            throw error
        }
        var replay = inspection.replay
        if inspection.fit == .restarts { replay.forgetEntries() }
        var log = SegmentedLog(
            files: files,
            folder: folder,
            options: options,
            replay: replay,
            handle: handle,
            position: active.end
        )
        if inspection.fit == .restarts {
            try log.reserve(0)
            try log.restart(after: index, term: term)
        }
        return RecoveredLog(log: log, entries: replay.entries)
    }

    /// Gives segments (ascending) another name.
    func setAside(_ ids: [UInt64]) throws(StorageError) {
        for id in ids.reversed() {
            // The last one first: a crash in between leaves no gap in the numbers.
            try files.rename(path(id), to: faultyPath(id))
            try files.syncFolder(folder)
        }
    }

    /// Removes what was set aside.
    func discardFaulty() throws(StorageError) {
        for name in try files.list(folder) where name.hasPrefix(LogFolder.faultyPrefix) {
            try files.remove(folder + "/" + name)
        }
    }

    /// Fills everything after the batches of a segment with zeros again.
    private func cutOff(_ active: LogInspection.Kept, _ handle: FileHandle, keepsCopy: Bool) throws(StorageError) {
        let size = try files.size(handle)
        let rest = try files.bytes(handle, at: active.end, count: size - active.end)
        let dirty = (rest.lastIndex { $0 != 0 } ?? -1) + 1
        if keepsCopy {
            let copyPath = faultyPath(active.id)
            if try files.list(folder).contains(where: { $0.utf8.elementsEqual(LogFolder.faultyName(active.id).utf8) }) {
                try files.remove(copyPath)
            }
            let copy = try files.create(copyPath)
            defer { files.close(copy) }
            try files.write(copy, try files.bytes(handle, at: 0, count: size), at: 0)
            try files.sync(copy)
            try files.syncFolder(folder)
        }
        try files.writeZeros(handle, at: active.end, count: dirty)
        try files.sync(handle)
    }

    private func path(_ id: UInt64) -> String { folder + "/" + LogFolder.segmentName(id) }

    private func faultyPath(_ id: UInt64) -> String { folder + "/" + LogFolder.faultyName(id) }
}
