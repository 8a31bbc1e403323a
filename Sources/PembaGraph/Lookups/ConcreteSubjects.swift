// Pemba: who has a permission by name, rather than through a wildcard.
// SPDX-License-Identifier: Apache-2.0

/// Tells whether a subject that has a permission has it by a tuple of its own as well, so that a lookup lists it beside
/// the wildcard.
///
/// Unions keep whom any part lists. An intersection lists whom one part lists and all have. An exclusion lists whom its
/// base lists, and whoever is excluded from a wildcard that is subtracted.
struct ConcreteSubjects {
    /// Asks about the subject.
    let subject: Inquiry
    /// Asks about a subject that no tuple names.
    let anybody: Inquiry

    private typealias Problem = (entity: UInt32, node: UInt32)

    /// Whether the subject, who has or perhaps has a node of an entity, is listed there.
    func contains(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> Bool {
        var seen: Set<UInt64> = [CheckMemo.key(entity, node, isPossible: true)]
        var pending: [Problem] = [(entity, node)]
        while let problem = pending.popLast() {
            var children: [Problem] = []
            if try isListed(problem, &children) { return true }
            for child in children {
                guard seen.insert(CheckMemo.key(child.entity, child.node, isPossible: true)).inserted else { continue }
                if try subject.truth(child.entity, child.node) != .no { pending.append(child) }
            }
        }
        return false
    }

    /// Whether the subject is listed there at once; else `children` are where it may be.
    private func isListed(_ problem: Problem, _ children: inout [Problem]) throws(GraphError) -> Bool {
        let check = subject.evaluation.state.pointee.check
        if problem.node == check.subjectNode, problem.entity == check.subject { return true }
        let linked = subject.view.nodes[Int(problem.node)]
        if linked.kind == .relation {
            for entry in subject.directEntries(problem.entity, linked) {
                let isWildcard =
                    RowEntry.subjectRelation(entry) != check.subjectRelation || RowEntry.entity(entry) != check.subject
                if !isWildcard, subject.truth(problem.entity, entry: entry) != .no { return true }
            }
        }
        return try isListed(problem.entity, op: linked.op, &children)
    }

    private func isListed(
        _ entity: UInt32,
        op root: UInt32,
        _ children: inout [Problem]
    ) throws(GraphError) -> Bool {
        var open = [root]
        while let place = open.popLast() {
            let op = subject.view.ops[Int(place)]
            switch op.kind {
            case .empty: break
            case .itself: if subject.isItself(entity) { return true }
            case .computed: children.append((entity, op.first))
            case .union: open += subject.operands(op)
            case .usersets, .arrowAny, .arrowAll:
                if op.kind == .arrowAll, try subject.truth(entity, op: place) == .no { continue }
                var found: [Problem] = []
                try subject.forEachEntry(entity, op) { entry, child throws(GraphError) in
                    if entry.truth != .no, let child { found.append(child) }
                    return true
                }
                children += found
            case .intersection:
                if try subject.truth(entity, op: place) != .no { open += subject.operands(op) }
            case .exclusion:
                guard try subject.truth(entity, op: place) != .no else { continue }
                let operands = subject.operands(op)
                if try anybody.truth(entity, op: operands[1]) != .no { return true }
                open.append(operands[0])
            }
        }
        return false
    }
}
