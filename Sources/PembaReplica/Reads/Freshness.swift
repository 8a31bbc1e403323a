// Pemba: how old the applied state may be.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaRaft

/// Derives from what Raft learns how fresh the applied state provably is.
///
/// Raft says "what was committed until `asOf` has an index of at most `commit`"; the state is as fresh as the latest such
/// word whose index is applied.
struct Freshness {
    /// Words whose index is not applied yet, ascending by both.
    private var pending: Deque<RaftFreshness> = []
    /// The latest word heard.
    private var latest: RaftFreshness?
    /// The applied state contains all that was committed until then; nil: nothing is known.
    private(set) var asOf: Instant?

    /// Words kept while the node is behind; the last one is replaced when there are more.
    private static let pendingMax = 64

    /// Takes Raft's latest word, which may be the same as before.
    mutating func learn(_ word: RaftFreshness?, applied: LogIndex) {
        guard let word, word != latest else { return }
        latest = word
        if word.commit <= applied || planted("fresh-before-applied") {
            asOf = max(asOf ?? .zero, word.asOf)
            return
        }
        if pending.count == Freshness.pendingMax { pending.removeLast() }
        pending.append(word)
    }

    /// The state has grown to `applied`.
    mutating func apply(_ applied: LogIndex) {
        while let word = pending.first, word.commit <= applied {
            pending.removeFirst()
            asOf = max(asOf ?? .zero, word.asOf)
        }
    }

    /// How old the state may be at `now`; nil: nobody knows.
    func staleness(at now: Instant) -> TimeSpan? { asOf.map { now - $0 } }

    /// Whether it is at most `bound` old.
    @inline(__always)
    func isWithin(_ bound: TimeSpan, at now: Instant) -> Bool {
        guard let asOf else { return false }
        return now - asOf <= bound
    }
}
