// Pemba: the ways in which nodes can be exchanged.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The permutations of the nodes' ids, the identity first, that exchange only nodes which differ in nothing but their ids.
struct NodeNamings {
    /// By permutation, the name of each node by its id.
    private let names: [[UInt64]]

    init(_ bounds: ExplorationBounds) {
        let ids = bounds.nodes.map(\.rawValue)
        names = NodeNamings.permutations(of: ids).filter(bounds.areAlike).map { [0] + $0 }
    }

    /// How many there are.
    var count: Int { names.count }

    /// What `digest` makes of something under each of them.
    func digests(_ digest: ((NodeID) -> UInt64) -> UInt64) -> [UInt64] {
        names.map { names in digest { names[Int($0.rawValue)] } }
    }

    private static func permutations(of ids: [UInt64]) -> [[UInt64]] {
        guard ids.count > 1 else { return [ids] }
        return ids.indices.flatMap { place in
            var rest = ids
            let first = rest.remove(at: place)
            return permutations(of: rest).map { [first] + $0 }
        }
    }
}
