// Pemba: one end of a tuple as a number.
// SPDX-License-Identifier: Apache-2.0

/// One end of a tuple in a row: relation 12 bits, subject relation 12 bits, entity 32 bits, flags 8 bits, from the top.
///
/// In a forward row, which belongs to a resource, the entity is the subject; in a reverse row, which belongs to a
/// subject, it is the resource. The relation is numbered in the resource's type, the subject relation in the subject's
/// (0: none). Rows are sorted by this number: a relation's entries lie together, plain subjects before usersets, and
/// the flags, being lowest, do not keep a probe from its entry. Bit 0 marks a row of one entry inside a record; bit 1
/// marks an entry whose tuple has a condition or a time, which `TraitTable` keeps; bits 2 to 7 are free.
enum RowEntry {
    /// The flag of an entry whose tuple has traits.
    static let hasTraits: UInt64 = 2
    /// One step of the entity: what to add to a key to skip its entry whatever its flags.
    static let step: UInt64 = 1 << 8
    /// The highest number of a relation.
    static let highestRelation = 4_094

    @inline(__always)
    static func make(relation: UInt32, subjectRelation: UInt32, entity: UInt32) -> UInt64 {
        (UInt64(relation) << 52) | (UInt64(subjectRelation) << 40) | (UInt64(entity) << 8)
    }

    /// The first possible entry of a relation; of the relation after it, the end of its range.
    @inline(__always)
    static func start(ofRelation relation: UInt32) -> UInt64 { UInt64(relation) << 52 }

    /// The first possible userset of a relation.
    @inline(__always)
    static func start(ofUsersetsOf relation: UInt32) -> UInt64 { (UInt64(relation) << 52) | (1 << 40) }

    @inline(__always)
    static func relation(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 52) }

    @inline(__always)
    static func subjectRelation(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 40) & 0xFFF }

    @inline(__always)
    static func entity(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 8) }

    /// The entry without its flags.
    @inline(__always)
    static func key(_ entry: UInt64) -> UInt64 { entry & ~0xFF }

    /// Whether the entry's tuple has a condition or a time.
    @inline(__always)
    static func hasTraits(_ entry: UInt64) -> Bool { entry & hasTraits != 0 }

    /// The other end of a tuple: the entry that belongs to `entity`'s row when this one names it, with the same flags.
    @inline(__always)
    static func mirror(_ entry: UInt64, naming entity: UInt32) -> UInt64 {
        (entry & ~(UInt64(UInt32.max) << 8)) & ~1 | (UInt64(entity) << 8)
    }
}

/// Where a row is: 0 for an empty row; with bit 0 set, the row's only entry itself; otherwise a reference to its
/// block in the arena (upper 32 bits), its count (30 bits), and whether the block is a directory of leaves (bit 1).
///
/// It is one word so that a changed row, written elsewhere, is published by one store.
struct RowWord {
    let raw: UInt64

    @inline(__always)
    init(raw: UInt64) { self.raw = raw }

    /// A row in the arena.
    @inline(__always)
    init(reference: UInt32, count: Int, isLarge: Bool) {
        precondition(count < 1 << 30, "a row holds fewer than 2^30 entries")
        raw = (UInt64(reference) << 32) | (UInt64(count) << 2) | (isLarge ? 2 : 0)
    }

    /// A row of one entry.
    @inline(__always)
    init(single entry: UInt64) { raw = entry | 1 }

    static let empty = RowWord(raw: 0)

    @inline(__always)
    var isEmpty: Bool { raw == 0 }

    @inline(__always)
    var isSingle: Bool { raw & 1 != 0 }

    @inline(__always)
    var isLarge: Bool { raw & 3 == 2 }

    @inline(__always)
    var reference: Int { Int(raw >> 32) }

    @inline(__always)
    var count: Int { isSingle ? 1 : Int((raw & 0xFFFF_FFFF) >> 2) }
}
