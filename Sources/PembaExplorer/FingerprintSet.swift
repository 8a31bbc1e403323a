// Pemba: the states that were seen.
// SPDX-License-Identifier: Apache-2.0

/// A set of 64-bit hashes, 16 bytes each at most.
///
/// Two states with one hash would be taken for one: of n states that happens with probability n² / 2⁶⁵, which for a
/// hundred million is one in four thousand.
struct FingerprintSet {
    private var slots: [UInt64] = Array(repeating: 0, count: 1 << 16)
    private(set) var count = 0

    /// Adds a hash; false if it is there.
    mutating func insert(_ hash: UInt64) -> Bool {
        // An empty slot is 0.
        let value = hash == 0 ? 1 : hash
        var place = Int(value & UInt64(slots.count - 1))
        while slots[place] != 0 {
            if slots[place] == value { return false }
            place = (place + 1) & (slots.count - 1)
        }
        slots[place] = value
        count += 1
        if count * 4 > slots.count * 3 { grow() }
        return true
    }

    /// The bytes that it takes.
    var byteCount: Int { slots.count * 8 }

    private mutating func grow() {
        var larger: [UInt64] = Array(repeating: 0, count: slots.count * 2)
        for value in slots where value != 0 {
            var place = Int(value & UInt64(larger.count - 1))
            while larger[place] != 0 { place = (place + 1) & (larger.count - 1) }
            larger[place] = value
        }
        slots = larger
    }
}
