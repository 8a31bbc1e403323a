// Pemba: names to numbers.
// SPDX-License-Identifier: Apache-2.0

/// Finds the numbers of names from raw bytes: types in the scope 0, relations in the scope of their type's number.
///
/// Built once for each schema and then only read: open addressing at most half full, the names in one block of bytes.
struct NameIndex {
    private struct Slot: BitwiseCopyable {
        var hash: UInt32
        /// Where the name starts in `bytes`.
        var offset: UInt32
        var length: UInt16
        var scope: UInt16
        /// The number; 0 in a free slot.
        var value: UInt32
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private let bytes: UnsafeMutableRawPointer

    /// A name and its number, which is not 0.
    struct Item {
        var scope: UInt32
        var name: String
        var value: UInt32
    }

    init(_ items: [Item]) {
        var capacity = 16
        while capacity < items.count * 2 { capacity *= 2 }
        mask = capacity - 1
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(hash: 0, offset: 0, length: 0, scope: 0, value: 0), count: capacity)
        bytes = .allocate(byteCount: items.reduce(1) { $0 + $1.name.utf8.count }, alignment: 8)
        var offset = 0
        for item in items {
            let length = item.name.utf8.count
            for (position, byte) in item.name.utf8.enumerated() {
                bytes.storeBytes(of: byte, toByteOffset: offset + position, as: UInt8.self)
            }
            let name = UnsafeRawBufferPointer(start: bytes + offset, count: length)
            let hash = NameIndex.hash(name, scope: item.scope)
            var position = Int(hash) & mask
            while slots[position].value != 0 { position = (position + 1) & mask }
            slots[position] = Slot(
                hash: hash,
                offset: UInt32(offset),
                length: UInt16(length),
                scope: UInt16(item.scope),
                value: item.value
            )
            offset += length
        }
    }

    func release() {
        slots.deallocate()
        bytes.deallocate()
    }

    @inline(__always)
    private static func hash(_ name: UnsafeRawBufferPointer, scope: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: ByteHash.hash(name, scope: UInt64(scope), seed: 0))
    }

    /// The number of a name; 0 if it has none.
    @inline(__always)
    func find(_ name: UnsafeRawBufferPointer, scope: UInt32) -> UInt32 {
        guard let start = name.baseAddress else { return 0 }
        let hash = NameIndex.hash(name, scope: scope)
        var position = Int(hash) & mask
        while true {
            let slot = slots[position]
            if slot.value == 0 { return 0 }
            if slot.hash == hash, UInt32(slot.scope) == scope, Int(slot.length) == name.count,
                ByteHash.equal(bytes + Int(slot.offset), start, count: name.count)
            {
                return slot.value
            }
            position = (position + 1) & mask
        }
    }

    /// The number of a name; 0 if it has none.
    func find(_ name: String, scope: UInt32) -> UInt32 {
        var copy = name
        return copy.withUTF8 { find(UnsafeRawBufferPointer($0), scope: scope) }
    }
}
