// Pemba: which request an answer belongs to.
// SPDX-License-Identifier: Apache-2.0

/// What is in flight on one connection, in a flat array: a correlation is a slot's number and how often the slot was
/// used, so finding an answer's request is one indexed load, and a late answer never meets another request.
struct CorrelationTable<Entry> {
    private struct Slot {
        /// The correlation that it is used under; 0 while it is free.
        var correlation: UInt64
        /// When the entry expires, in nanoseconds of the monotonic clock; of a free slot, the next free one.
        var expiry: UInt64
        var entry: Entry?
    }

    /// The low bits of a correlation, which number the slot.
    private static var slotBits: UInt64 { 16 }
    private static var slotMask: UInt64 { (1 << slotBits) - 1 }

    private let capacity: Int
    private var slots: [Slot] = []
    /// The free slot that was used most recently, so that the slots in use stay few and warm; -1: none is free.
    private var firstFree = -1
    private var generation: UInt64 = 0
    /// How many entries there are.
    private(set) var count = 0

    /// Holds at most `capacity` entries, of at most 65,536.
    init(capacity: Int) {
        self.capacity = min(capacity, Int(CorrelationTable.slotMask) + 1)
    }

    /// Adds an entry and returns its correlation, which is never 0; nil if the table is full.
    mutating func insert(_ entry: Entry, expiry: UInt64) -> UInt64? {
        guard count < capacity else { return nil }
        generation += 1
        count += 1
        guard firstFree >= 0 else {
            let correlation = (generation << CorrelationTable.slotBits) | UInt64(slots.count)
            slots.append(Slot(correlation: correlation, expiry: expiry, entry: entry))
            return correlation
        }
        let slot = firstFree
        let correlation = (generation << CorrelationTable.slotBits) | UInt64(slot)
        firstFree = slots.withUnsafeMutableBufferPointer { slots in
            let nextFree = Int(truncatingIfNeeded: slots[slot].expiry)
            slots[slot] = Slot(correlation: correlation, expiry: expiry, entry: entry)
            return nextFree
        }
        return correlation
    }

    /// The entry under `correlation`; nil if there is none (any more).
    func entry(_ correlation: UInt64) -> Entry? {
        let slot = Int(correlation & CorrelationTable.slotMask)
        guard correlation != 0, slot < slots.count, slots[slot].correlation == correlation else { return nil }
        return slots[slot].entry
    }

    /// Sets when the entry under `correlation` expires; requires that there is one.
    mutating func extend(_ correlation: UInt64, to expiry: UInt64) {
        let slot = Int(correlation & CorrelationTable.slotMask)
        precondition(slots[slot].correlation == correlation, "the expiry of nothing was set")
        slots[slot].expiry = expiry
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
        let nextFree = UInt64(bitPattern: Int64(firstFree))
        firstFree = slot
        count -= 1
        return slots.withUnsafeMutableBufferPointer { slots in
            let entry = exchange(&slots[slot].entry, with: nil)
            slots[slot].correlation = 0
            slots[slot].expiry = nextFree
            return entry
        }
    }
}
