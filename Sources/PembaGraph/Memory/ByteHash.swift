// Pemba: hashing ids and names.
// SPDX-License-Identifier: Apache-2.0

/// A keyed 64-bit hash of bytes by folded multiplication: for tables in memory, never for what is stored or sent.
///
/// Ids come from clients, so the seed is a secret of the node: without it nobody can aim at one slot.
package enum ByteHash {
    private static let first: UInt64 = 0x8BB8_4B93_962E_ACC9
    private static let second: UInt64 = 0x2D35_8DCC_AA6C_78A5
    private static let third: UInt64 = 0x4B33_A62E_D433_D4A3

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// The hash of `bytes` in the name space `scope`.
    @inline(__always)
    package static func hash(_ bytes: UnsafeRawBufferPointer, scope: UInt64, seed: UInt64) -> UInt64 {
        var state = fold(seed ^ first, scope &+ second)
        guard var cursor = bytes.baseAddress else { return fold(state, third) }
        var left = bytes.count
        while left > 16 {
            let low = cursor.loadUnaligned(as: UInt64.self)
            let high = cursor.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            state = fold(low ^ second, high ^ state)
            cursor += 16
            left -= 16
        }
        let tail = Self.tail(cursor, count: left)
        state = fold(tail.low ^ second, tail.high ^ state)
        return fold(state ^ third, UInt64(truncatingIfNeeded: bytes.count) ^ first)
    }

    /// The last 0 to 16 bytes as two words; different tails of one length give different words.
    @inline(__always)
    private static func tail(_ cursor: UnsafeRawPointer, count: Int) -> (low: UInt64, high: UInt64) {
        if count >= 8 {
            let low = cursor.loadUnaligned(as: UInt64.self)
            return (low, cursor.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
        }
        if count >= 4 {
            let low = cursor.loadUnaligned(as: UInt32.self)
            return (UInt64(low), UInt64(cursor.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)))
        }
        guard count > 0 else { return (0, 0) }
        let start = UInt64(cursor.load(as: UInt8.self))
        let middle = UInt64(cursor.load(fromByteOffset: count >> 1, as: UInt8.self))
        let end = UInt64(cursor.load(fromByteOffset: count - 1, as: UInt8.self))
        return ((start << 16) | (middle << 8) | end, 0)
    }

    /// Whether two slices hold the same bytes.
    @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, count: Int) -> Bool {
        var offset = 0
        while offset + 8 <= count {
            let ours = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard ours == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset += 8
        }
        while offset < count {
            let ours = left.load(fromByteOffset: offset, as: UInt8.self)
            guard ours == right.load(fromByteOffset: offset, as: UInt8.self) else { return false }
            offset += 1
        }
        return true
    }
}
