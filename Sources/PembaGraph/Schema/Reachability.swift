// Pemba: which subjects a relation or permission can lead to at all.
// SPDX-License-Identifier: Apache-2.0

/// For each node the types of subjects that can possibly have it, so that evaluation leaves out branches that cannot
/// lead to the subject it looks for: once for plain subjects, once for usersets.
///
/// An upper bound: operands of an intersection count as a union, the subtracted operand of an exclusion not at all.
/// Nodes that depend on each other share a set (strongly connected components, Tarjan 1972, without recursion), so
/// that the work is the number of dependencies, whatever their order.
struct Reachability {
    /// Words of 64 types in a set.
    let words: Int
    /// Sets for plain subjects, by node.
    let plain: UnsafeMutablePointer<UInt64>
    /// Sets for usersets, by node.
    let usersets: UnsafeMutablePointer<UInt64>

    init(_ parts: borrowing Linker) {
        words = parts.types.count / 64 + 1
        plain = .copy([UInt64](repeating: 0, count: words * parts.nodes.count))
        usersets = .copy([UInt64](repeating: 0, count: words * parts.nodes.count))
        let edges = Reachability.edges(parts)
        seed(parts)
        var search = ComponentSearch(edges: edges)
        search.run { component in unite(component, edges) }
    }

    func release() {
        plain.deallocate()
        usersets.deallocate()
    }

    /// What each node depends on.
    private static func edges(_ parts: borrowing Linker) -> [[UInt32]] {
        var edges = [[UInt32]](repeating: [], count: parts.nodes.count)
        for (number, node) in parts.nodes.enumerated() where node.kind != .none {
            var pending = [node.op]
            while let place = pending.popLast() {
                let op = parts.ops[Int(place)]
                let range = Int(op.start)..<Int(op.start + op.count)
                switch op.kind {
                case .empty, .itself: break
                case .computed: edges[number].append(op.first)
                case .usersets, .arrowAny, .arrowAll: edges[number].append(contentsOf: parts.targets[range].map(\.node))
                case .union, .intersection: pending.append(contentsOf: parts.operands[range])
                case .exclusion: pending.append(parts.operands[Int(op.start)])
                }
            }
        }
        return edges
    }

    /// Enters what each node admits by itself.
    private func seed(_ parts: borrowing Linker) {
        for (number, node) in parts.nodes.enumerated() where node.kind != .none {
            // A userset is a member of itself.
            insert(UInt32(node.type), usersets, number)
            for place in Int(node.admittedStart)..<Int(node.admittedStart + node.admittedCount) {
                let kind = parts.admitted[place]
                switch kind.relation {
                case 0: insert(kind.type, plain, number)
                case AdmittedKind.wildcard:
                    insert(kind.type, plain, number)
                    insert(kind.type, usersets, number)
                default: insert(kind.type, usersets, number)
                }
            }
            if node.kind == .permission, Reachability.holdsItself(node, parts) {
                insert(UInt32(node.type), plain, number)
            }
        }
    }

    /// Whether a permission's own expression has `self` where it is not subtracted.
    private static func holdsItself(_ node: LinkedNode, _ parts: borrowing Linker) -> Bool {
        var pending = [node.op]
        while let place = pending.popLast() {
            let op = parts.ops[Int(place)]
            let range = Int(op.start)..<Int(op.start + op.count)
            switch op.kind {
            case .itself: return true
            case .union, .intersection: pending.append(contentsOf: parts.operands[range])
            case .exclusion: pending.append(parts.operands[Int(op.start)])
            case .empty, .computed, .usersets, .arrowAny, .arrowAll: break
            }
        }
        return false
    }

    private func insert(_ type: UInt32, _ sets: UnsafeMutablePointer<UInt64>, _ node: Int) {
        sets[node * words + Int(type >> 6)] |= 1 << UInt64(type & 63)
    }

    /// Gives all nodes of a component, whose dependencies outside it are complete, the union of what they reach.
    private func unite(_ component: ArraySlice<UInt32>, _ edges: [[UInt32]]) {
        guard let first = component.first else { return }
        for sets in [plain, usersets] {
            let union = sets + Int(first) * words
            for node in component {
                for word in 0..<words { union[word] |= sets[Int(node) * words + word] }
                for target in edges[Int(node)] {
                    for word in 0..<words { union[word] |= sets[Int(target) * words + word] }
                }
            }
            for node in component where node != first {
                (sets + Int(node) * words).update(from: union, count: words)
            }
        }
    }
}

/// Finds strongly connected components, each after those it depends on.
private struct ComponentSearch {
    private let edges: [[UInt32]]
    private var order: [UInt32]
    private var low: [UInt32]
    private var open: [UInt32] = []
    private var isOpen: [Bool]
    private var path: [(node: UInt32, next: Int)] = []
    private var counter: UInt32 = 0

    init(edges: [[UInt32]]) {
        self.edges = edges
        order = [UInt32](repeating: 0, count: edges.count)
        low = order
        isOpen = [Bool](repeating: false, count: edges.count)
    }

    mutating func run(_ found: (ArraySlice<UInt32>) -> Void) {
        for start in edges.indices where order[start] == 0 {
            enter(UInt32(start))
            while let (node, next) = path.last {
                if next < edges[Int(node)].count {
                    path[path.count - 1].next += 1
                    follow(from: node, to: edges[Int(node)][next])
                } else {
                    leave(node, found)
                }
            }
        }
    }

    private mutating func enter(_ node: UInt32) {
        counter += 1
        order[Int(node)] = counter
        low[Int(node)] = counter
        open.append(node)
        isOpen[Int(node)] = true
        path.append((node, 0))
    }

    private mutating func follow(from node: UInt32, to target: UInt32) {
        if order[Int(target)] == 0 {
            enter(target)
        } else if isOpen[Int(target)] {
            low[Int(node)] = min(low[Int(node)], order[Int(target)])
        }
    }

    private mutating func leave(_ node: UInt32, _ found: (ArraySlice<UInt32>) -> Void) {
        path.removeLast()
        if let parent = path.last { low[Int(parent.node)] = min(low[Int(parent.node)], low[Int(node)]) }
        guard low[Int(node)] == order[Int(node)] else { return }
        var start = open.count - 1
        while open[start] != node { start -= 1 }
        for member in open[start...] { isOpen[Int(member)] = false }
        found(open[start...])
        open.removeSubrange(start...)
    }
}
