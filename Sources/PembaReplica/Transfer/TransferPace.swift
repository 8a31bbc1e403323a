// Pemba: how fast snapshots are sent.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Keeps the blocks that this node sends to others within a rate, so that replication and clients keep their share of disk
/// and network.
///
/// A question that comes too early waits. One that goes on where a waiting one of the same node ends becomes part of it;
/// any other takes its place, as it is asked after a break, for all that is missing then.
struct TransferPace {
    /// What a node asks for.
    struct Question: Equatable {
        let peer: NodeID
        let index: LogIndex
        let from: UInt32
        fileprivate(set) var count: UInt32

        /// Whether `next` asks for what comes right after this.
        func isContinued(by next: Question) -> Bool {
            peer == next.peer && index == next.index && UInt64(from) + UInt64(count) == UInt64(next.from)
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
        if let last = waiting.firstIndex(where: { $0.isContinued(by: question) }) {
            let (count, isTooMany) = waiting[last].count.addingReportingOverflow(question.count)
            waiting[last].count = isTooMany ? .max : count
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
