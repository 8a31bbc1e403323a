// Pemba: a fingerprint of the stored tuples.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// A 128-bit fingerprint of a set of tuples: the sum, modulo 2^128, of a hash of each tuple's canonical bytes.
///
/// It does not depend on the order of writes or on how the graph numbers things, so that replicas can compare it; it
/// is stored in snapshots, hence its definition is final. It tells accidents, not forgeries.
package struct ContentHash: Hashable, Sendable {
    /// The lower 64 bits.
    package var low: UInt64
    /// The upper 64 bits.
    package var high: UInt64

    /// Makes a fingerprint of its halves.
    package init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// The fingerprint of no tuples.
    package static let zero = ContentHash(low: 0, high: 0)

    /// Adds the hash of a tuple.
    mutating func add(_ other: ContentHash) {
        let (sum, carry) = low.addingReportingOverflow(other.low)
        low = sum
        high = high &+ other.high &+ (carry ? 1 : 0)
    }

    /// Takes the hash of a tuple away.
    mutating func subtract(_ other: ContentHash) {
        let (difference, borrow) = low.subtractingReportingOverflow(other.low)
        low = difference
        high = high &- other.high &- (borrow ? 1 : 0)
    }
}

/// Hashes a tuple's canonical bytes: each of its six parts as a length and its bytes, zero-padded to whole words.
struct TupleHasher {
    private var low: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var high: UInt64 = 0xC2B2_AE3D_27D4_EB4F

    @inline(__always)
    private mutating func absorb(_ word: UInt64) {
        let product = (low ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        low = product.low ^ high
        high = (product.high &+ word) &* 0xFF51_AFD7_ED55_8CCD ^ (high >> 29)
    }

    /// Takes in the next part.
    @inline(__always)
    mutating func part(_ bytes: UnsafeRawBufferPointer) {
        absorb(UInt64(bytes.count))
        var offset = 0
        while offset + 8 <= bytes.count {
            absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        guard offset < bytes.count else { return }
        var rest: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count {
            rest |= UInt64(bytes[offset]) << shift
            shift += 8
            offset += 1
        }
        absorb(rest)
    }

    /// The hash of all parts.
    @inline(__always)
    mutating func finish() -> ContentHash {
        absorb(0x5851_F42D_4C95_7F2D)
        absorb(high)
        absorb(low)
        return ContentHash(low: low, high: high)
    }

    /// The hash of a tuple; `full` is the same tuple if it has a caveat or times, which are then parts as well: the
    /// caveat's name and its context as JSON, and the two times in nanoseconds, each empty if there is none.
    static func hash(_ view: CheckView, _ full: RelationTuple?) -> ContentHash {
        var hasher = TupleHasher()
        hasher.part(view.resourceType)
        hasher.part(view.resourceID)
        hasher.part(view.permission)
        hasher.part(view.subjectType)
        hasher.part(view.subjectID)
        hasher.part(view.subjectRelation)
        if let full {
            hasher.part(full.caveat?.name ?? "")
            hasher.part(full.caveat?.context.json ?? "")
            hasher.part(full.expiresAt.map { String($0.nanoseconds) } ?? "")
            hasher.part(full.notBefore.map { String($0.nanoseconds) } ?? "")
        }
        return hasher.finish()
    }

    private mutating func part(_ text: String) {
        var copy = text
        copy.withUTF8 { part(UnsafeRawBufferPointer($0)) }
    }
}
