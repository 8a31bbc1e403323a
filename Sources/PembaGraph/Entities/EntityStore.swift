// Pemba: interning objects.
// SPDX-License-Identifier: Apache-2.0

/// The objects and subjects that have tuples, numbered; finds them by type and id.
///
/// A record whose rows are both empty is to be given back (`reclaim`): its number and its id's memory are used again.
/// The owner calls `release`.
struct EntityStore {
    /// The records by number.
    let records: UnsafeMutablePointer<EntityRecord>
    private let recordRegion: Region<EntityRecord>
    private let strings: Region<UInt64>
    private let freeStrings: UnsafeMutablePointer<UInt32>
    private let state: UnsafeMutablePointer<State>
    private let seed: UInt64
    let index: EntityIndex

    private static let stringClasses = 130

    private struct State {
        /// The first number never used.
        var top: UInt32
        /// The last record given back, or 0.
        var firstFree: UInt32
        /// How many are in use.
        var count: Int
        /// The first string unit never used.
        var stringTop: Int
    }

    init(capacity: GraphCapacity, seed: UInt64) {
        recordRegion = Region(capacity: capacity.entities + 2, hugePages: capacity.hugePages)
        records = recordRegion.base
        strings = Region(capacity: capacity.stringBytes / MemoryLayout<UInt64>.size, hugePages: capacity.hugePages)
        freeStrings = .allocate(capacity: EntityStore.stringClasses)
        freeStrings.initialize(repeating: 0, count: EntityStore.stringClasses)
        state = .allocate(capacity: 1)
        state.initialize(to: State(top: EntityNumber.first, firstFree: 0, count: 0, stringTop: 1))
        index = EntityIndex(capacity: capacity)
        self.seed = seed
    }

    func release() {
        recordRegion.release()
        strings.release()
        freeStrings.deallocate()
        state.deallocate()
        index.release()
    }

    /// How many entities there are.
    var count: Int { state.pointee.count }

    /// The end of the numbers ever used.
    var end: UInt32 { state.pointee.top }

    /// Bytes ever used for records, ids and their index.
    var usedBytes: Int {
        Int(state.pointee.top) * MemoryLayout<EntityRecord>.stride + state.pointee.stringTop * MemoryLayout<UInt64>.size
            + index.usedBytes
    }

