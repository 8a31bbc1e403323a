// Pemba: which relations and permissions depend on one.
// SPDX-License-Identifier: Apache-2.0

/// For each node the nodes whose expressions lead to it, so that lookups of resources walk from a subject upwards.
///
/// An object itself stands under number 0 of its type. Of an intersection only the first operand leads up, and of an
/// exclusion only the base: nobody has the whole without having that part.
final class Dependents {
    /// A way up from one node to another.
    struct Edge: BitwiseCopyable {
        enum Kind: UInt8, BitwiseCopyable {
            /// On the same object.
            case computed
            /// To the resources of the tuples of `relation` whose subject relation is the lower node's.
            case usersets
            /// To the resources of all tuples of `relation`.
            case arrow
        }

        var kind: Kind
        /// Whether having the lower node is enough to have the upper one; otherwise the evaluation decides.
        var isEnough: Bool
        /// The type of the upper node.
        var type: UInt16
        /// The upper node.
        var node: UInt32
        /// The relation of the tuples on the way, numbered in the upper node's type.
        var relation: UInt32 = 0
    }

    /// Where each node's edges start; one more than there are nodes.
    private let starts: UnsafeMutablePointer<Int>
    /// The edges of each node: by kind, then by relation.
    let edges: UnsafeMutablePointer<Edge>
    /// What each node's edges come from, downwards.
    private let sources: [[UInt32]]

    init(_ linked: LinkedSchema) {
        var collector = EdgeCollector(linked)
        for node in 0..<linked.nodeCount { collector.collect(UInt32(node)) }
        var flat: [Edge] = []
        var starts = [0]
        for edges in collector.edges {
            flat += edges.sorted { ($0.kind.rawValue, $0.relation, $0.node) < ($1.kind.rawValue, $1.relation, $1.node) }
            starts.append(flat.count)
        }
        self.starts = .copy(starts)
        edges = .copy(flat)
        sources = collector.sources
    }

    deinit {
        starts.deallocate()
        edges.deallocate()
    }

    /// The places of a node's edges.
    @inline(__always)
    func places(_ node: UInt32) -> Range<Int> { starts[Int(node)]..<starts[Int(node) + 1] }

    /// Whether each node is one of `nodes` or leads up to one of them.
    func leading(to nodes: [UInt32]) -> [Bool] {
        var isLeading = [Bool](repeating: false, count: sources.count)
        var pending = nodes
        while let node = pending.popLast() {
            guard !isLeading[Int(node)] else { continue }
            isLeading[Int(node)] = true
            pending += sources[Int(node)]
        }
        return isLeading
    }
}

/// Collects the edges of a schema.
private struct EdgeCollector {
    private let linked: LinkedSchema
    var edges: [[Dependents.Edge]]
    var sources: [[UInt32]]

    init(_ linked: LinkedSchema) {
        self.linked = linked
        edges = [[Dependents.Edge]](repeating: [], count: linked.nodeCount)
        sources = [[UInt32]](repeating: [], count: linked.nodeCount)
    }

    /// Enters what leads up to a node.
    mutating func collect(_ number: UInt32) {
        let node = linked.nodes[Int(number)]
        switch node.kind {
        case .none: return
        case .relation:
            for place in linked.admittedPlaces(number) {
                let kind = linked.admitted[place]
                let relation = kind.relation == AdmittedKind.wildcard ? 0 : kind.relation
                add(.usersets, from: linked.node(type: kind.type, relation: relation), to: number, node.number)
            }
        case .permission: collect(op: node.op, of: number)
        }
    }

    private mutating func collect(op root: UInt32, of number: UInt32) {
        var pending = [(op: root, isEnough: true)]
        while let (place, isEnough) = pending.popLast() {
            let op = linked.ops[Int(place)]
            let range = Int(op.start)..<Int(op.start + op.count)
            switch op.kind {
            case .empty, .usersets: break
            case .itself:
                let object = linked.node(type: UInt32(linked.nodes[Int(number)].type), relation: 0)
                add(.computed, from: object, to: number, isEnough: isEnough)
            case .computed: add(.computed, from: op.first, to: number, isEnough: isEnough)
            case .arrowAny, .arrowAll:
                for target in range {
                    let source = linked.targets[target].node
                    add(.arrow, from: source, to: number, op.first, isEnough: isEnough && op.kind == .arrowAny)
                }
            case .union: pending += range.map { (linked.operands[$0], isEnough) }
            case .intersection, .exclusion: pending.append((linked.operands[Int(op.start)], false))
            }
        }
    }

    private mutating func add(
        _ kind: Dependents.Edge.Kind,
        from source: UInt32,
        to node: UInt32,
        _ relation: UInt32 = 0,
        isEnough: Bool = true
    ) {
        let known = edges[Int(source)].firstIndex { $0.kind == kind && $0.node == node && $0.relation == relation }
        if let known {
            if isEnough { edges[Int(source)][known].isEnough = true }
            return
        }
        let type = linked.nodes[Int(node)].type
        edges[Int(source)].append(
            Dependents.Edge(kind: kind, isEnough: isEnough, type: type, node: node, relation: relation)
        )
        sources[Int(node)].append(source)
    }
}
