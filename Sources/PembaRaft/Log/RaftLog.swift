// Pemba: the part of the replicated log that is kept in memory.
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
package import PembaCore

/// The entries after a base position, without gaps, with their terms rising.
///
/// The base is the position before the first entry: its term and timestamp stay known after the entries up to it were
/// forgotten. Everything up to the base is covered by a snapshot.
package struct RaftLog: Sendable {
    /// The position before the first entry.
    package private(set) var baseIndex: LogIndex
    /// The term at `baseIndex`.
    private var baseTerm: Term
    /// The timestamp at `baseIndex`.
    private var baseTimestamp: Timestamp
    /// The entry at `baseIndex.next` and all after it, indices rising by one and terms never falling.
    private var entries: Deque<LogEntry> = []
    /// The sum of `LogEntry.byteCount` over the entries.
    package private(set) var byteCount = 0

    /// An empty log after the position.
    package init(baseIndex: LogIndex, baseTerm: Term, baseTimestamp: Timestamp) {
        self.baseIndex = baseIndex
        self.baseTerm = baseTerm
        self.baseTimestamp = baseTimestamp
    }

    /// How many entries there are.
    package var count: Int { entries.count }

    /// The position of the first entry, or where it will be.
    package var firstIndex: LogIndex { baseIndex.next }

    /// The position of the last entry; the base if there is none.
    package var lastIndex: LogIndex { LogIndex(baseIndex.rawValue + UInt64(entries.count)) }

    /// The term at `lastIndex`.
    package var lastTerm: Term { entries.last?.term ?? baseTerm }

    /// The timestamp at `lastIndex`.
    package var lastTimestamp: Timestamp { entries.last?.timestamp ?? baseTimestamp }

    /// The term at a position from the base to the end; nil outside.
    package func term(at index: LogIndex) -> Term? {
        if index == baseIndex { return baseTerm }
        guard index > baseIndex, index <= lastIndex else { return nil }
        return entries[offset(of: index)].term
    }

    /// The timestamp at a position from the base to the end; nil outside.
    package func timestamp(at index: LogIndex) -> Timestamp? {
        if index == baseIndex { return baseTimestamp }
        guard index > baseIndex, index <= lastIndex else { return nil }
        return entries[offset(of: index)].timestamp
    }

    /// The bytes that the entry at `index` takes; requires that it is there.
    package func byteCount(at index: LogIndex) -> Int { entries[offset(of: index)].byteCount }

    /// The entries from `first` to `last` as far as they are there, at least one and then at most `maxBytes` of them.
    package func entries(from first: LogIndex, upTo last: LogIndex, maxBytes: Int) -> [LogEntry] {
        precondition(first > baseIndex, "entries before the log's beginning were asked for")
        let end = min(last, lastIndex)
        guard first <= end else { return [] }
        let start = offset(of: first)
        var stop = start
        var bytes = 0
        while stop <= offset(of: end) {
            bytes += entries[stop].byteCount
            if bytes > maxBytes, stop > start { break }
            stop += 1
        }
        return Array(entries[start..<stop])
    }

    /// The last position up to `limit` whose term is at most `term`.
    ///
    /// A `limit` before the base, and an answer that would lie there, are answered by a position before the base.
    package func lastIndex(upTo limit: LogIndex, termAtMost term: Term) -> LogIndex {
        guard limit > baseIndex else {
            if limit < baseIndex || baseTerm <= term { return limit }
            return limit == .zero ? limit : limit.previous
        }
        var low = 0
        var high = offset(of: min(limit, lastIndex)) + 1
        // Terms never fall: the first entry of a greater term is found by halving.
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].term <= term { low = middle + 1 } else { high = middle }
        }
        if low == 0, baseTerm > term, baseIndex > .zero { return baseIndex.previous }
        return LogIndex(baseIndex.rawValue + UInt64(low))
    }

    /// Adds the next entry.
    package mutating func append(_ entry: LogEntry) {
        precondition(entry.index == lastIndex.next, "the log would have a gap")
        precondition(entry.term >= lastTerm, "terms would fall")
        byteCount += entry.byteCount
        entries.append(entry)
    }

    /// Removes everything after `index`, which is at or after the base.
    package mutating func truncate(after index: LogIndex) {
        precondition(index >= baseIndex, "a truncation before the log's beginning")
        while lastIndex > index {
            byteCount -= entries.removeLast().byteCount
        }
    }

    /// Forgets everything up to `index`, which is in the log or the base.
    package mutating func compact(upTo index: LogIndex) {
        guard index > baseIndex else { return }
        precondition(index <= lastIndex, "a compaction beyond the log's end")
        let count = offset(of: index) + 1
        let last = entries[count - 1]
        for position in 0..<count { byteCount -= entries[position].byteCount }
        entries.removeFirst(count)
        baseIndex = index
        baseTerm = last.term
        baseTimestamp = last.timestamp
    }

    private func offset(of index: LogIndex) -> Int { Int(index.rawValue - baseIndex.rawValue) - 1 }
}

extension LogEntry {
    /// What the entry counts against limits: its encoding without the payload's length.
    package var byteCount: Int { LogEntry.fixedBytes + payload.count }
}