    /// The hash under which the index keeps an object.
    @inline(__always)
    func hash(type: UInt32, id: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: ByteHash.hash(id, scope: UInt64(type), seed: seed) >> 32)
    }

    /// The id's bytes.
    @inline(__always)
    func id(of entity: UInt32) -> UnsafeRawBufferPointer {
        let record = records[Int(entity)]
        return UnsafeRawBufferPointer(start: strings.base + Int(record.string), count: Int(record.length))
    }

    /// Whether `entity` is the object of that type and id.
    @inline(__always)
    func matches(_ entity: UInt32, type: UInt32, id: UnsafeRawBufferPointer) -> Bool {
        let record = records[Int(entity)]
        guard UInt32(record.type) == type, Int(record.length) == id.count, let bytes = id.baseAddress else {
            return false
        }
        return ByteHash.equal(UnsafeRawPointer(strings.base + Int(record.string)), bytes, count: id.count)
    }

    /// The number of an object; `EntityNumber.none` if it has no tuples.
    @inline(__always)
    func find(type: UInt32, id: UnsafeRawBufferPointer) -> UInt32 { find(hash(type: type, id: id), type: type, id: id) }

    /// The number of an object whose hash is known.
    @inline(__always)
    func find(_ hash: UInt32, type: UInt32, id: UnsafeRawBufferPointer) -> UInt32 {
        var probe = index.probe(hash)
        while true {
            let slot = index.next(&probe)
            if slot == 0 { return EntityNumber.none }
            if slot >> 32 == UInt64(hash) {
                let entity = UInt32(truncatingIfNeeded: slot)
                if matches(entity, type: type, id: id) { return entity }
            }
        }
    }

    /// The numbers of two objects.
    ///
    /// Both lookups take each step together, so that the processor waits for their cache misses at the same time.
    @inline(__always)
    func find(
        type: UInt32,
        id: UnsafeRawBufferPointer,
        andType otherType: UInt32,
        id otherID: UnsafeRawBufferPointer
    ) -> (UInt32, UInt32) {
        let hash = hash(type: type, id: id)
        let otherHash = self.hash(type: otherType, id: otherID)
        var probe = index.probe(hash)
        var otherProbe = index.probe(otherHash)
        let slot = index.next(&probe)
        let otherSlot = index.next(&otherProbe)
        let candidate = candidate(hash, slot, probe)
        let otherCandidate = self.candidate(otherHash, otherSlot, otherProbe)
        let string = strings.base + Int(records[Int(candidate)].string)
        let otherString = strings.base + Int(records[Int(otherCandidate)].string)
        // Record and string 0 are there to be read when there is no candidate.
        let words = (string.pointee, otherString.pointee)
        return (
            confirm(candidate, words.0, hash, type, id), confirm(otherCandidate, words.1, otherHash, otherType, otherID)
        )
    }

    /// The first entity with this hash on a walk that has read its first slot.
    @inline(__always)
    private func candidate(_ hash: UInt32, _ first: UInt64, _ probe: EntityIndex.Probe) -> UInt32 {
        var probe = probe
        var slot = first
        while slot != 0, slot >> 32 != UInt64(hash) { slot = index.next(&probe) }
        return UInt32(truncatingIfNeeded: slot)
    }

    /// The candidate if it is the object; otherwise what a whole lookup finds.
    @inline(__always)
    private func confirm(
        _ candidate: UInt32,
        _ firstWord: UInt64,
        _ hash: UInt32,
        _ type: UInt32,
        _ id: UnsafeRawBufferPointer
    ) -> UInt32 {
        if candidate == EntityNumber.none { return candidate }
        if id.count >= 8, id.loadUnaligned(as: UInt64.self) != firstWord { return find(hash, type: type, id: id) }
        return matches(candidate, type: type, id: id) ? candidate : find(hash, type: type, id: id)
    }

    /// The first entity with this hash, which is most likely the one that a lookup finds; `EntityNumber.none` if there is
    /// none.
    @inline(__always)
    func candidate(_ hash: UInt32) -> UInt32 {
        var probe = index.probe(hash)
        let slot = index.next(&probe)
        return candidate(hash, slot, probe)
    }

    /// Where an entity's id is.
    @inline(__always)
    func idStart(_ entity: UInt32) -> UnsafePointer<UInt64> {
        UnsafePointer(strings.base + Int(records[Int(entity)].string))
    }

    /// The candidate if it is the object; otherwise what a whole lookup finds.
    @inline(__always)
    func confirm(_ candidate: UInt32, _ hash: UInt32, type: UInt32, id: UnsafeRawBufferPointer) -> UInt32 {
        if candidate == EntityNumber.none || matches(candidate, type: type, id: id) { return candidate }
        return find(hash, type: type, id: id)
    }

    /// The number of an object, which gets one if it has none.
    func intern(type: UInt32, id: UnsafeRawBufferPointer) -> (entity: UInt32, isNew: Bool) {
        let hash = hash(type: type, id: id)
        let found = find(hash, type: type, id: id)
        if found != EntityNumber.none { return (found, false) }
        let entity = takeNumber()
        records[Int(entity)] = EntityRecord(
            string: store(id),
            length: UInt16(id.count),
            type: UInt16(type),
            forward: 0,
            reverse: 0
        )
        state.pointee.count += 1
        index.insert(hash, entity)
        return (entity, true)
    }

    /// Takes an object without tuples out.
    func reclaim(_ entity: UInt32) {
        let record = records[Int(entity)]
        precondition(record.type != 0 && record.forward == 0 && record.reverse == 0, "an entity in use was reclaimed")
        let id = id(of: entity)
        index.remove(hash(type: UInt32(record.type), id: id), entity)
        let units = EntityStore.units(id.count)
        strings.base[Int(record.string)] = UInt64(freeStrings[units])
        freeStrings[units] = record.string
        records[Int(entity)] = EntityRecord(
            string: 0,
            length: 0,
            type: 0,
            forward: UInt64(state.pointee.firstFree),
            reverse: 0
        )
        state.pointee.firstFree = entity
        state.pointee.count -= 1
    }

    private func takeNumber() -> UInt32 {
        let free = state.pointee.firstFree
        if free != 0 {
            state.pointee.firstFree = UInt32(truncatingIfNeeded: records[Int(free)].forward)
            return free
        }
        let entity = state.pointee.top
        precondition(Int(entity) < recordRegion.capacity, "the memory reserved for entities is used up")
        state.pointee.top = entity + 1
        return entity
    }

    private static func units(_ bytes: Int) -> Int { (bytes + 7) >> 3 }

    private func store(_ id: UnsafeRawBufferPointer) -> UInt32 {
        let units = EntityStore.units(id.count)
        precondition(units > 0 && units < EntityStore.stringClasses, "an id has 1 to 1,024 bytes")
        var reference = freeStrings[units]
        if reference != 0 {
            freeStrings[units] = UInt32(truncatingIfNeeded: strings.base[Int(reference)])
        } else {
            let top = state.pointee.stringTop
            precondition(top + units <= strings.capacity, "the memory reserved for ids is used up")
            state.pointee.stringTop = top + units
            reference = UInt32(truncatingIfNeeded: top)
        }
        UnsafeMutableRawBufferPointer(start: strings.base + Int(reference), count: id.count).copyMemory(from: id)
        return reference
    }
}
