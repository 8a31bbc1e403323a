// Pemba: the ids of what lookups find.
// SPDX-License-Identifier: Apache-2.0

/// The ids of entities, and of the one object of a request that has no tuples (`EntityNumber.unknownResource`).
///
/// The owner calls `release`.
struct LookupIDs {
    private let entities: EntityStore
    private let unknown: UnsafeMutableRawBufferPointer

    init(_ entities: EntityStore, unknown id: String) {
        self.entities = entities
        unknown = .allocate(byteCount: id.utf8.count, alignment: 8)
        unknown.copyBytes(from: id.utf8)
    }

    func release() { unknown.deallocate() }

    @inline(__always)
    func id(of entity: UInt32) -> UnsafeRawBufferPointer {
        entity == EntityNumber.unknownResource ? UnsafeRawBufferPointer(unknown) : entities.id(of: entity)
    }

    func text(of entity: UInt32) -> String { String(decoding: id(of: entity), as: UTF8.self) }

    /// The object of a type and id: the one that had no tuples when the request began, or an entity;
    /// `EntityNumber.none` for others.
    func find(type: UInt32, id: String, unknownType: UInt32) -> UInt32 {
        var copy = id
        return copy.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            // It may have got tuples since.
            if type == unknownType, bytes.elementsEqual(unknown) { return EntityNumber.unknownResource }
            return entities.find(type: type, id: bytes)
        }
    }

    /// Eight bytes of an id from `offset` on as a number that sorts as they do.
    ///
    /// An id that ends earlier is filled up with zeros, which no id holds.
    @inline(__always)
    func word(_ entity: UInt32, from offset: Int) -> UInt64 {
        let id = id(of: entity)
        if offset + 8 <= id.count {
            return UInt64(bigEndian: id.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        var word: UInt64 = 0
        var place = offset
        while place < offset + 8 {
            word = word << 8 | (place < id.count ? UInt64(id[place]) : 0)
            place += 1
        }
        return word
    }
}

/// Which of the things found are given.
struct LookupFilter {
    private let prefix: [UInt8]

    init(prefix: String) { self.prefix = [UInt8](prefix.utf8) }

    /// Whether an id has the prefix and comes after `after`; the id is not looked at where all are admitted.
    @inline(__always)
    func admits(after: String?, _ id: () -> UnsafeRawBufferPointer) -> Bool {
        if prefix.isEmpty, after == nil { return true }
        let id = id()
        if !prefix.isEmpty {
            guard id.count >= prefix.count, id.prefix(prefix.count).elementsEqual(prefix) else { return false }
        }
        guard let after else { return true }
        return StateReader.order(id, after) > 0
    }
}
