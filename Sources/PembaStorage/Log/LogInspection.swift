// Pemba: reading the log's files at start, without changing any of them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// What the segments of a log hold, and what is to become of each.
struct LogInspection {
    /// A segment that stays, and where its batches end.
    struct Kept {
        var id: UInt64
        var end: Int
        /// Something other than zeros follows its batches.
        var isDirty: Bool
    }

    /// The log as far as it can be relied on.
    var replay: LogReplay
    /// The last segment that stays, which is to take appends; nil: none does.
    var active: Kept?
    /// Segments that nobody needs: a snapshot covers what they hold.
    var unneeded: [UInt64] = []
    /// Segments that are to be set aside, because the log cannot be followed to them; ascending.
    var faulty: [UInt64] = []
    /// What a crash has torn off, in words.
    var truncation: String?
    /// What no crash can have done, if it costs entries.
    var damage: StorageDamage?
    /// How the log and the snapshot fit together.
    var fit: LogFit = .continues
    /// The highest number of a segment that was found.
    var lastID: UInt64 = 0
}

/// Reads segments, one in memory at a time.
struct LogInspector<Files: FileSystem> {
    let files: Files
    let folder: String
    let identity: StoreIdentity
    let snapshotIndex: LogIndex
    let snapshotTerm: Term
    /// Why there is no snapshot although there should be one.
    let snapshotLoss: StorageError?

    /// The first thing that is wrong: in the segment at `place`, of which everything before `end` is good (nil: nothing).
    private struct Fault {
        var place: Int
        var end: Int?
        var kind: LogDebt.Kind
        var path: String
        var offset: Int?
        var reason: String
    }

    /// Follows the log from segment to segment as far as it goes.
    ///
    /// Where it breaks among entries that the snapshot covers, it is taken up again behind the break: nothing is lost then.
    func inspect(_ ids: [UInt64], hardState: HardState) throws(StorageError) -> LogInspection {
        var start = 0
        while true {
            var inspection = LogInspection(replay: LogReplay(identity: identity, floor: snapshotIndex))
            inspection.lastID = ids.last ?? 0
            let fault = try follow(ids, from: start, &inspection)
            if let fault, let next = resumption(after: fault, in: ids, startedAt: start) {
                start = next
                continue
            }
            inspection.unneeded = Array(ids[..<start])
            if let fault { note(fault, ids, &inspection) }
            try judgeFit(ids, hardState: hardState, &inspection)
            return inspection
        }
    }

    private func follow(
        _ ids: [UInt64],
        from start: Int,
        _ inspection: inout LogInspection
    ) throws(StorageError) -> Fault? {
        for place in ids.indices where place >= start {
            let (id, path) = (ids[place], path(ids[place]))
            if place > start, id != ids[place - 1] + 1 {
                let missing = self.path(ids[place - 1] + 1)
                return Fault(place: place, end: nil, kind: .range, path: missing, reason: "the segment is missing")
            }
            let bytes: [UInt8]
            do throws(StorageError) {
                bytes = try read(id, isLast: place == ids.count - 1)
            } catch {
                guard error.code == .deviceFailed else { throw error }
                return Fault(place: place, end: nil, kind: .range, path: path, reason: "it cannot be read")
            }
            let isLast = place == ids.count - 1
            let verdict = bytes.withUnsafeBytes { inspection.replay.replay($0, id: id, isLast: isLast) }
            switch verdict {
            case .complete(let end): inspection.active = LogInspection.Kept(id: id, end: end, isDirty: false)
            case .torn(let end, let reason):
                inspection.active = LogInspection.Kept(id: id, end: end, isDirty: true)
                if isLast { inspection.truncation = "\(path) at byte \(end): \(reason)" }
            case .suspicious(let end, let offset, let reason):
                inspection.active = LogInspection.Kept(id: id, end: end, isDirty: true)
                return Fault(place: place, end: end, kind: .tail, path: path, offset: offset, reason: reason)
            case .damaged(let end, let offset, let reason):
                if let end { inspection.active = LogInspection.Kept(id: id, end: end, isDirty: true) }
                return Fault(place: place, end: end, kind: .range, path: path, offset: offset, reason: reason)
            case .foreign(let reason): throw refusal(path, reason)
            case .unreadable(let offset, let reason): throw unreadable(path, offset, reason)
            }
        }
        return nil
    }

