// Pemba: the log on disk, open for appending.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// The segments of a log, of which the last takes appends (rules W2 and W3).
///
/// Invariants: everything before `position` of the active segment is durable and everything after it zero; the segment
/// numbers have no gap; a name `segment-…` only ever stands for a file whose header is durable.
struct SegmentedLog<Files: FileSystem> {
    private struct Sealed {
        var id: UInt64
        var firstIndex: LogIndex
    }

    private struct Spare {
        let handle: FileHandle
        /// Bytes of zeros that are durable.
        var filled: Int
    }

    private let files: Files
    private let folder: String
    private let identity: StoreIdentity
    private let options: StoreOptions
    /// The segments before the active one, ascending.
    private var sealed: [Sealed]
    private var active: FileHandle
    private var header: SegmentHeader
    /// Where the next batch goes: a multiple of the page size.
    private var position: Int
    private var chain: UInt64
    private var nextSequence: UInt64
    private var spare: Spare?
    /// Whether a write to the log was begun and not ended: after an error it must not be tried again, because what a first
    /// try has left would be taken for damage.
    private(set) var isMidway = false
    /// All entries of the log.
    private(set) var extent: LogExtent

    /// Takes over a log that was recovered and cleaned up: `handle` is the last segment, whose batches end at `position`.
    init(files: Files, folder: String, options: StoreOptions, replay: LogReplay, handle: FileHandle, position: Int) {
        guard let header = replay.segments.last, let extent = replay.extent else {
            preconditionFailure("a log without segments cannot be appended to")
        }
        self.files = files
        self.folder = folder
        self.identity = header.identity
        self.options = options
        self.sealed = replay.segments.dropLast().map { Sealed(id: $0.id, firstIndex: $0.firstIndex) }
        self.active = handle
        self.header = header
        self.position = position
        self.chain = replay.chain
        self.nextSequence = replay.nextSequence
        self.extent = extent
    }

    /// Makes the first segment of a log that begins at index 1, or after a snapshot that ends at (`index`, `term`) where
    /// nothing can be used of the segments up to `id`.
    init(
        creating folder: String,
        files: Files,
        identity: StoreIdentity,
        options: StoreOptions,
        id: UInt64 = 1,
        after index: LogIndex = .zero,
        term: Term = .zero
    ) throws(StorageError) {
        self.files = files
        self.folder = folder
        self.identity = identity
        self.options = options
        sealed = []
        position = SegmentHeader.bytes
        chain = 0
        nextSequence = 1
        extent = LogExtent(start: index.next, termBefore: term)
        let file = try files.create(folder + "/" + LogFolder.spareName)
        active = file
        let capacity = options.fillStepBytes
        header = SegmentHeader(
            id: id,
            capacity: UInt64(capacity),
            identity: identity,
            firstIndex: index.next,
            previousTerm: term,
            firstSequence: 1,
            previousChain: 0,
            restartsLog: id > 1
        )
        try files.writeZeros(file, at: 0, count: capacity)
        try publish(file, header)
    }

    /// Closes the files.
    func close() {
        files.close(active)
        if let spare { files.close(spare.handle) }
    }

    /// The numbers of the segments before the active one, ascending.
    var sealedSegments: [UInt64] { sealed.map(\.id) }

    /// Where segment `id` is.
    func path(_ id: UInt64) -> String { folder + "/" + LogFolder.segmentName(id) }

    /// How many segments there are, the active one included.
    var segmentCount: Int { sealed.count + 1 }
}

