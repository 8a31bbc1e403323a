// Pemba: what a simulated disk has acknowledged.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaStorage

/// The terms of the entries that a disk has acknowledged, and the durable vote: what a crash may not take away.
struct DurableLog {
    /// The index of the durable snapshot.
    private(set) var snapshot: LogIndex = .zero
    private(set) var hardState = HardState()
    /// The terms of the entries from `first` on.
    private var terms: [Term] = []
    private var first = LogIndex(1)

    /// An empty disk.
    init() {}

    /// A disk with what a node is made with.
    init(of node: NodeID, firstEntries: [LogEntry]) throws(Violation) {
        guard let last = firstEntries.last else { return }
        let state = HardState(term: last.term)
        try append(
            PersistRequest(
                sequence: .zero,
                hardState: state,
                entries: firstEntries,
                lastIndex: last.index,
                lastTerm: last.term
            ),
            of: node
        )
    }

    /// The end of the durable log.
    var last: LogIndex { max(snapshot, LogIndex(first.rawValue - 1 + UInt64(terms.count))) }

    /// Notes an acknowledged write.
    mutating func append(_ request: PersistRequest, of node: NodeID) throws(Violation) {
        if let new = request.hardState {
            guard new.term >= hardState.term else {
                throw Violation("node \(node) writes term \(new.term) after term \(hardState.term)")
            }
            guard new.term > hardState.term || hardState.vote == nil || new.vote == hardState.vote else {
                throw Violation("node \(node) votes twice in term \(new.term)")
            }
            guard new.votesFrom >= hardState.votesFrom || last >= hardState.votesFrom else {
                throw Violation("node \(node) may vote with a log to \(last), before it reaches \(hardState.votesFrom)")
            }
            hardState = new
        }
        guard let start = request.entries.first?.index else { return }
        if start < first || start > last.next {
            first = start
            terms = []
        }
        terms.removeLast(max(0, terms.count - Int(start.rawValue - first.rawValue)))
        for entry in request.entries { terms.append(entry.term) }
    }

    /// Notes what a node found on its disk and builds on: more than was acknowledged may have reached it, nothing of that
    /// may be missing, unless the disk has rotted.
    mutating func recover(_ recovered: RecoveredState, of node: NodeID, mayLack: Bool) throws(Violation) {
        let found = recovered.hardState
        let base = recovered.snapshot?.point.lastIndex ?? .zero
        let isSame = found.vote == hardState.vote || hardState.vote == nil
        guard found.term > hardState.term || (found.term == hardState.term && isSame) else {
            throw Violation("node \(node) had \(hardState) on disk and finds \(found)")
        }
        // What it has by now it need not wait for; that it says so may have reached the disk unacknowledged.
        let end = recovered.entries.last?.index ?? base
        let endTerm = recovered.entries.last?.term ?? recovered.snapshot?.point.lastTerm ?? .zero
        let mayVote = found.votesFrom >= hardState.votesFrom || end >= hardState.votesFrom
        let hasPaid = found.debt != nil || endTerm > hardState.debt?.term ?? .zero || hardState.debt == nil
        guard mayLack || (mayVote && hasPaid) else {
            throw Violation("node \(node) had \(hardState) on disk and, with a log to \(end), finds \(found)")
        }
        if !mayLack { try requireAll(in: recovered, base: base, of: node) }
        hardState = found
        snapshot = base
        first = recovered.entries.first?.index ?? base.next
        terms = recovered.entries.map(\.term)
    }

    private func requireAll(in recovered: RecoveredState, base: LogIndex, of node: NodeID) throws(Violation) {
        guard base >= snapshot else {
            throw Violation("node \(node) had the snapshot at \(snapshot) on disk and finds that at \(base)")
        }
        let start = recovered.entries.first?.index ?? base.next
        for (offset, term) in terms.enumerated() {
            let index = first.rawValue + UInt64(offset)
            guard index > base.rawValue else { continue }
            let place = Int(index - start.rawValue)
            let foundTerm = place < recovered.entries.count ? recovered.entries[place].term : .zero
            // A write that was under way may have replaced it and all after it.
            if foundTerm > term { break }
            guard foundTerm == term else {
                throw Violation("node \(node) had entry \(index) of term \(term) on disk and does not find it")
            }
        }
    }

    /// Notes an acknowledged snapshot of this node's own state.
    mutating func write(snapshot index: LogIndex) { snapshot = max(snapshot, index) }

    /// Notes an acknowledged snapshot of another node: the log gives way, unless it agrees with it and goes on.
    mutating func install(snapshot index: LogIndex, term: Term) {
        let goesOn = index > snapshot && index >= first && holds(index, term: term)
        snapshot = max(snapshot, index)
        guard !goesOn else { return }
        terms = []
        first = index.next
    }

    /// Whether the entry of `term` at `index` is durable here.
    func holds(_ index: LogIndex, term: Term) -> Bool {
        if index <= snapshot { return true }
        guard index >= first else { return false }
        let place = Int(index.rawValue - first.rawValue)
        return place < terms.count && terms[place] == term
    }
}
