// Pemba: who has a permission by name, rather than through a wildcard.
// SPDX-License-Identifier: Apache-2.0

/// Tells whether a subject that has a permission has it by a tuple of its own as well, so that a lookup lists it beside
/// the wildcard.
///
/// Unions keep whom any part lists. An intersection lists whom one part lists and all have. An exclusion lists whom its
/// base lists, and whoever is excluded from a wildcard that is subtracted. It goes on in slices, and holds keys and
/// numbers only.
struct ConcreteSearch {
    /// Whom a search asks about.
    struct Inquiries {
        /// The subject.
        let subject: Inquiry
        /// A subject that no tuple names.
        let anybody: Inquiry
    }

    /// What is still to be looked at, the next one last.
    private enum Step {
        /// A sub-problem that the subject has, or perhaps has.
        case problem(entity: UInt32, node: UInt32)
        /// A sub-problem that counts if the subject has it, or perhaps has it.
        case question(entity: UInt32, node: UInt32)
        /// An expression.
        case expression(entity: UInt32, op: UInt32)
        /// An expression that counts if the subject has it, or perhaps has it.
        case part(entity: UInt32, op: UInt32)
        /// What an exclusion subtracts: somebody listed there who has it all the same is listed.
        case subtracted(entity: UInt32, op: UInt32)
        /// The entries of a row from a key on.
        case row(entity: UInt32, op: UInt32, next: UInt64)
    }

    private var steps: [Step]
    private var question = SlicedQuestion()
    private var seen: Set<UInt64>
    private var isListed = false

    /// Begins with a node of an entity that the subject has, or perhaps has.
    init(_ entity: UInt32, _ node: UInt32) {
        steps = [.problem(entity: entity, node: node)]
        seen = [CheckMemo.key(entity, node, isPossible: true)]
    }

    /// Goes on until it is known whether the subject is listed, or nil after about `slice` visits.
    mutating func run(_ inquiries: Inquiries, slice: Int) throws(GraphError) -> Bool? {
        let subject = inquiries.subject
        let limit = subject.evaluation.visits + slice
        while !isListed, let step = steps.last {
            guard subject.evaluation.visits < limit else { return nil }
            switch step {
            case .problem(let entity, let node):
                steps.removeLast()
                try look(subject, entity, node)
            case .question(let entity, let node):
                guard let truth = try question.answer(subject, limit, { subject.begin(entity, node) }) else {
                    return nil
                }
                steps.removeLast()
                if truth != .no { steps.append(.problem(entity: entity, node: node)) }
            case .expression(let entity, let op):
                steps.removeLast()
                try subject.spend(1)
                expand(subject, entity, op)
            case .part(let entity, let op):
                guard let truth = try question.answer(subject, limit, { subject.begin(entity, op: op) }) else {
                    return nil
                }
                steps.removeLast()
                if truth != .no { expandParts(subject, entity, op) }
            case .subtracted(let entity, let op):
                let anybody = inquiries.anybody
                let most = anybody.evaluation.visits + slice
                guard let truth = try question.answer(anybody, most, { anybody.begin(entity, op: op) }) else {
                    return nil
                }
                steps.removeLast()
                isListed = truth != .no
            case .row(let entity, let op, let next): try advance(subject, entity, op, next)
            }
        }
        return isListed
    }

    private mutating func look(_ subject: Inquiry, _ entity: UInt32, _ node: UInt32) throws(GraphError) {
        try subject.spend(1)
        let check = subject.state.pointee.check
        if node == check.subjectNode, entity == check.subject {
            isListed = true
            return
        }
        let linked = subject.view.nodes[Int(node)]
        if linked.kind == .relation {
            for entry in subject.directEntries(entity, linked) {
                let isWildcard =
                    RowEntry.subjectRelation(entry) != check.subjectRelation || RowEntry.entity(entry) != check.subject
                if !isWildcard, subject.truth(entity, entry: entry) != .no { isListed = true }
            }
        }
        steps.append(.expression(entity: entity, op: linked.op))
    }

    private mutating func expand(_ subject: Inquiry, _ entity: UInt32, _ place: UInt32) {
        let op = subject.view.ops[Int(place)]
        switch op.kind {
        case .empty: break
        case .itself: isListed = subject.isItself(entity)
        case .computed: ask(entity, op.first)
        case .union: for operand in subject.operands(op) { steps.append(.expression(entity: entity, op: operand)) }
        case .usersets, .arrowAny: steps.append(.row(entity: entity, op: place, next: Inquiry.start(of: op)))
        case .arrowAll, .intersection, .exclusion: steps.append(.part(entity: entity, op: place))
        }
    }

    /// Goes through the parts of an expression that the subject has as a whole, or perhaps has.
    private mutating func expandParts(_ subject: Inquiry, _ entity: UInt32, _ place: UInt32) {
        let op = subject.view.ops[Int(place)]
        guard op.kind != .arrowAll else {
            steps.append(.row(entity: entity, op: place, next: Inquiry.start(of: op)))
            return
        }
        let operands = subject.operands(op)
        guard op.kind == .exclusion else {
            for operand in operands { steps.append(.expression(entity: entity, op: operand)) }
            return
        }
        steps.append(.expression(entity: entity, op: operands[0]))
        steps.append(.subtracted(entity: entity, op: operands[1]))
    }

    /// Takes the next entry of a row.
    private mutating func advance(
        _ subject: Inquiry,
        _ entity: UInt32,
        _ place: UInt32,
        _ next: UInt64
    ) throws(GraphError) {
        steps.removeLast()
        guard let (entry, child) = try subject.nextEntry(entity, subject.view.ops[Int(place)], from: next) else {
            return
        }
        steps.append(.row(entity: entity, op: place, next: RowEntry.key(entry.entry) + RowEntry.step))
        if entry.truth != .no, let child { ask(child.entity, child.node) }
    }

    private mutating func ask(_ entity: UInt32, _ node: UInt32) {
        guard seen.insert(CheckMemo.key(entity, node, isPossible: true)).inserted else { return }
        steps.append(.question(entity: entity, node: node))
    }
}
