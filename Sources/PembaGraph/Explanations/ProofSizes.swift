// Pemba: the shortest proofs.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// How long the shortest proof of each part is that holds, of what is certain or of what is possible.
///
/// Sizes grow from the tuples upward until none shrinks any more (Knuth, 1977), so that a part has a size only if
/// something that does not depend on it proves it: a proof contains no cycle.
struct ProofSizes {
    /// What a part without a proof has.
    static let none = Int.max
    /// What a sub-problem counts whose parts are not laid out.
    private static let closed = 1_000
    private static let most = 1 << 40

    private let network: ExplanationNetwork
    private let mode: Standing
    private var sizes: [Int]

    /// `mode` is `.certain` or `.possible`.
    init(_ network: ExplanationNetwork, order: [Int], mode: Standing) {
        self.network = network
        self.mode = mode
        sizes = [Int](repeating: ProofSizes.none, count: network.parts.count)
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for place in order {
                let size = size(of: network.parts[place])
                guard size < sizes[place] else { continue }
                sizes[place] = size
                hasChanged = true
            }
        }
    }

    /// The parts of `candidates` that the shortest proof takes: the first of the shortest.
    func shortest(_ candidates: [Int]) -> Int? {
        var best: Int?
        for place in candidates where sizes[place] != ProofSizes.none {
            if best.map({ sizes[place] < sizes[$0] }) ?? true { best = place }
        }
        return best
    }

    private func size(of part: ExplanationNetwork.Part) -> Int {
        guard part.standing.isSuperset(of: mode) else { return ProofSizes.none }
        switch part.kind {
        case .empty: return ProofSizes.none
        case .identity, .tuple: return 1
        case .closed: return ProofSizes.closed
        case .relation, .permission:
            let least = least(part.parts)
            return least == ProofSizes.none ? least : min(least + 1, ProofSizes.most)
        case .union, .arrow: return least(part.parts)
        case .intersection, .arrowAll, .through: return sum(part.parts[...])
        case .exclusion: return sum(part.parts[..<1])
        }
    }

    private func least(_ places: [Int]) -> Int { places.reduce(ProofSizes.none) { min($0, sizes[$1]) } }

    private func sum(_ places: ArraySlice<Int>) -> Int {
        var total = 1
        for place in places {
            guard sizes[place] != ProofSizes.none else { return ProofSizes.none }
            total = min(total + sizes[place], ProofSizes.most)
        }
        return total
    }
}

extension ExplanationNetwork {
    /// All parts that the question depends on, each after what it is made of, but for cycles.
    var bottomUp: [Int] {
        var order: [Int] = []
        var isSeen = [Bool](repeating: false, count: parts.count)
        var path: [(place: Int, next: Int)] = [(ExplanationNetwork.question, 0)]
        isSeen[ExplanationNetwork.question] = true
        while let (place, next) = path.last {
            guard next < parts[place].parts.count else {
                order.append(place)
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let child = parts[place].parts[next]
            guard !isSeen[child] else { continue }
            isSeen[child] = true
            path.append((child, 0))
        }
        return order
    }
}
