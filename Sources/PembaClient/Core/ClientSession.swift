// Pemba: the numbers of a client's writes.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// The sequence numbers of one client session: given out ascending, done in any order.
struct SequenceWindow {
    /// The lowest number that is not done; all below are.
    private(set) var firstUnacknowledged: UInt64 = 1
    /// Whether each number from `firstUnacknowledged` on that was given out is done; the first is not.
    private var isDone = Deque<Bool>()

    /// The next number; nil while as many are out as the cluster keeps answers for.
    mutating func allocate() -> UInt64? {
        guard isDone.count < Limits.answersPerSession else { return nil }
        isDone.append(false)
        return firstUnacknowledged + UInt64(isDone.count) - 1
    }

    /// Nobody asks for this number's answer any more.
    mutating func complete(_ sequence: UInt64) {
        guard sequence >= firstUnacknowledged else { return }
        let offset = Int(sequence - firstUnacknowledged)
        guard offset < isDone.count else { return }
        isDone[offset] = true
        while isDone.first == true {
            isDone.removeFirst()
            firstUnacknowledged += 1
        }
    }
}

/// A replicated session of this client, from which its writes get their idempotency keys.
///
/// Confined to the client's loop.
final class ClientSession {
    /// Numbers of writes that were given up with their outcome unknown, whose answers are kept for their callers.
    private static let abandonedMax = 64

    /// The session's id; nil until the cluster has opened it.
    var id: UInt64?
    /// Whether it is being opened.
    var isOpening = false
    /// Writes that wait for the session, or for a number of it.
    var waiting = Deque<ClientRequest>()
    /// When a key was last given out, in nanoseconds of the monotonic clock.
    private(set) var lastUse: UInt64 = 0
    private var window = SequenceWindow()
    private var abandoned = Deque<UInt64>()

    /// A key for the next write; nil while the session is not open or has too many writes out.
    func makeKey(now: UInt64) -> IdempotencyKey? {
        guard let id, let sequence = window.allocate() else { return nil }
        lastUse = now
        return IdempotencyKey(session: id, sequence: sequence, firstUnacknowledged: window.firstUnacknowledged)
    }

    /// `key` with the number below which no answer is asked for any more as of now.
    func refreshed(_ key: IdempotencyKey) -> IdempotencyKey {
        var key = key
        key.firstUnacknowledged = min(window.firstUnacknowledged, key.sequence)
        return key
    }

    /// The write's outcome is known to its caller.
    func complete(_ sequence: UInt64) { window.complete(sequence) }

    /// The write was given up without its outcome: its answer is kept for a while, for the caller to ask again.
    func abandon(_ sequence: UInt64) {
        abandoned.append(sequence)
        if abandoned.count > ClientSession.abandonedMax { window.complete(abandoned.removeFirst()) }
    }
}
