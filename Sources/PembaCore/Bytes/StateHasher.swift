// Pemba: a hash that is the same on every node and in every build.
// SPDX-License-Identifier: Apache-2.0

/// A 64-bit hash for comparing states between nodes.
///
/// (`Hasher` is seeded per process.) Not for secrets.
package struct StateHasher {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Starts a hash of the kind of thing `domain`, so that different things with equal fields differ.
    package init(domain: UInt64) { combine(domain) }

    /// Adds a number.
    package mutating func combine(_ value: UInt64) {
        state = SeededRandom.mix(state ^ value) &+ 0x9E37_79B9_7F4A_7C15
    }

    /// Adds bytes and their count.
    package mutating func combine(_ bytes: some Collection<UInt8>) {
        var word: UInt64 = 0
        var filled: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << (filled * 8)
            filled += 1
            if filled == 8 {
                combine(word)
                word = 0
                filled = 0
            }
        }
        if filled > 0 { combine(word) }
        combine(UInt64(bytes.count))
    }

    /// The hash of all that was added.
    package var value: UInt64 { SeededRandom.mix(state) }
}
