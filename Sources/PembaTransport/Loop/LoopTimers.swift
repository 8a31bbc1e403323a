// Pemba: what an event loop does at a certain time.
// SPDX-License-Identifier: Apache-2.0

import HeapModule

/// Something that is done once, at a time or never.
///
/// `@unchecked Sendable`: made on any thread and handed over; from then on the loop's thread alone touches it.
final class LoopTimer: @unchecked Sendable {
    /// How it ended.
    enum Ending {
        /// Its time has come.
        case due
        /// The loop ends before.
        case dropped
    }

    /// Nanoseconds of the monotonic clock.
    let deadline: UInt64
    /// What is done; nil once it is done or cancelled.
    fileprivate var body: ((Ending) -> Void)?

    init(deadline: UInt64, _ body: @escaping (Ending) -> Void) {
        self.deadline = deadline
        self.body = body
    }

    /// Does it, unless it is done or cancelled.
    func end(_ ending: Ending) {
        guard let body else { return }
        self.body = nil
        body(ending)
    }
}

/// The timers of an event loop, the next one first; of equal times the older one.
struct LoopTimers {
    private struct Entry: Comparable {
        let deadline: UInt64
        let number: UInt64
        let timer: LoopTimer

        static func < (one: Entry, other: Entry) -> Bool {
            (one.deadline, one.number) < (other.deadline, other.number)
        }

        static func == (one: Entry, other: Entry) -> Bool { one.number == other.number }
    }

    /// Below so many entries, cancelled ones are left until their time.
    private static let tolerated = 64

    private var entries = Heap<Entry>()
    private var nextNumber: UInt64 = 0
    /// How many entries are cancelled timers.
    private var cancelled = 0

    /// When the next one is due; nil if there is none.
    var nextDeadline: UInt64? { entries.min?.deadline }

    mutating func insert(_ timer: LoopTimer) {
        nextNumber += 1
        entries.insert(Entry(deadline: timer.deadline, number: nextNumber, timer: timer))
    }

    /// Forgets what is to be done; where it stands is cleared at its time, or when there are many such.
    ///
    /// Returns what is not done, so that it goes when nothing is being changed here.
    mutating func cancel(_ timer: LoopTimer) -> ((LoopTimer.Ending) -> Void)? {
        guard let body = timer.body else { return nil }
        timer.body = nil
        cancelled += 1
        if cancelled > LoopTimers.tolerated, cancelled > entries.count / 2 {
            entries = Heap(entries.unordered.filter { $0.timer.body != nil })
            cancelled = 0
        }
        return body
    }

    /// Removes and returns the next one if it is due by `now`; nil if none is.
    mutating func popDue(by now: UInt64) -> LoopTimer? {
        while let first = entries.min, first.deadline <= now {
            entries.removeMin()
            if first.timer.body != nil { return first.timer }
            cancelled -= 1
        }
        return nil
    }

    /// Removes and returns all of them.
    mutating func removeAll() -> [LoopTimer] {
        defer { self = LoopTimers() }
        return entries.unordered.map(\.timer)
    }
}
