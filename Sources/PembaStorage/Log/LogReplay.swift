// Pemba: recovery of the log, a pure function of the bytes of its segments.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import PembaCore
package import PembaRaft

/// What one segment holds, after the ones before it.
package enum SegmentVerdict: Hashable, Sendable {
    /// Batches up to `end`, nothing after them.
    case complete(end: Int)
    /// Batches up to `end`, then what a crash left of a write that was never acknowledged; it lies before `dirtyEnd`.
    case torn(end: Int, dirtyEnd: Int, String)
    /// Something that no crash leaves.
    case damaged(offset: Int, String)
    /// A newer version wrote it.
    case unknownVersion(UInt16)
}

/// The log as far as its segments were replayed, in order.
///
/// The rules: a batch is written only after the one before it is durable, so only the last write of the last segment
/// can be torn (rules W3 to W5). Everything else that is not a batch in its place in the chain is damage.
package struct LogReplay: Sendable {
    /// Whose log it is.
    private let identity: StoreIdentity
    /// Entries up to here are covered by a snapshot and not kept.
    private let floor: LogIndex

    /// The entries after the floor, without gaps.
    package private(set) var entries: [LogEntry] = []
    /// All entries of the log; nil before the first segment.
    package private(set) var extent: LogExtent?
    /// The chain value after the last batch.
    package private(set) var chain: UInt64 = 0
    /// The number of the next batch.
    package private(set) var nextSequence: UInt64 = 1
    /// The header of every segment replayed.
    package private(set) var segments: [SegmentHeader] = []
    /// The highest term of any entry that was ever in the replayed log.
    package private(set) var highestTerm = Term.zero

    /// Starts before the first segment.
    ///
    /// `floor` is the last index that a snapshot covers.
    package init(identity: StoreIdentity, floor: LogIndex) {
        self.identity = identity
        self.floor = floor
    }

    /// Replays the next segment: all its bytes.
    package mutating func replay(_ bytes: UnsafeRawBufferPointer, id: UInt64, isLast: Bool) -> SegmentVerdict {
        let header: SegmentHeader
        switch SegmentHeader.read(bytes) {
        case .success(let read): header = read
        case .failure(.damaged(let reason)): return .damaged(offset: 0, reason)
        case .failure(.unknownVersion(let version)): return .unknownVersion(version)
        }
        if let problem = problem(of: header, id: id, length: bytes.count) { return .damaged(offset: 0, problem) }
        begin(header)
        let segment = UnsafeRawBufferPointer(rebasing: bytes[..<Int(header.capacity)])
        var offset = SegmentHeader.bytes
        while offset + BatchFraming.pageBytes <= segment.count {
            switch BatchCodec.read(segment, at: offset) {
            case .batch(let batch, let payload, let chain, let end):
                if let problem = append(batch, payload: payload, chain: chain, segment: id) {
                    return .damaged(offset: offset, problem)
                }
                offset = end
            case .damaged(let place, let reason):
                return .damaged(offset: place, reason)
            case .torn(let reason):
                return isLast ? tail(segment, from: offset, id: id, reason) : .complete(end: offset)
            }
        }
        return .complete(end: offset)
    }

    private func problem(of header: SegmentHeader, id: UInt64, length: Int) -> String? {
        guard header.id == id else { return "the file name says segment \(id), its header segment \(header.id)" }
        guard header.identity.cluster == identity.cluster, header.identity.node == identity.node else {
            return "the segment belongs to node \(header.identity.node) of cluster \(header.identity.cluster)"
        }
        guard header.capacity >= UInt64(SegmentHeader.bytes), header.capacity <= UInt64(length) else {
            return "the segment has \(length) bytes and not \(header.capacity)"
        }
        guard header.firstIndex > .zero else { return "the segment begins before the log" }
        guard let extent else { return nil }
        guard header.previousChain == chain, header.firstSequence == nextSequence else {
            return "the segment does not follow the last batch of the segment before it"
        }
        guard header.restartsLog || header.firstIndex <= extent.last.next else {
            return "entries \(extent.last.next) to \(header.firstIndex.previous) are missing before the segment"
        }
        return nil
    }

    private mutating func begin(_ header: SegmentHeader) {
        if extent == nil || header.restartsLog {
            extent = LogExtent(start: header.firstIndex, termBefore: header.previousTerm)
            entries = []
            chain = header.previousChain
            nextSequence = header.firstSequence
        }
        segments.append(header)
    }

    /// Appends a batch if it is in its place; says what is wrong otherwise.
    private mutating func append(_ batch: BatchHeader, payload: [UInt8], chain: UInt64, segment: UInt64) -> String? {
        guard var extent = extent.take() else { return "a batch stands before the first segment" }
        defer { self.extent = extent }
        guard batch.segment == segment, batch.sequence == nextSequence, batch.previousChain == self.chain else {
            return "a batch does not follow the one before it"
        }
        guard batch.firstIndex <= extent.last.next else {
            return "entries \(extent.last.next) to \(batch.firstIndex.previous) are missing"
        }
        let added: [LogEntry]
        do throws(ByteError) {
            added = try BatchCodec.entries(payload, of: batch)
        } catch {
            return "a batch holds what is no entry (\(error))"
        }
        while let last = entries.last, last.index >= batch.firstIndex { entries.removeLast() }
        for entry in added {
            extent.append(entry.index, term: entry.term)
            if entry.term > highestTerm { highestTerm = entry.term }
            if entry.index > floor { entries.append(entry) }
        }
        self.chain = chain
        nextSequence += 1
        return nil
    }

    /// Judges what follows the last batch of the last segment.
    private func tail(
        _ segment: UnsafeRawBufferPointer,
        from offset: Int,
        id: UInt64,
        _ reason: String
    ) -> SegmentVerdict {
        let rest = UnsafeRawBufferPointer(rebasing: segment[offset...])
        if LogReplay.isZero(rest) { return .complete(end: offset) }
        var dirtyEnd = offset
        for page in stride(from: offset, to: segment.count, by: BatchFraming.pageBytes) {
            let end = min(page + BatchFraming.pageBytes, segment.count)
            if LogReplay.isZero(UnsafeRawBufferPointer(rebasing: segment[page..<end])) { continue }
            dirtyEnd = end
            // A whole later batch was written only after the one here was durable: so that one was lost since.
            if page > offset, end - page == BatchFraming.pageBytes,
                case .batch(let batch, _, _, _) = BatchCodec.read(segment, at: page),
                batch.segment == id, batch.sequence > nextSequence
            {
                return .damaged(
                    offset: offset,
                    "a batch is missing: \(reason), and a later one at byte \(page) is whole"
                )
            }
        }
        return .torn(end: offset, dirtyEnd: dirtyEnd, reason)
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        // Every byte equals the one before it, and the first is zero.
        return bytes[0] == 0 && memcmp(base, base + 1, bytes.count - 1) == 0
    }
}

