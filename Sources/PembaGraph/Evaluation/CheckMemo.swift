// Pemba: what an evaluation knows already.
// SPDX-License-Identifier: Apache-2.0

/// A table from sub-problems (entity and node) to small numbers, emptied in constant time.
///
/// Open addressing, at most half full. A slot counts only if it bears the current round, so that emptying is a new
/// round. The owner calls `release`.
struct CheckMemo {
    private struct Slot: BitwiseCopyable {
        var key: UInt64
        var round: UInt32
        var value: UInt32
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var round: UInt32 = 1
    /// How many sub-problems there are.
    private(set) var count = 0

    /// What `find` gives for a sub-problem that is not there.
    static let absent = UInt32.max
    private static let smallest = 64
    /// Bigger tables are given back after use.
    private static let largestKept = 1 << 16

    init() {
        slots = CheckMemo.makeSlots(CheckMemo.smallest)
        mask = CheckMemo.smallest - 1
    }

    func release() { slots.deallocate() }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        slots.initialize(repeating: Slot(key: 0, round: 0, value: 0), count: count)
        return slots
    }

    /// Forgets everything.
    mutating func removeAll() {
        count = 0
        if mask >= CheckMemo.largestKept || round == UInt32.max {
            slots.deallocate()
            self = CheckMemo()
        } else {
            round += 1
        }
    }

    @inline(__always)
    private func home(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    /// A sub-problem: a node of an entity, asked for certainty or for possibility.
    @inline(__always)
    static func key(_ entity: UInt32, _ node: UInt32, isPossible: Bool) -> UInt64 {
        (UInt64(entity) << 32) | (isPossible ? 1 << 31 : 0) | UInt64(node)
    }

    /// The number of a sub-problem.
    @inline(__always)
    func find(_ key: UInt64) -> UInt32 {
        var position = home(key)
        while true {
            let slot = slots[position]
            if slot.round != round { return CheckMemo.absent }
            if slot.key == key { return slot.value }
            position = (position &+ 1) & mask
        }
    }

    /// Adds a sub-problem that is not there; its number is how many there were.
    @inline(__always)
    mutating func add(_ key: UInt64) -> UInt32 {
        if (count &+ 1) &* 2 > mask { grow() }
        let value = UInt32(truncatingIfNeeded: count)
        place(Slot(key: key, round: round, value: value))
        count += 1
        return value
    }

    @inline(__always)
    private mutating func place(_ slot: Slot) {
        var position = home(slot.key)
        while slots[position].round == round { position = (position &+ 1) & mask }
        slots[position] = slot
    }

    private mutating func grow() {
        let old = slots
        let oldCount = mask + 1
        slots = CheckMemo.makeSlots(oldCount * 2)
        mask = oldCount * 2 - 1
        for position in 0..<oldCount where old[position].round == round { place(old[position]) }
        old.deallocate()
    }
}
