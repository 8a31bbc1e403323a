// Pemba: entities in the order of their ids.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The entities of each type, sorted by id: made when the first read needs it, piece by piece, and kept from then on.
///
/// Entities are taken in by ascending number; those below `next` are in. So a new number costs nothing until a read
/// asks again, and only a number that is used again is taken in at once. Leaves of at most `leafLimit` entities make
/// taking one in or out cost a few comparisons and a short move.
struct EntityOrder {
    private static let leafLimit = 512

    /// The leaves of each type by its number, as far as there are any; no leaf is empty.
    private var leaves: [[[UInt32]]]
    /// Entities below this number are in.
    private(set) var next = EntityNumber.first

    init(typeCount: Int) { leaves = [[[UInt32]]](repeating: [], count: typeCount) }

    /// Makes room for a type: the present schema may have fewer than one of the past.
    private mutating func makeRoom(_ type: Int) {
        while leaves.count <= type { leaves.append([]) }
    }

    /// Takes in up to `work` entities; true once all are in.
    mutating func extend(_ entities: EntityStore, work: Int) -> Bool {
        let end = entities.end
        let stop = UInt32(min(Int(end), Int(next) + work))
        while next < stop {
            let entity = next
            next += 1
            if entities.records[Int(entity)].type != 0 { add(entity, entities) }
        }
        return next == end
    }

    /// An entity got its first tuple.
    mutating func didAdd(_ entity: UInt32, _ entities: EntityStore) {
        if entity < next { add(entity, entities) }
    }

    /// An entity lost its last tuple and is about to be forgotten.
    mutating func willRemove(_ entity: UInt32, _ entities: EntityStore) {
        guard entity < next else { return }
        let type = Int(entities.records[Int(entity)].type)
        let id = entities.id(of: entity)
        let leaf = self.leaf(type, id, entities)
        let place = EntityOrder.place(leaves[type][leaf], id, entities)
        precondition(leaves[type][leaf][place] == entity, "an entity is missing from the order of reads")
        leaves[type][leaf].remove(at: place)
        if leaves[type][leaf].isEmpty { leaves[type].remove(at: leaf) }
    }

    private mutating func add(_ entity: UInt32, _ entities: EntityStore) {
        let type = Int(entities.records[Int(entity)].type)
        let id = entities.id(of: entity)
        makeRoom(type)
        guard !leaves[type].isEmpty else {
            leaves[type].append([entity])
            return
        }
        let leaf = self.leaf(type, id, entities)
        let place = EntityOrder.place(leaves[type][leaf], id, entities)
        leaves[type][leaf].insert(entity, at: place)
        let count = leaves[type][leaf].count
        guard count > EntityOrder.leafLimit else { return }
        // Ascending ids, which are the usual ones, leave full leaves behind.
        let keep = place == count - 1 ? count - 1 : count / 2
        let right = Array(leaves[type][leaf][keep...])
        leaves[type][leaf].removeSubrange(keep...)
        leaves[type].insert(right, at: leaf + 1)
    }

    /// The leaf where an id belongs: the last one that does not start after it.
    private func leaf(_ type: Int, _ id: UnsafeRawBufferPointer, _ entities: EntityStore) -> Int {
        var low = 0
        var high = leaves[type].count
        while high - low > 1 {
            let middle = (low + high) / 2
            if StateReader.order(entities.id(of: leaves[type][middle][0]), id) <= 0 {
                low = middle
            } else {
                high = middle
            }
        }
        return low
    }

    /// The place of the first entity of a leaf that does not come before an id.
    private static func place(_ leaf: [UInt32], _ id: UnsafeRawBufferPointer, _ entities: EntityStore) -> Int {
        var low = 0
        var high = leaf.count
        while low < high {
            let middle = (low + high) / 2
            if StateReader.order(entities.id(of: leaf[middle]), id) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Calls `body` with the type's entities from the id `start` on, until it gives false.
    func walk(_ type: UInt32, from start: String, _ entities: EntityStore, _ body: (UInt32) -> Bool) {
        var bytes = start
        let from: (leaf: Int, place: Int)? = bytes.withUTF8 { utf8 in
            guard Int(type) < leaves.count, !leaves[Int(type)].isEmpty else { return nil }
            let id = UnsafeRawBufferPointer(utf8)
            let leaf = self.leaf(Int(type), id, entities)
            return (leaf, EntityOrder.place(leaves[Int(type)][leaf], id, entities))
        }
        guard let from else { return }
        var place = from.place
        for leaf in leaves[Int(type)][from.leaf...] {
            while place < leaf.count {
                guard body(leaf[place]) else { return }
                place += 1
            }
            place = 0
        }
    }
}