/// How the log and the snapshot fit together.
package enum LogFit: Hashable, Sendable {
    /// The log goes on after the snapshot.
    case continues
    /// Nothing in the log follows the snapshot: it begins anew after it.
    case restarts
    /// They cannot belong together, for this reason.
    case damaged(String)
}

extension LogReplay {
    /// Compares the replayed log with the snapshot, which ends at `index` in `term` (zero both: there is none), and
    /// with the durable term.
    ///
    /// A snapshot is made of committed entries: what the log has at or after its end in conflict with it was never
    /// committed, and a crash came between the installation of the snapshot and the new beginning of the log.
    package func fit(snapshotIndex index: LogIndex, term: Term, hardState: HardState) -> LogFit {
        guard let extent else { return .damaged("there are no log segments") }
        guard highestTerm <= hardState.term else {
            return .damaged(
                "the log has entries of term \(highestTerm), and the vote file only knows \(hardState.term)"
            )
        }
        guard term <= hardState.term else {
            return .damaged("the snapshot is of term \(term), and the vote file only knows \(hardState.term)")
        }
        guard extent.start <= index.next else {
            return .damaged("the log begins at \(extent.start), and the snapshot ends at \(index)")
        }
        if extent.last < index { return .restarts }
        guard let found = extent.term(at: index) else {
            return .damaged("the log does not say of which term the entry at \(index) is")
        }
        return found == term ? .continues : .restarts
    }

    /// Forgets all entries: the log begins anew.
    package mutating func forgetEntries() { entries = [] }
}
