// Pemba: which request an answer belongs to.
// SPDX-License-Identifier: Apache-2.0

/// What is in flight on one connection, in a flat array: a correlation is a slot's number and how often the slot was
/// used, so finding an answer's request is one indexed load, and a late answer never meets another request.
struct CorrelationTable<Entry> {
    private struct Slot {
        /// The correlation that it is used under; 0 while it is free.
        var correlation: UInt64
        /// When the entry expires, in nanoseconds of the monotonic clock.
        var expiry: UInt64
        var entry: Entry?
    }

    /// The low bits of a correlation, which number the slot.
    private static var slotBits: UInt64 { 16 }
    private static var slotMask: UInt64 { (1 << slotBits) - 1 }

    private let capacity: Int
    private var slots: [Slot] = []
    /// Free slots, the most recently used last, so that the slots in use stay few and warm.
    private var free: [UInt32] = []
    private var generation: UInt64 = 0
    /// How many entries there are.
    private(set) var count = 0

    /// Holds at most `capacity` entries, of at most 65,536.
    init(capacity: Int) {
        self.capacity = min(capacity, Int(CorrelationTable.slotMask) + 1)
    }

    /// Adds an entry and returns its correlation, which is never 0; nil if the table is full.
    mutating func insert(_ entry: Entry, expiry: UInt64) -> UInt64? {
        let slot: Int
        if let last = free.popLast() {
            slot = Int(last)
        } else if slots.count < capacity {
            slot = slots.count
            slots.append(Slot(correlation: 0, expiry: 0, entry: nil))
        } else {
            return nil
        }
        generation += 1
        let correlation = (generation << CorrelationTable.slotBits) | UInt64(slot)
        slots[slot].correlation = correlation
        slots[slot].expiry = expiry
        slots[slot].entry = entry
        count += 1
        return correlation
    }

    /// The entry under `correlation`; nil if there is none (any more).
    func entry(_ correlation: UInt64) -> Entry? {
        let slot = Int(correlation & CorrelationTable.slotMask)
        guard correlation != 0, slot < slots.count, slots[slot].correlation == correlation else { return nil }
        return slots[slot].entry
    }

    /// Removes and returns the entry under `correlation`; nil if there is none (any more).
    mutating func remove(_ correlation: UInt64) -> Entry? {
        let slot = Int(correlation & CorrelationTable.slotMask)
        guard correlation != 0, slot < slots.count, slots[slot].correlation == correlation else { return nil }
        return vacate(slot)
    }

    /// Removes and returns what expired by `now`.
    mutating func removeExpired(at now: UInt64) -> [Entry] {
        var expired: [Entry] = []
        for slot in slots.indices where slots[slot].correlation != 0 && slots[slot].expiry <= now {
            if let entry = vacate(slot) { expired.append(entry) }
        }
        return expired
    }

    /// Removes and returns everything.
    mutating func removeAll() -> [Entry] {
        var all: [Entry] = []
        for slot in slots.indices where slots[slot].correlation != 0 {
            if let entry = vacate(slot) { all.append(entry) }
        }
        return all
    }

    private mutating func vacate(_ slot: Int) -> Entry? {
        let entry = exchange(&slots[slot].entry, with: nil)
        slots[slot].correlation = 0
        free.append(UInt32(slot))
        count -= 1
        return entry
    }
}
