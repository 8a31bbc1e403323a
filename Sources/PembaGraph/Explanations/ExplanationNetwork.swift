// Pemba: the sub-problems of a check, laid out to be explained.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// All that a check depends on, nearest first: sub-problems, the parts of their expressions, and tuples, each with what
/// the evaluator says about it.
///
/// It holds no answers of its own: sub-problems are asked of the evaluator, parts put together from them. Rows come in
/// the order of reads, so that nothing depends on the numbers of entities. What lies beyond `Limits.explanationParts`
/// stays closed: its answer is known, its parts are not.
final class ExplanationNetwork {
    /// A sub-problem, a part of an expression, or a tuple.
    struct Part {
        enum Kind {
            /// A sub-problem whose parts are not laid out.
            case closed
            /// Nobody, or nobody of the subject's kind.
            case empty
            /// The subject itself.
            case identity
            /// A relation; parts: tuples and usersets.
            case relation
            /// A permission; part: its expression.
            case permission
            case union
            case intersection
            case exclusion
            /// The objects behind an arrow, any of them.
            case arrow
            /// The same, all of them.
            case arrowAll
            /// A tuple that names the subject or its wildcard.
            case tuple
            /// A tuple that leads to a sub-problem; parts: the tuple and the sub-problem.
            case through
        }

        var kind: Kind
        var entity: UInt32
        /// The node of a sub-problem; `ResolvedCheck.noNode` for any other part.
        var node = ResolvedCheck.noNode
        /// The operation of an arrow.
        var op: UInt32 = 0
        var tuple: TupleEnd?
        var standing: Standing
        var parts: [Int] = []
        /// Whether entries that have the subject were left out, and whether others were.
        var leavesOutHolding = false
        var leavesOutFailing = false
        /// What tuples would lead to that are not there at the time, of an arrow to all: it is not about them.
        var idle: [Int] = []

        var isProblem: Bool { node != ResolvedCheck.noNode }
    }

    let inquiry: Inquiry
    let reader: StateReader
    private(set) var parts: [Part] = []
    private var numbers: [UInt64: Int] = [:]
    private var pending: [Int] = []

    /// The question's place.
    static let question = 0

    init(_ inquiry: Inquiry) throws(GraphError) {
        self.inquiry = inquiry
        reader = StateReader(graph: inquiry.graph, basis: inquiry.basis)
        let check = inquiry.state.pointee.check
        _ = try problem(check.resource, check.node)
        var next = 0
        while next < pending.count, parts.count < Limits.explanationParts {
            try layOut(pending[next])
            next += 1
        }
    }

    // MARK: Sub-problems

