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
/// Every node and tuple is counted before it is made, by what it stands in: so the tree never has more of them than
/// `Limits.explanationNodes`, and whoever has no room for all its parts is a mark itself. Recursion is bounded by
/// `Limits.explanationDepth` and, inside one expression, by `Limits.expressionDepth`.
private struct Expansion {
    let names: CheckNames
    let isRecursive: Bool
    /// How many nodes and tuples may still be made; the first node is counted already.
    private var room = Limits.explanationNodes - 1
    private var shown: Set<UInt64> = []

    init(names: CheckNames, isRecursive: Bool) {
        self.names = names
        self.isRecursive = isRecursive
    }

    private var reader: StateReader { names.reader }
    private var view: GraphView { reader.basis.hot.pointee.view }

    /// Counts some nodes or tuples; false if there is no room for all of them.
    private mutating func take(_ count: Int) -> Bool {
        guard count <= room else { return false }
        room -= count
        return true
    }

    /// A node that has been counted, with what it is made of.
    mutating func problem(_ entity: UInt32, _ node: UInt32, depth: Int) -> ExpandTree {
        ExpandTree(
            resource: names.object(entity),
            permission: names.permission(node),
            content: content(entity, node, depth)
        )
    }

    private mutating func content(_ entity: UInt32, _ node: UInt32, _ depth: Int) -> ExpandTree.Content {
        guard depth < Limits.explanationDepth else { return .truncated }
        let key = CheckMemo.key(entity, node, isPossible: false)
        guard shown.insert(key).inserted else { return .repeated }
        let linked = view.nodes[Int(node)]
        let content =
            linked.kind == .relation
            ? leaf(entity, linked.number, depth) : self.content(entity, op: linked.op, depth)
        // What is only a mark has not been shown: where there is room again, it may be.
        if content == .truncated { shown.remove(key) }
        return content
    }

    // MARK: Expressions

    private mutating func part(_ entity: UInt32, _ op: UInt32, _ depth: Int) -> ExpandTree {
        let linked = view.ops[Int(op)]
        if linked.kind == .computed { return problem(entity, linked.first, depth: depth) }
        return ExpandTree(
            resource: names.object(entity),
            permission: "",
            content: depth < Limits.explanationDepth ? content(entity, op: op, depth) : .truncated
        )
    }

    private mutating func content(_ entity: UInt32, op place: UInt32, _ depth: Int) -> ExpandTree.Content {
        let op = view.ops[Int(place)]
        switch op.kind {
        case .empty: return .empty
        case .itself: return .itself
        case .computed: return take(1) ? .union([problem(entity, op.first, depth: depth + 1)]) : .truncated
        case .usersets: return leaf(entity, op.first, depth)
        case .arrowAny: return arrow(entity, op, depth).map { .union($0) } ?? .truncated
        case .arrowAll: return arrow(entity, op, depth).map { .all($0) } ?? .truncated
        case .union: return parts(entity, op, depth).map { .union($0) } ?? .truncated
        case .intersection: return parts(entity, op, depth).map { .intersection($0) } ?? .truncated
        case .exclusion: return parts(entity, op, depth).map { .exclusion($0) } ?? .truncated
        }
    }

    /// The operands of an operation; nil if there is no room for all of them.
    private mutating func parts(_ entity: UInt32, _ op: LinkedOp, _ depth: Int) -> [ExpandTree]? {
        guard take(Int(op.count)) else { return nil }
        return (Int(op.start)..<Int(op.start + op.count)).map { part(entity, view.operands[$0], depth + 1) }
    }

    /// What an arrow leads to, one tree for each of the first tuples; nil if there is no room for anything.
    private mutating func arrow(_ entity: UInt32, _ op: LinkedOp, _ depth: Int) -> [ExpandTree]? {
        // Room for one mark, which stands for all that has none, is kept until the end.
        guard take(1) else { return nil }
        var (ends, isCut) = first(entity, op.first)
        var trees: [ExpandTree] = []
        for end in ends {
            let child = RowEntry.entity(end.entry)
            let type = UInt32(view.records[Int(child)].type)
            let target = view.target(op, type: type)
            guard target != nil || op.kind == .arrowAll else { continue }
            guard take(1) else {
                isCut = true
                break
            }
            if let target {
                trees.append(problem(child, target, depth: depth + 1))
            } else {
                trees.append(ExpandTree(resource: names.object(child), permission: "", content: .empty))
            }
        }
        if isCut { trees.append(cut(entity)) } else { room += 1 }
        return trees
    }

    // MARK: Tuples

    /// The tuples of a relation.
    ///
    /// A list of tuples has no place for a mark: what was cut stands beside it.
    private mutating func leaf(_ entity: UInt32, _ relation: UInt32, _ depth: Int) -> ExpandTree.Content {
        var (ends, isCut) = first(entity, relation)
        let mayBeCut = isCut || (isRecursive && ends.contains { RowEntry.subjectRelation($0.entry) != 0 })
        if mayBeCut {
            // The list and the mark beside it.
            guard take(2) else { return .truncated }
            if ends.count > room {
                ends.removeLast(ends.count - room)
                isCut = true
            }
        }
        // Counted before they are expanded, so that there is room for all of them.
        room -= ends.count
        let leaves = ends.map { end in
            let subjectRelation = RowEntry.subjectRelation(end.entry)
            var leaf = ExpandTree.Leaf(tuple: reader.tuple(end))
            guard isRecursive, subjectRelation != 0 else { return leaf }
            guard take(1) else {
                isCut = true
                return leaf
            }
            let child = RowEntry.entity(end.entry)
            let node = view.nodeBase[Int(view.records[Int(child)].type)] + subjectRelation
            leaf.expansion = problem(child, node, depth: depth + 1)
            return leaf
        }
        guard isCut else {
            if mayBeCut { room += 2 }
            return .leaf(leaves)
        }
        let shown = ExpandTree(resource: names.object(entity), permission: "", content: .leaf(leaves))
        return .union([shown, cut(entity)])
    }

    private func cut(_ entity: UInt32) -> ExpandTree {
        ExpandTree(resource: names.object(entity), permission: "", content: .truncated)
    }

    /// The first tuples of a relation that have not expired, in the order of reads, as many as there is room for.
    private func first(_ entity: UInt32, _ relation: UInt32) -> (ends: [TupleEnd], isCut: Bool) {
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
