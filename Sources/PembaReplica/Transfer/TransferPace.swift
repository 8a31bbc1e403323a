// Pemba: how fast snapshots are sent.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Keeps the blocks that this node sends to others within a rate, so that replication and clients keep their share of disk
/// and network.
///
/// A question that comes too early waits; of one node only the latest does, as it asks for all that is still missing.
struct TransferPace {
    /// What a node asks for.
    struct Question: Equatable {
        let peer: NodeID
        let index: LogIndex
        let from: UInt32
        let count: UInt32
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