    /// The place of a sub-problem.
    private func problem(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> Int {
        let key = CheckMemo.key(entity, node, isPossible: false)
        if let known = numbers[key] { return known }
        let state = inquiry.state
        var part = Part(kind: .closed, entity: entity, node: node, standing: .yes)
        if node == state.pointee.check.subjectNode && entity == state.pointee.check.subject {
            part.kind = .identity
        } else if !state.pointee.isReachable(node, inquiry.view) {
            part.kind = .empty
            part.standing = .no
        } else {
            part.standing = try inquiry.standing(entity, node)
            pending.append(parts.count)
        }
        numbers[key] = parts.count
        return add(part)
    }

    private func add(_ part: Part) -> Int {
        parts.append(part)
        return parts.count - 1
    }

    private func layOut(_ place: Int) throws(GraphError) {
        let part = parts[place]
        let linked = inquiry.view.nodes[Int(part.node)]
        guard linked.kind == .relation else {
            let expression = try expression(part.entity, linked.op)
            parts[place].kind = .permission
            parts[place].parts = [expression]
            return
        }
        parts[place].kind = .relation
        for entry in inquiry.directEntries(part.entity, linked, evenIdle: true) {
            let tuple = self.tuple(TupleEnd(resource: part.entity, entry: entry & ~1))
            parts[place].parts.append(tuple)
        }
        guard linked.admitsUsersets else { return }
        let row = try row(part.entity, inquiry.view.ops[Int(linked.op)])
        parts[place].parts += row.parts
        parts[place].leavesOutHolding = row.leavesOutHolding
        parts[place].leavesOutFailing = row.leavesOutFailing
    }

    private func tuple(_ end: TupleEnd) -> Int {
        let standing = Standing(inquiry.truth(end.resource, entry: end.entry))
        return add(Part(kind: .tuple, entity: end.resource, tuple: end, standing: standing))
    }

    // MARK: Expressions

    /// Lays out an expression.
    ///
    /// Recursion is bounded by `Limits.expressionDepth`.
    private func expression(_ entity: UInt32, _ place: UInt32) throws(GraphError) -> Int {
        let op = inquiry.view.ops[Int(place)]
        var part = Part(kind: .empty, entity: entity, standing: .no)
        switch op.kind {
        case .empty: break
        case .itself:
            if inquiry.isItself(entity) { part = Part(kind: .identity, entity: entity, standing: .yes) }
        case .computed: return try problem(entity, op.first)
        case .usersets, .arrowAny, .arrowAll:
            part = try row(entity, op)
            part.op = place
        case .union, .intersection, .exclusion:
            part.parts = try inquiry.operands(op).map { operand throws(GraphError) in try expression(entity, operand) }
            let standings = part.parts.map { parts[$0].standing }
            switch op.kind {
            case .union:
                part.kind = .union
                part.standing = standings.reduce(.no) { $0.or($1) }
            case .intersection:
                part.kind = .intersection
                part.standing = standings.reduce(.yes) { $0.and($1) }
            default:
                part.kind = .exclusion
                part.standing = standings[0].and(standings[1].negated)
            }
        }
        return add(part)
    }

    // MARK: Rows

    /// Lays out the entries of a row: the first in the order of reads of those that have the subject, and of others.
    private func row(_ entity: UInt32, _ op: LinkedOp) throws(GraphError) -> Part {
        var any = Standing.no
        var all = Standing.yes
        var counts = (holding: 0, failing: 0)
        var holding = FirstTuples(limit: Limits.explanationFanout)
        var failing = FirstTuples(limit: Limits.explanationFanout)
        var idle = FirstTuples(limit: Limits.explanationFanout)
        try inquiry.forEachEntry(entity, op) { followed, child throws(GraphError) in
            let end = TupleEnd(resource: entity, entry: followed.entry & ~1)
            if op.kind == .arrowAll {
                guard followed.isAlive else { return idle.offer(end, reader) }
            } else if child == nil {
                return
            }
            var standing = Standing(followed.truth)
            standing = standing.and(
                try child.map { child throws(GraphError) in try inquiry.standing(child.entity, child.node) } ?? .no
            )
            any = any.or(standing)
            all = all.and(standing)
            if standing.contains(.possible) {
                counts.holding += 1
                holding.offer(end, reader)
            } else {
                counts.failing += 1
                failing.offer(end, reader)
            }
        }
        var part = Part(kind: op.kind == .arrowAll ? .arrowAll : .arrow, entity: entity, standing: any)
        if op.kind == .arrowAll { part.standing = counts == (0, 0) ? .no : all }
        part.leavesOutHolding = counts.holding > Limits.explanationFanout
        part.leavesOutFailing = counts.failing > Limits.explanationFanout
        let ends = (holding.sorted(reader) + failing.sorted(reader)).sorted { reader.precedes($0, $1) }
        part.parts = try ends.map { end throws(GraphError) in try through(end, op) }
        part.idle = try idle.sorted(reader).map { end throws(GraphError) in try through(end, op) }
        return part
    }

    private func through(_ end: TupleEnd, _ op: LinkedOp) throws(GraphError) -> Int {
        let tuple = tuple(end)
        let target: Int
        if let child = inquiry.child(end.entry, op) {
            target = try problem(child.entity, child.node)
        } else {
            target = add(Part(kind: .empty, entity: RowEntry.entity(end.entry), standing: .no))
        }
        return add(
            Part(
                kind: .through,
                entity: end.resource,
                tuple: end,
                standing: parts[tuple].standing.and(parts[target].standing),
                parts: [tuple, target]
            )
        )
    }

    // MARK: Findings

    /// Sub-problems that are defined through their own exclusion.
    var selfExclusions: [(entity: UInt32, node: UInt32)] {
        parts.filter { $0.isProblem && $0.standing.isSelfExclusion }.map { ($0.entity, $0.node) }
    }
}