    /// Where the log goes on behind a break, if the snapshot covers everything before that.
    private func resumption(after fault: Fault, in ids: [UInt64], startedAt start: Int) -> Int? {
        // A segment that does not follow the one before it may be whole itself.
        let candidates = fault.end == nil && fault.place > start ? [fault.place, fault.place + 1] : [fault.place + 1]
        for place in candidates where place < ids.count {
            guard let bytes = try? read(ids[place], isLast: false, count: SegmentHeader.bytes),
                case .success(let header) = bytes.withUnsafeBytes({ SegmentHeader.read($0) }), header.id == ids[place]
            else { continue }
            if header.firstIndex <= snapshotIndex.next { return place }
        }
        return nil
    }

    private func note(_ fault: Fault, _ ids: [UInt64], _ inspection: inout LogInspection) {
        let firstFaulty = fault.end == nil ? fault.place : fault.place + 1
        inspection.faulty = Array(ids[firstFaulty...])
        inspection.damage = StorageDamage(
            kind: fault.kind,
            path: fault.path,
            offset: fault.offset,
            reason: fault.reason,
            keptThrough: max(inspection.replay.extent?.last ?? .zero, snapshotIndex)
        )
    }

    /// Compares what was found with the snapshot and the term; a log that does not meet its snapshot is lost as a whole.
    private func judgeFit(
        _ ids: [UInt64],
        hardState: HardState,
        _ inspection: inout LogInspection
    ) throws(StorageError) {
        let replay = inspection.replay
        guard max(replay.highestTerm, snapshotTerm) <= hardState.term else {
            throw refusal(
                folder,
                "it has entries of term \(max(replay.highestTerm, snapshotTerm)), and the vote file only knows "
                    + "\(hardState.term)"
            )
        }
        inspection.fit = replay.fit(snapshotIndex: snapshotIndex, term: snapshotTerm)
        guard case .damaged(let reason) = inspection.fit else { return }
        inspection.faulty = ids.filter { !inspection.unneeded.contains($0) }
        inspection.active = nil
        // Where nothing precedes the damage that was found, it is what is to be told.
        if inspection.damage == nil || replay.extent != nil {
            inspection.damage = StorageDamage(
                kind: .range,
                path: snapshotLoss?.path ?? folder,
                offset: snapshotLoss?.offset,
                reason: snapshotLoss?.reason ?? reason,
                keptThrough: snapshotIndex
            )
        }
        inspection.damage?.kind = .range
    }

    /// The bytes of a segment.
    ///
    /// What a process before this one wrote to the last one may not be durable yet; what it failed to sync is not on disk.
    private func read(_ id: UInt64, isLast: Bool, count: Int? = nil) throws(StorageError) -> [UInt8] {
        let handle = try files.open(path(id), forWriting: isLast)
        defer { files.close(handle) }
        if isLast, !planted("trusts-page-cache") {
            try files.sync(handle)
            try files.discardCache(handle)
        }
        let size = try files.size(handle)
        return try files.bytes(handle, at: 0, count: min(count ?? size, size))
    }

    private func path(_ id: UInt64) -> String { folder + "/" + LogFolder.segmentName(id) }

    private func refusal(_ path: String, _ reason: String) -> StorageError {
        StorageError(
            .logDamaged,
            path: path,
            operation: "recover the log from",
            reason: reason,
            remedy:
                "files of this folder were exchanged or taken from an older copy, and what the node promised is not "
                + "known any more: keep a copy of the folder and replace the node by a new one with an empty folder"
        )
    }

    private func unreadable(_ path: String, _ offset: Int, _ reason: String) -> StorageError {
        StorageError(
            .unsupportedVersion,
            path: path,
            offset: offset,
            operation: "read the log segment",
            reason: reason,
            remedy: "start the newer version of the program that wrote it"
        )
    }
}
