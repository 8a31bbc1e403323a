// Pemba: expansions.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension Graph {
    /// Says how a relation or permission of a resource is made up (Zanzibar paper, section 2.4.5).
    ///
    /// One level shows the expressions on the resource and behind its arrows, with the tuples at their ends; usersets
    /// in those tuples are expanded only if it is recursive. Each sub-problem is expanded once. The tree ends at
    /// `Limits.explanationNodes` nodes and tuples, and at `Limits.explanationDepth` levels, with nodes that say so.
    package func expand(
        _ resource: ObjectReference,
        _ permission: String,
        isRecursive: Bool = false,
        in basis: Basis? = nil
    ) throws(GraphError) -> ExpandTree {
        // Any subject would do: its type is one that exists, and nobody asks about it.
        let item = CheckItem(resource: resource, permission: permission, subject: SubjectReference(object: resource))
        let basis = basis ?? present
        let check = try resolve(item, in: basis)
        let reader = StateReader(graph: self, basis: basis)
        var expansion = Expansion(names: CheckNames(reader: reader, item: item), isRecursive: isRecursive)
        return expansion.problem(check.resource, check.node, depth: 0)
    }
}

/// Makes one expansion.
///
/// Recursion is bounded by `Limits.explanationDepth` and, inside one expression, by `Limits.expressionDepth`.
private struct Expansion {
    /// Nodes that are counted; the marks where something was cut, and what holds them, fit into what is left of
    /// `Limits.explanationNodes`.
    private static let countedNodes = Limits.explanationNodes - 2_048

    let names: CheckNames
    let isRecursive: Bool
    private var count = 0
    private var shown: Set<UInt64> = []

    init(names: CheckNames, isRecursive: Bool) {
        self.names = names
        self.isRecursive = isRecursive
    }

    private var reader: StateReader { names.reader }
    private var view: GraphView { reader.basis.hot.pointee.view }

    mutating func problem(_ entity: UInt32, _ node: UInt32, depth: Int) -> ExpandTree {
        ExpandTree(
            resource: names.object(entity),
            permission: names.permission(node),
            content: content(entity, node, depth)
        )
    }

    private mutating func content(_ entity: UInt32, _ node: UInt32, _ depth: Int) -> ExpandTree.Content {
        guard take(depth) else { return .truncated }
        guard shown.insert(CheckMemo.key(entity, node, isPossible: false)).inserted else { return .repeated }
        let linked = view.nodes[Int(node)]
        if linked.kind == .relation { return leaf(entity, linked.number, depth) }
        return content(entity, op: linked.op, depth)
    }

    /// Counts a node; false if there is no room for what it is made of.
    private mutating func take(_ depth: Int) -> Bool {
        count += 1
        return count <= Expansion.countedNodes && depth < Limits.explanationDepth
    }

    // MARK: Expressions

    private mutating func part(_ entity: UInt32, _ op: UInt32, _ depth: Int) -> ExpandTree {
        let linked = view.ops[Int(op)]
        if linked.kind == .computed { return problem(entity, linked.first, depth: depth) }
        return ExpandTree(
            resource: names.object(entity),
            permission: "",
            content: take(depth) ? content(entity, op: op, depth) : .truncated
        )
    }

    private mutating func content(_ entity: UInt32, op place: UInt32, _ depth: Int) -> ExpandTree.Content {
        let op = view.ops[Int(place)]
        let operands = (Int(op.start)..<Int(op.start + op.count)).lazy
        switch op.kind {
        case .empty: return .empty
        case .itself: return .itself
        case .computed: return .union([problem(entity, op.first, depth: depth + 1)])
        case .usersets: return leaf(entity, op.first, depth)
        case .arrowAny: return .union(arrow(entity, op, depth))
        case .arrowAll: return .all(arrow(entity, op, depth))
        case .union: return .union(operands.map { part(entity, view.operands[$0], depth + 1) })
        case .intersection: return .intersection(operands.map { part(entity, view.operands[$0], depth + 1) })
        case .exclusion: return .exclusion(operands.map { part(entity, view.operands[$0], depth + 1) })
        }
    }

    /// What an arrow leads to, one tree for each of the first tuples.
    private mutating func arrow(_ entity: UInt32, _ op: LinkedOp, _ depth: Int) -> [ExpandTree] {
        let (ends, isCut) = first(entity, op.first)
        var trees: [ExpandTree] = []
        for end in ends {
            // One mark stands for all that has no room.
            guard count < Expansion.countedNodes else { return trees + [cut(entity)] }
            let child = RowEntry.entity(end.entry)
            let type = UInt32(view.records[Int(child)].type)
            if let target = view.target(op, type: type) {
                trees.append(problem(child, target, depth: depth + 1))
            } else if op.kind == .arrowAll {
                trees.append(ExpandTree(resource: names.object(child), permission: "", content: .empty))
            }
        }
        if isCut { trees.append(cut(entity)) }
        return trees
    }

    // MARK: Tuples

    private mutating func leaf(_ entity: UInt32, _ relation: UInt32, _ depth: Int) -> ExpandTree.Content {
        var (ends, isCut) = first(entity, relation)
        // Counted before they are expanded, so that there is room for all of them.
        count += ends.count
        let leaves = ends.map { end in
            let subjectRelation = RowEntry.subjectRelation(end.entry)
            var leaf = ExpandTree.Leaf(tuple: reader.tuple(end))
            guard isRecursive, subjectRelation != 0 else { return leaf }
            guard count < Expansion.countedNodes else {
                isCut = true
                return leaf
            }
            let child = RowEntry.entity(end.entry)
            let node = view.nodeBase[Int(view.records[Int(child)].type)] + subjectRelation
            leaf.expansion = problem(child, node, depth: depth + 1)
            return leaf
        }
        // A leaf has no place for a mark: what was cut stands beside it.
        guard isCut else { return .leaf(leaves) }
        let shown = ExpandTree(resource: names.object(entity), permission: "", content: .leaf(leaves))
        return .union([shown, cut(entity)])
    }

    private func cut(_ entity: UInt32) -> ExpandTree {
        ExpandTree(resource: names.object(entity), permission: "", content: .truncated)
    }

    /// The first tuples of a relation that have not expired, in the order of reads, as many as there is room for.
    private func first(_ entity: UInt32, _ relation: UInt32) -> (ends: [TupleEnd], isCut: Bool) {
        let room = max(Expansion.countedNodes - count, 0)
        // What is not shown is not looked at either.
        guard room > 0 else { return ([], true) }
        var first = FirstTuples(limit: room + 1)
        var next = RowEntry.start(ofRelation: relation)
        while true {
            let run = view.rows.run(view.forward(entity), from: next)
            if run.isEmpty { break }
            var cursor = run.start
            while cursor < run.end, RowEntry.relation(cursor.pointee) == relation {
                let end = TupleEnd(resource: entity, entry: cursor.pointee & ~1)
                if reader.isVisible(end) { first.offer(end, reader) }
                cursor += 1
            }
            if cursor < run.end { break }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
        let ends = first.sorted(reader)
        return (Array(ends.prefix(room)), ends.count > room)
    }
}
