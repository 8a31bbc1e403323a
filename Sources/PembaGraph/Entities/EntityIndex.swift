// Pemba: finding entities by hash.
// SPDX-License-Identifier: Apache-2.0

/// An extendible hash table of entity numbers (Fagin, Nievergelt, Pippenger and Strong, 1979).
///
/// A slot is 32 bits of hash and the number. The hash's top bits choose a segment through a directory, its lowest
/// where to look in the segment; a segment that is three quarters full splits in two by its own slots, strings are not
/// read. So it grows by one segment of 32 KiB at a time: no pause for a whole table, no two tables at once. The owner
/// calls `release`.
struct EntityIndex {
    private static let segmentBits = 12
    private static let segmentSlots = 1 << segmentBits
    private static let splitAbove = segmentSlots / 4 * 3
    /// Below 32 - `segmentBits`, so that the two parts of the hash do not overlap.
    private static let deepest = 20

    private struct Segment: BitwiseCopyable {
        /// Slots in use.
        var count: UInt32
        /// How many top bits of the hash all its slots share.
        var depth: UInt32
    }

    private struct State {
        /// The segment of each prefix of `depth` bits.
        var directory: UnsafeMutablePointer<UInt32>
        var depth: UInt32
        var segmentCount: Int
    }

    private let slots: Region<UInt64>
    private let segments: Region<Segment>
    private let state: UnsafeMutablePointer<State>
    private let scratch: UnsafeMutablePointer<UInt64>

    init(capacity: GraphCapacity) {
        let mostSegments = max(capacity.entities / (EntityIndex.segmentSlots / 4), 16)
        slots = Region(capacity: mostSegments << EntityIndex.segmentBits, hugePages: capacity.hugePages)
        segments = Region(capacity: mostSegments, hugePages: false)
        scratch = .allocate(capacity: EntityIndex.segmentSlots)
        scratch.initialize(repeating: 0, count: EntityIndex.segmentSlots)
        let directory = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        directory.initialize(to: 0)
        state = .allocate(capacity: 1)
        state.initialize(to: State(directory: directory, depth: 0, segmentCount: 1))
    }

    func release() {
        slots.release()
        segments.release()
        scratch.deallocate()
        state.pointee.directory.deallocate()
        state.deallocate()
    }

    var usedBytes: Int { state.pointee.segmentCount << (EntityIndex.segmentBits + 3) }

    /// A walk along the slots where a hash may be.
    struct Probe {
        let segment: UnsafeMutablePointer<UInt64>
        var position: Int
    }

    @inline(__always)
    private func segmentNumber(_ hash: UInt32) -> Int {
        let state = state.pointee
        return Int(state.directory[Int(UInt64(hash) &>> UInt64(32 &- state.depth))])
    }

    /// Where a walk starts, to be fetched before it does.
    @inline(__always)
    func start(_ hash: UInt32) -> UnsafePointer<UInt64> {
        let probe = probe(hash)
        return UnsafePointer(probe.segment + probe.position)
    }

    /// Starts a walk.
    @inline(__always)
    func probe(_ hash: UInt32) -> Probe {
        Probe(
            segment: slots.base + (segmentNumber(hash) << EntityIndex.segmentBits),
            position: Int(hash) & (EntityIndex.segmentSlots - 1)
        )
    }

    /// The next slot; 0 ends the walk.
    @inline(__always)
    func next(_ probe: inout Probe) -> UInt64 {
        let slot = probe.segment[probe.position]
        probe.position = (probe.position &+ 1) & (EntityIndex.segmentSlots - 1)
        return slot
    }

    /// Adds an entity that is not there.
    func insert(_ hash: UInt32, _ entity: UInt32) {
        var number = segmentNumber(hash)
        while Int(segments.base[number].count) >= EntityIndex.splitAbove {
            split(number, hash)
            number = segmentNumber(hash)
        }
        place((UInt64(hash) << 32) | UInt64(entity), in: number)
        segments.base[number].count += 1
    }

    private func place(_ slot: UInt64, in number: Int) {
        let base = slots.base + (number << EntityIndex.segmentBits)
        var position = Int(slot >> 32) & (EntityIndex.segmentSlots - 1)
        while base[position] != 0 { position = (position + 1) & (EntityIndex.segmentSlots - 1) }
        base[position] = slot
    }

    private func split(_ number: Int, _ hash: UInt32) {
        let depth = segments.base[number].depth
        precondition(depth < EntityIndex.deepest, "the index of entities is full")
        if depth == state.pointee.depth { doubleDirectory() }
        let added = state.pointee.segmentCount
        precondition(added < segments.capacity, "the memory reserved for the index of entities is used up")
        state.pointee.segmentCount = added + 1
        segments.base[number] = Segment(count: 0, depth: depth + 1)
        segments.base[added] = Segment(count: 0, depth: depth + 1)
        // The prefixes that the segment served are neighbours in the directory; the upper half goes to the new one.
        let below = state.pointee.depth - depth
        let first = Int(UInt64(hash) >> UInt64(32 - depth)) << Int(below)
        let half = 1 << Int(below - 1)
        for prefix in (first + half)..<(first + 2 * half) { state.pointee.directory[prefix] = UInt32(added) }
        let base = slots.base + (number << EntityIndex.segmentBits)
        scratch.update(from: base, count: EntityIndex.segmentSlots)
        base.update(repeating: 0, count: EntityIndex.segmentSlots)
        for position in 0..<EntityIndex.segmentSlots where scratch[position] != 0 {
            let slot = scratch[position]
            let target = (slot >> UInt64(63 - depth)) & 1 == 0 ? number : added
            place(slot, in: target)
            segments.base[target].count += 1
        }
    }

    private func doubleDirectory() {
        let old = state.pointee.directory
        let count = 1 << Int(state.pointee.depth)
        let new = UnsafeMutablePointer<UInt32>.allocate(capacity: 2 * count)
        for prefix in 0..<count {
            (new + 2 * prefix).initialize(to: old[prefix])
            (new + 2 * prefix + 1).initialize(to: old[prefix])
        }
        state.pointee.directory = new
        state.pointee.depth += 1
        old.deallocate()
    }

    /// Takes an entity out and closes the gap, so that no walk ends early and nothing marks the place.
    func remove(_ hash: UInt32, _ entity: UInt32) {
        let number = segmentNumber(hash)
        let base = slots.base + (number << EntityIndex.segmentBits)
        let mask = EntityIndex.segmentSlots - 1
        var hole = Int(hash) & mask
        while UInt32(truncatingIfNeeded: base[hole]) != entity {
            precondition(base[hole] != 0, "an entity is missing from the index")
            hole = (hole + 1) & mask
        }
        var position = hole
        while true {
            position = (position + 1) & mask
            let slot = base[position]
            if slot == 0 { break }
            let home = Int(slot >> 32) & mask
            // The slot may fill the hole only if its walk passes there.
            if (position - home) & mask >= (position - hole) & mask {
                base[hole] = slot
                hole = position
            }
        }
        base[hole] = 0
        segments.base[number].count -= 1
    }
}
