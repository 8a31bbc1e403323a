// Pemba: recovery of the log, a pure function of the bytes of its segments.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import PembaCore
package import PembaRaft

/// What one segment holds, after the ones before it.
package enum SegmentVerdict: Hashable, Sendable {
    /// Batches up to `end`, nothing after them.
    case complete(end: Int)
    /// Batches up to `end`, then what a crash left of a write that was never acknowledged.
    case torn(end: Int, String)
    /// Batches up to `end`, then a last write that is there to its end and wrong: a crash does not leave that, and it may
    /// have been acknowledged.
    case suspicious(end: Int, offset: Int, String)
    /// Something that no crash leaves, noticed at `offset`, before which the batches up to `end` are good; nil: nothing of
    /// the segment can be used.
    case damaged(end: Int?, offset: Int, String)
    /// It belongs to somebody else.
    case foreign(String)
    /// It is whole and means nothing to this version.
    case unreadable(offset: Int, String)
}

/// The log as far as its segments were replayed, in order.
///
/// The rules: a batch is written only after the one before it is durable, so only the last write of the last segment
/// can be torn (rules W3 to W5): then one of its sectors, at least, is all zeros. Everything else that is not a batch in
/// its place in the chain is damage.
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
        case .failure(.damaged(let reason)): return .damaged(end: nil, offset: 0, reason)
        case .failure(.unknownVersion(let version)):
            let reason = "it has version \(version), and this program knows version \(SegmentHeader.version)"
            return .unreadable(offset: 0, reason)
        }
        guard header.identity.cluster == identity.cluster, header.identity.node == identity.node else {
            return .foreign("it belongs to node \(header.identity.node) of cluster \(header.identity.cluster)")
        }
        if let problem = problem(of: header, id: id, length: bytes.count) {
            return .damaged(end: nil, offset: 0, problem)
        }
        begin(header)
        let segment = UnsafeRawBufferPointer(rebasing: bytes[..<Int(header.capacity)])
        var offset = SegmentHeader.bytes
        while offset + BatchFraming.pageBytes <= segment.count {
            switch BatchCodec.read(segment, at: offset) {
            case .batch(let batch, let payload, let chain, let end):
                if let problem = misplacement(of: batch, segment: id) {
                    return .damaged(end: offset, offset: offset, problem)
                }
                if let problem = append(batch, payload: payload, chain: chain) {
                    return .unreadable(offset: offset, problem)
                }
                offset = end
            case .damaged(let place, let reason):
                if planted("truncates-at-rot") { return .torn(end: offset, reason) }
                let isTail = isLast && laterBatch(segment, after: offset, id: id) == nil
                return isTail
                    ? .suspicious(end: offset, offset: place, reason) : .damaged(end: offset, offset: place, reason)
            case .torn(let reason):
                return tail(segment, from: offset, id: id, isLast: isLast, reason)
            case .unknownVersion(let version):
                return .unreadable(offset: offset, "a batch has version \(version), which this program does not know")
            }
        }
        return .complete(end: offset)
    }

    private func problem(of header: SegmentHeader, id: UInt64, length: Int) -> String? {
        guard header.id == id else { return "the file name says segment \(id), its header segment \(header.id)" }
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

    /// Says why a batch is not in its place, if it is not.
    private func misplacement(of batch: BatchHeader, segment: UInt64) -> String? {
        guard let extent else { return "a batch stands before the first segment" }
        guard batch.segment == segment, batch.sequence == nextSequence, batch.previousChain == chain else {
            return "a batch does not follow the one before it"
        }
        guard batch.firstIndex <= extent.last.next else {
            return "entries \(extent.last.next) to \(batch.firstIndex.previous) are missing"
        }
        return nil
    }

    /// Appends a batch that is in its place; says what is wrong with its content otherwise.
    private mutating func append(_ batch: BatchHeader, payload: [UInt8], chain: UInt64) -> String? {
        guard var extent = extent.take() else { preconditionFailure("a batch stands before the first segment") }
        defer { self.extent = extent }
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

    /// Judges what follows the last batch of a segment where a whole batch could stand and does not.
    ///
    /// In an earlier segment it is for the next one's header to say whether a batch is missing.
    private func tail(
        _ segment: UnsafeRawBufferPointer,
        from offset: Int,
        id: UInt64,
        isLast: Bool,
        _ reason: String
    ) -> SegmentVerdict {
        let rest = UnsafeRawBufferPointer(rebasing: segment[offset...])
        if LogReplay.isZero(rest) { return .complete(end: offset) }
        // A later batch was written only after the one here was durable: so that one was lost since.
        if isLast, let later = laterBatch(segment, after: offset, id: id) {
            let text = "a batch is missing: \(reason), and a later one begins at byte \(later)"
            return .damaged(end: offset, offset: offset, text)
        }
        return .torn(end: offset, reason)
    }

    /// Where, after the batch that should begin at `offset`, the head of a later one stands.
    private func laterBatch(_ segment: UnsafeRawBufferPointer, after offset: Int, id: UInt64) -> Int? {
        var page = offset + BatchFraming.pageBytes
        while page + BatchFraming.pageBytes <= segment.count {
            let bytes = UnsafeRawBufferPointer(rebasing: segment[page..<(page + BatchFraming.pageBytes)])
            if let batch = BatchHeader.read(bytes), batch.segment == id, batch.sequence > nextSequence { return page }
            page += BatchFraming.pageBytes
        }
        return nil
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
    /// Compares the replayed log with the snapshot, which ends at `index` in `term` (zero both: there is none).
    ///
    /// A snapshot is made of committed entries: what the log has at or after its end in conflict with it was never
    /// committed, and a crash came between the installation of the snapshot and the new beginning of the log.
    package func fit(snapshotIndex index: LogIndex, term: Term) -> LogFit {
        guard let extent else { return .damaged("there are no log segments") }
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
