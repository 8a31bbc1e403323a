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
        // Bytes that do not lie side by side are rare, and walking a generic collection costs a call for each of them.
        if bytes.withContiguousStorageIfAvailable({ combine(contiguous: $0) }) == nil {
            Array(bytes).withUnsafeBufferPointer { combine(contiguous: $0) }
        }
    }

    private mutating func combine(contiguous bytes: UnsafeBufferPointer<UInt8>) {
        var place = 0
        while place < bytes.count {
            var word: UInt64 = 0
            let end = min(place + 8, bytes.count)
            for shift in 0..<(end - place) { word |= UInt64(bytes[place + shift]) << UInt64(shift * 8) }
            combine(word)
            place = end
        }
        combine(UInt64(bytes.count))
    }

    /// The hash of all that was added.
    package var value: UInt64 { SeededRandom.mix(state) }
}