// Appending.
extension SegmentedLog {
    /// Appends entries without gaps and syncs them, in one batch unless they are very many.
    ///
    /// What is in the log from the first index on is replaced.
    ///
    /// An error with the code `noSpace` may be thrown before anything of the next batch is written: then the log is as it was.
    mutating func append(_ entries: ArraySlice<LogEntry>) throws(StorageError) {
        var rest = entries
        while let first = rest.first {
            precondition(first.index <= extent.last.next, "entry \(first.index) leaves a gap after \(extent.last)")
            var count = 0
            var bytes = 0
            for entry in rest {
                bytes += BatchCodec.rawBytes(entry)
                if count > 0 && bytes > options.batchBytes { break }
                count += 1
            }
            try appendBatch(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
    }

    private mutating func appendBatch(_ entries: ArraySlice<LogEntry>) throws(StorageError) {
        guard let first = entries.first else { return }
        var batch = encode(entries)
        if position + batch.bytes.count > Int(header.capacity) {
            try reserve(batch.bytes.count)
            let before = extent.term(at: first.index.previous) ?? .zero
            try rotate(firstIndex: first.index, previousTerm: before, restartsLog: false)
            batch = encode(entries)
        }
        isMidway = true
        try files.write(active, batch.bytes, at: position)
        if planted("retries-failed-sync") { try? files.sync(active) }
        if !planted("acknowledges-before-sync") { try files.sync(active) }
        isMidway = false
        position += batch.bytes.count
        chain = batch.chain
        nextSequence += 1
        for entry in entries { extent.append(entry.index, term: entry.term) }
    }

    private func encode(_ entries: ArraySlice<LogEntry>) -> EncodedBatch {
        BatchCodec.encode(entries, segment: header.id, sequence: nextSequence, previousChain: chain)
    }
}

// Segments.
extension SegmentedLog {
    /// Fills the next segment by one step, ahead of need: the further the active one is used up, the more.
    ///
    /// Returns whether more is to be done now.
    mutating func fillAhead() throws(StorageError) -> Bool {
        let target = min(options.segmentBytes, max(options.fillStepBytes, 2 * position))
        if (spare?.filled ?? 0) < target { try fillStep() }
        return (spare?.filled ?? 0) < target
    }

    /// Sees to it that the next segment has room for a batch of `bytes`.
    ///
    /// A segment that is needed before it is filled becomes a shorter one.
    mutating func reserve(_ bytes: Int) throws(StorageError) {
        while (spare?.filled ?? 0) < SegmentHeader.bytes + bytes { try fillStep() }
    }

    /// Begins the log anew after a snapshot that ends at (`index`, `term`).
    ///
    /// Requires `reserve`.
    mutating func restart(after index: LogIndex, term: Term) throws(StorageError) {
        try rotate(firstIndex: index.next, previousTerm: term, restartsLog: true)
        extent = LogExtent(start: index.next, termBefore: term)
    }

    /// Deletes the segments without which the log still holds everything after `index`.
    mutating func compact(upTo index: LogIndex) throws(StorageError) {
        guard !sealed.isEmpty else { return }
        let following = sealed.dropFirst().map(\.firstIndex) + [header.firstIndex]
        guard let last = following.lastIndex(where: { $0 <= index.next }) else { return }
        for _ in 0...last {
            // One name at a time: a crash never leaves a gap in the numbers.
            try files.remove(folder + "/" + LogFolder.segmentName(sealed[0].id))
            try files.syncFolder(folder)
            sealed.removeFirst()
        }
        extent.dropPrefix(before: following[last])
    }

    private mutating func fillStep() throws(StorageError) {
        var next: Spare
        if let spare {
            next = spare
        } else {
            next = Spare(handle: try files.create(folder + "/" + LogFolder.spareName), filled: 0)
            spare = next
        }
        try files.writeZeros(next.handle, at: next.filled, count: options.fillStepBytes)
        try files.sync(next.handle)
        next.filled += options.fillStepBytes
        spare = next
    }

    private mutating func rotate(firstIndex: LogIndex, previousTerm: Term, restartsLog: Bool) throws(StorageError) {
        guard let next = spare else { preconditionFailure("the next segment was not reserved") }
        let nextHeader = SegmentHeader(
            id: header.id + 1,
            capacity: UInt64(next.filled),
            identity: identity,
            firstIndex: firstIndex,
            previousTerm: previousTerm,
            firstSequence: nextSequence,
            previousChain: chain,
            restartsLog: restartsLog
        )
        isMidway = true
        spare = nil
        try publish(next.handle, nextHeader)
        isMidway = false
        files.close(active)
        sealed.append(Sealed(id: header.id, firstIndex: header.firstIndex))
        active = next.handle
        header = nextHeader
        position = SegmentHeader.bytes
    }

    /// Turns the zero-filled spare file into a segment: its header is durable before it has its name.
    private func publish(_ file: FileHandle, _ header: SegmentHeader) throws(StorageError) {
        try files.write(file, header.encoded(), at: 0)
        if !planted("names-before-sync") { try files.sync(file) }
        try files.rename(folder + "/" + LogFolder.spareName, to: folder + "/" + LogFolder.segmentName(header.id))
        if !planted("segment-name-not-synced") { try files.syncFolder(folder) }
    }
}
