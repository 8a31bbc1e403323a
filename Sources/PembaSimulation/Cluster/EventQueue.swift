// Pemba: what happens next.
// SPDX-License-Identifier: Apache-2.0

/// Events in the order of their times, and of their scheduling where these are equal.
///
/// A binary heap of numbers; the events stand beside it and are not moved.
struct EventQueue {
    private struct Key {
        let time: UInt64
        let order: UInt64
        let slot: Int

        func precedes(_ other: Key) -> Bool {
            time < other.time || (time == other.time && order < other.order)
        }
    }

    /// Every key precedes its children, which stand at twice its place plus one and plus two.
    private var keys: [Key] = []
    private var events: [SimulationEvent?] = []
    private var freeSlots: [Int] = []
    private var nextOrder: UInt64 = 0

    /// When the next event happens; nil if there is none.
    var firstTime: UInt64? { keys.first?.time }

    /// Adds an event.
    mutating func insert(_ event: SimulationEvent, at time: UInt64) {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            events[slot] = event
        } else {
            slot = events.count
            events.append(event)
        }
        keys.append(Key(time: time, order: nextOrder, slot: slot))
        nextOrder += 1
        siftUp(keys.count - 1)
    }

    /// Removes and returns the event that comes first.
    mutating func removeFirst() -> SimulationEvent? {
        guard let first = keys.first, let last = keys.popLast() else { return nil }
        if !keys.isEmpty { siftDown(last) }
        freeSlots.append(first.slot)
        return events[first.slot].take()
    }

    /// Lets everything that was to happen at one time happen at an earlier one, in the same order.
    mutating func advance(from old: UInt64, to time: UInt64) {
        let all = keys
        keys.removeAll(keepingCapacity: true)
        for key in all {
            keys.append(key.time == old ? Key(time: time, order: key.order, slot: key.slot) : key)
            siftUp(keys.count - 1)
        }
    }

    private mutating func siftUp(_ start: Int) {
        let key = keys[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard key.precedes(keys[parent]) else { break }
            keys[place] = keys[parent]
            place = parent
        }
        keys[place] = key
    }

    /// Puts `key` in at the top, whose own key is gone.
    private mutating func siftDown(_ key: Key) {
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < keys.count else { break }
            if child + 1 < keys.count, keys[child + 1].precedes(keys[child]) { child += 1 }
            guard keys[child].precedes(key) else { break }
            keys[place] = keys[child]
            place = child
        }
        keys[place] = key
    }
}
