// Pemba: how fast snapshots are sent.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Keeps the blocks that this node sends to others within a rate, so that replication and clients keep their share of disk
/// and network.
///
/// A question that comes too early waits. Another one of the same node about the same snapshot becomes part of it, with what
/// is between them: questions overtake each other, and after a break all that is missing is asked for again.
struct TransferPace {
    /// What a node asks for.
    struct Question: Equatable {
        let peer: NodeID
        let index: LogIndex
        fileprivate(set) var from: UInt32
        fileprivate(set) var count: UInt32

        /// Asks for what `other` asks for, too.
        fileprivate mutating func join(_ other: Question) {
            let end = max(UInt64(from) + UInt64(count), UInt64(other.from) + UInt64(other.count))
            from = min(from, other.from)
            count = UInt32(clamping: end - UInt64(from))
        }
    }

    private let bytesPerSecond: UInt64
    /// When what was sent is paid for.
    private var freeAt = Instant.zero
    /// In the order in which they came.
    private var waiting: [Question] = []

    init(bytesPerSecond: Int) { self.bytesPerSecond = UInt64(bytesPerSecond) }

    /// When the next question can be answered.
    var nextDeadline: Instant { waiting.isEmpty ? .distantFuture : freeAt }

    /// Takes a question; true if it can be answered now.
    mutating func ask(_ question: Question, now: Instant) -> Bool {
        if let place = waiting.firstIndex(where: { $0.peer == question.peer && $0.index == question.index }) {
            waiting[place].join(question)
            return false
        }
        waiting.removeAll { $0.peer == question.peer }
        if waiting.isEmpty, freeAt <= now { return true }
        waiting.append(question)
        return false
    }

    /// The next question that can be answered now.
    mutating func next(now: Instant) -> Question? {
        guard !waiting.isEmpty, freeAt <= now else { return nil }
        return waiting.removeFirst()
    }

    /// So many bytes are being sent.
    mutating func sent(bytes: Int, now: Instant) {
        let (seconds, rest) = UInt64(bytes).quotientAndRemainder(dividingBy: bytesPerSecond)
        let span = TimeSpan.seconds(seconds) + TimeSpan(nanoseconds: rest * 1_000_000 / (bytesPerSecond / 1_000 + 1))
        freeAt = max(freeAt, now) + span
    }
}
