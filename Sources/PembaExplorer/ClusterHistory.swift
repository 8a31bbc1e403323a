// Pemba: what was decided on the way to a state.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// What a state does not show any more, and what must stay true.
struct ClusterHistory: Hashable {
    /// The leader of each term, by its number; 0: none yet.
    var leaders: [UInt64]
    /// Hashes of the committed log up to each entry.
    var committed: [UInt64] = []
    /// The terms in which they were committed.
    var committedIn: [UInt64] = []
    /// How much was committed when each read was asked for.
    var readFloors: [Int] = []

    func digest(naming name: (NodeID) -> UInt64) -> UInt64 {
        var hasher = StateHasher(domain: 13)
        for leader in leaders { hasher.combine(leader == 0 ? 0 : name(NodeID(leader))) }
        for hash in committed { hasher.combine(hash) }
        hasher.combine(UInt64(committed.count))
        for term in committedIn { hasher.combine(term) }
        for floor in readFloors { hasher.combine(UInt64(floor)) }
        hasher.combine(UInt64(readFloors.count))
        return hasher.value
    }
}
