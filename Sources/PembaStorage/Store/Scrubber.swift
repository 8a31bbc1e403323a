// Pemba: reading again what was written long ago, before it is needed.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// Re-reads sealed segments and the current snapshot from the disk, a bounded piece at a time (rule W9).
///
/// Rot that is found while the node still has everything in memory costs nothing: it writes a new snapshot. Found at the
/// next start, it would have to be made good by others.
struct Scrubber {
    /// What is read next.
    private enum Place {
        /// The segment with this number, from its beginning or from a batch on.
        case segment(UInt64, SegmentCursor?)
        /// A block of the snapshot that ends at this index.
        case block(LogIndex, UInt32)
    }

    /// Where in a segment a batch should begin, and what it should say.
    private struct SegmentCursor {
        var offset: Int
        var sequence: UInt64
        var chain: UInt64
    }

    private var place = Place.segment(0, nil)
    /// How often everything was read.
    private(set) var rounds: UInt64 = 0

    /// Reads at most about `bytes` more; throws what it finds.
    mutating func step<Files: FileSystem>(
        _ store: ReplicaStore<Files>,
        bytes: Int
    ) throws(StorageError) {
        var left = bytes
        let round = rounds
        while left > 0, rounds == round {
            switch place {
            case .segment(let id, let cursor):
                guard let next = store.log.sealedSegments.first(where: { $0 >= id }) else {
                    place = .block(store.snapshots.currentIndex, 1)
                    continue
                }
                // Whatever is wrong with it, the next call goes on behind it.
                place = .segment(next + 1, nil)
                let rest = try read(next, from: next == id ? cursor : nil, store, &left)
                if let rest { place = .segment(next, rest) }
            case .block(let index, let number):
                place = .segment(0, nil)
                guard let current = store.snapshots.current, current.manifest.point.lastIndex == index,
                    number <= current.manifest.blockCount
                else {
                    rounds += 1
                    continue
                }
                place = .block(index, number + 1)
                left -= try current.scrub(number)
            }
        }
    }

    /// Reads batches of a segment; returns where to go on, nil at its end.
    private func read<Files: FileSystem>(
        _ id: UInt64,
        from start: SegmentCursor?,
        _ store: ReplicaStore<Files>,
        _ left: inout Int
    ) throws(StorageError) -> SegmentCursor? {
        let files = store.files
        let path = store.log.path(id)
        let handle = try files.open(path, forWriting: false)
        defer { files.close(handle) }
        try files.discardCache(handle)
        let size = try files.size(handle)
        var cursor: SegmentCursor
        if let start {
            cursor = start
        } else {
            let header = try files.bytes(handle, at: 0, count: SegmentHeader.bytes)
            guard case .success(let read) = header.withUnsafeBytes({ SegmentHeader.read($0) }), read.id == id else {
                throw Scrubber.finding(path, 0, "the header of the segment is damaged")
            }
            cursor = SegmentCursor(
                offset: SegmentHeader.bytes,
                sequence: read.firstSequence,
                chain: read.previousChain
            )
        }
        while left > 0 {
            guard cursor.offset + BatchFraming.pageBytes <= size else { return try end(of: id, cursor, store) }
            let page = try files.bytes(handle, at: cursor.offset, count: BatchFraming.pageBytes)
            left -= page.count
            guard let header = page.withUnsafeBytes({ BatchHeader.read($0) }) else {
                return try end(of: id, cursor, store)
            }
            let extent = try files.bytes(handle, at: cursor.offset, count: header.footprint)
            left -= extent.count
            guard header.footprint == extent.count,
                case .batch(let batch, _, let chain, _) = extent.withUnsafeBytes({ BatchCodec.read($0, at: 0) }),
                batch.sequence == cursor.sequence, batch.previousChain == cursor.chain
            else { throw Scrubber.finding(path, cursor.offset, "a batch is damaged") }
            cursor = SegmentCursor(
                offset: cursor.offset + extent.count,
                sequence: cursor.sequence + 1,
                chain: chain
            )
        }
        return cursor
    }

    /// The next segment knows where this one must end.
    private func end<Files: FileSystem>(
        of id: UInt64,
        _ cursor: SegmentCursor,
        _ store: ReplicaStore<Files>
    ) throws(StorageError) -> SegmentCursor? {
        let path = store.log.path(id + 1)
        let handle = try store.files.open(path, forWriting: false)
        defer { store.files.close(handle) }
        let bytes = try store.files.bytes(handle, at: 0, count: SegmentHeader.bytes)
        guard case .success(let next) = bytes.withUnsafeBytes({ SegmentHeader.read($0) }), next.id == id + 1 else {
            throw Scrubber.finding(path, 0, "the header of the segment is damaged")
        }
        guard next.firstSequence == cursor.sequence, next.previousChain == cursor.chain else {
            throw Scrubber.finding(store.log.path(id), cursor.offset, "a batch is damaged")
        }
        return nil
    }

    private static func finding(_ path: String, _ offset: Int, _ reason: String) -> StorageError {
        StorageError(
            .logDamaged,
            path: path,
            offset: offset,
            operation: "read again",
            reason: reason,
            remedy: "the node writes a new snapshot, after which it does not need the file; check the disk"
        )
    }
}

extension ReplicaStore {
    /// Reads at most about `bytes` of what is stored again, from where the last call ended; throws `logDamaged` or
    /// `snapshotDamaged` if it is not what was written, after which the store goes on to be used.
    package func scrub(bytes: Int) throws(StorageError) {
        try requireUsable()
        try scrubber.step(self, bytes: bytes)
    }

    /// How often `scrub` has read everything.
    package var scrubRounds: UInt64 { scrubber.rounds }
}
