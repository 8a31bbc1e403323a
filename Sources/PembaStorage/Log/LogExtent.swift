// Pemba: which entries a log holds, and of which terms.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaRaft

/// The indexes and terms of a log without its entries.
package struct LogExtent: Sendable, Hashable {
    private struct Run: Hashable {
        var first: LogIndex
        var term: Term
    }

    /// The first index that the log holds, or would hold if it is empty.
    package private(set) var start: LogIndex
    /// The last index that the log holds; the one before `start` if it is empty.
    package private(set) var last: LogIndex
    /// The term of the entry before `start`, if it is known.
    private var termBeforeStart: Term?
    /// Where terms begin; ascending, the first at `start` unless the log is empty.
    private var runs: [Run] = []

    /// An empty log that begins at `start`.
    package init(start: LogIndex, termBefore: Term?) {
        self.start = start
        self.last = start.previous
        self.termBeforeStart = termBefore
    }

    /// The term of the last entry; zero if that is not known.
    package var lastTerm: Term { runs.last?.term ?? termBeforeStart ?? .zero }

    /// The term of the entry at `index`; nil if the log does not know it.
    package func term(at index: LogIndex) -> Term? {
        if index.next == start { return termBeforeStart }
        guard index >= start, index <= last else { return nil }
        return runs.last { $0.first <= index }?.term
    }

    /// Appends one entry, replacing what is there from its index on; requires that no gap comes about.
    package mutating func append(_ index: LogIndex, term: Term) {
        precondition(index <= last.next, "entry \(index) would leave a gap after \(last)")
        if index <= last { truncate(from: index) }
        if runs.last?.term != term { runs.append(Run(first: index, term: term)) }
        last = index
    }

    /// Forgets the entries before `index`, which are not needed any more.
    package mutating func dropPrefix(before index: LogIndex) {
        guard index > start, index <= last.next else { return }
        let before = term(at: index.previous)
        let current = term(at: index)
        runs.removeAll { $0.first <= index }
        if let current { runs.insert(Run(first: index, term: current), at: 0) }
        start = index
        termBeforeStart = before
    }

    private mutating func truncate(from index: LogIndex) {
        if index < start {
            self = LogExtent(start: index, termBefore: nil)
            return
        }
        while let run = runs.last, run.first >= index { runs.removeLast() }
        last = index.previous
    }
}
