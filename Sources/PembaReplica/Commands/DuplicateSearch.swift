// Pemba: which tuple of a list is listed twice.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph

/// Finds tuples of one list that differ in caveat and times at most.
///
/// Every write is searched when it is proposed and when it is applied, a replayed log's as well: so it takes no set of
/// tuples, whose hashing and copying outweighed all the rest of a replay.
struct DuplicateSearch {
    /// Lists of so many are compared pair by pair, which takes no memory.
    private static let pairwiseMost = 6

    /// The hash of what the tuples are compared by; others than the usual are for tests.
    var hash: (RelationTuple) -> UInt64 = DuplicateSearch.hash

    /// A tuple, and how many come before it.
    typealias Found = (position: Int, tuple: RelationTuple)

    /// The first tuple that names the same as one before it; nil if there is none.
    func firstRepeated(in tuples: some RandomAccessCollection<RelationTuple>) -> Found? {
        guard tuples.count > 1 else { return nil }
        return tuples.count <= DuplicateSearch.pairwiseMost ? firstRepeatedPair(in: tuples) : firstInTable(tuples)
    }

    private func firstRepeatedPair(in tuples: some RandomAccessCollection<RelationTuple>) -> Found? {
        for (place, tuple) in tuples.enumerated() where tuples.prefix(place).contains(where: tuple.namesSame(as:)) {
            return (place, tuple)
        }
        return nil
    }

    /// Keeps the hash of each tuple in a table of at least twice as many slots, and compares only tuples whose hashes are
    /// the same.
    private func firstInTable(_ tuples: some RandomAccessCollection<RelationTuple>) -> Found? {
        let mask = 1 << (Int.bitWidth - (2 * tuples.count - 1).leadingZeroBitCount) - 1
        /// Places of tuples, from 1; 0 is a free slot.
        var places = [UInt32](repeating: 0, count: mask + 1)
        var hashes = [UInt64](repeating: 0, count: mask + 1)
        for (place, tuple) in tuples.enumerated() {
            let hash = hash(tuple)
            var slot = Int(truncatingIfNeeded: hash) & mask
            while places[slot] != 0 {
                if hashes[slot] == hash {
                    let other = tuples.index(tuples.startIndex, offsetBy: Int(places[slot]) - 1)
                    if tuple.namesSame(as: tuples[other]) { return (place, tuple) }
                }
                slot = (slot + 1) & mask
            }
            places[slot] = UInt32(place + 1)
            hashes[slot] = hash
        }
        return nil
    }

    /// A hash of the six names and ids.
    ///
    /// It needs no secret: a list that is made to collide costs a comparison for each pair, and has
    /// `Limits.updatesPerWrite` tuples at most.
    private static func hash(_ tuple: RelationTuple) -> UInt64 {
        tuple.withView { view in
            var hash = ByteHash.hash(view.resourceID, scope: 0, seed: 0)
            hash = ByteHash.hash(view.subjectID, scope: 1, seed: hash)
            hash = ByteHash.hash(view.permission, scope: 2, seed: hash)
            hash = ByteHash.hash(view.subjectRelation, scope: 3, seed: hash)
            hash = ByteHash.hash(view.resourceType, scope: 4, seed: hash)
            return ByteHash.hash(view.subjectType, scope: 5, seed: hash)
        }
    }
}

extension RelationTuple {
    /// Whether both name the same two ends and relation, whatever else they carry; what differs most is compared first.
    fileprivate func namesSame(as other: RelationTuple) -> Bool {
        subject.object.id.hasSameBytes(as: other.subject.object.id) && resource.id.hasSameBytes(as: other.resource.id)
            && relation.hasSameBytes(as: other.relation) && resource.type.hasSameBytes(as: other.resource.type)
            && subject == other.subject
    }
}
