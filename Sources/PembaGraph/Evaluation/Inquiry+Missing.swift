// Pemba: which context a conditional answer lacks.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

extension Inquiry {
    /// The names of the context on which a conditional answer depends, sorted: those of every condition that is not
    /// absorbed by something that is certain.
    func missing(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> [String] {
        var search = MissingSearch(entity, node)
        guard let names = try search.run(self, limit: state.pointee.budget) else {
            throw .budgetExceeded(state.pointee.budget)
        }
        return names
    }
}

/// A search for the context that a conditional answer lacks, which goes on in slices.
///
/// It goes through the sub-problems and parts that are neither certain nor impossible. It holds keys and numbers only, so
/// that it may go on with another basis of the same state.
struct MissingSearch {
    /// What is still to be looked at, the next one last.
    private enum Step {
        /// A sub-problem that is neither certain nor impossible.
        case problem(entity: UInt32, node: UInt32)
        /// An expression of that kind.
        case expression(entity: UInt32, op: UInt32)
        /// A part of an expression: which kind it is of is to be found out.
        case part(entity: UInt32, op: UInt32)
        /// The entries of a row from a key on.
        case row(entity: UInt32, op: UInt32, next: UInt64)
        /// An entry of a row, and where it leads.
        case entry(entity: UInt32, entry: Inquiry.Followed, child: UInt32, node: UInt32)
        /// A sub-problem: which kind it is of is to be found out.
        case question(entity: UInt32, node: UInt32)
    }

    private var steps: [Step]
    private var question = SlicedQuestion()
    private var names: Set<String> = []
    private var visited: Set<UInt64>

    /// Begins with a conditional answer.
    init(_ entity: UInt32, _ node: UInt32) {
        steps = [.problem(entity: entity, node: node)]
        visited = [CheckMemo.key(entity, node, isPossible: true)]
    }

    /// Goes on until the names are known, or nil when the evaluation's visits have reached `limit`.
    mutating func run(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> [String]? {
        while let step = steps.last {
            guard inquiry.evaluation.visits < limit else { return nil }
            switch step {
            case .problem(let entity, let node):
                steps.removeLast()
                try collect(inquiry, entity, node)
            case .expression(let entity, let op):
                steps.removeLast()
                try inquiry.spend(1)
                expand(inquiry, entity, op)
            case .row(let entity, let op, let next): try advance(inquiry, entity, op, next)
            case .part(let entity, let op):
                guard let truth = try question.answer(inquiry, limit, { inquiry.begin(entity, op: op) }) else {
                    return nil
                }
                steps.removeLast()
                if truth == .maybe { steps.append(.expression(entity: entity, op: op)) }
            case .question(let entity, let node):
                guard let truth = try question.answer(inquiry, limit, { inquiry.begin(entity, node) }) else {
                    return nil
                }
                steps.removeLast()
                if truth == .maybe { visit(entity, node) }
            case .entry(let entity, let entry, let child, let node):
                guard let truth = try question.answer(inquiry, limit, { inquiry.begin(child, node) }) else {
                    return nil
                }
                steps.removeLast()
                guard min(entry.truth, truth) == .maybe else { continue }
                if entry.truth == .maybe { try add(inquiry, entity, entry.entry) }
                if truth == .maybe { visit(child, node) }
            }
        }
        return names.sorted { $0.precedesByBytes($1) }
    }

    private mutating func visit(_ entity: UInt32, _ node: UInt32) {
        guard visited.insert(CheckMemo.key(entity, node, isPossible: true)).inserted else { return }
        steps.append(.problem(entity: entity, node: node))
    }

    private mutating func collect(_ inquiry: Inquiry, _ entity: UInt32, _ node: UInt32) throws(GraphError) {
        try inquiry.spend(1)
        let linked = inquiry.view.nodes[Int(node)]
        if linked.kind == .relation {
            for entry in inquiry.directEntries(entity, linked) where inquiry.truth(entity, entry: entry) == .maybe {
                try add(inquiry, entity, entry)
            }
        }
        steps.append(.expression(entity: entity, op: linked.op))
    }

    private mutating func expand(_ inquiry: Inquiry, _ entity: UInt32, _ place: UInt32) {
        let op = inquiry.view.ops[Int(place)]
        switch op.kind {
        case .empty, .itself: return
        case .computed: steps.append(.question(entity: entity, node: op.first))
        case .usersets, .arrowAny, .arrowAll:
            steps.append(.row(entity: entity, op: place, next: Inquiry.start(of: op)))
        case .union, .intersection, .exclusion:
            for operand in inquiry.operands(op).reversed() { steps.append(.part(entity: entity, op: operand)) }
        }
    }

    /// Takes the next entry of a row.
    private mutating func advance(
        _ inquiry: Inquiry,
        _ entity: UInt32,
        _ place: UInt32,
        _ next: UInt64
    ) throws(GraphError) {
        steps.removeLast()
        guard let (entry, child) = try inquiry.nextEntry(entity, inquiry.view.ops[Int(place)], from: next) else {
            return
        }
        steps.append(.row(entity: entity, op: place, next: RowEntry.key(entry.entry) + RowEntry.step))
        guard let child else { return }
        steps.append(.entry(entity: entity, entry: entry, child: child.entity, node: child.node))
    }

    /// Adds what a tuple's condition lacks.
    private mutating func add(_ inquiry: Inquiry, _ entity: UInt32, _ entry: UInt64) throws(GraphError) {
        let scope = inquiry.scope
        let number = scope.traits(TupleKey(entity, entry)).condition
        let verdict = scope.verdict(number)
        if let failure = verdict.failure {
            throw .conditionFailed(
                caveat: inquiry.graph.conditions[number].reference.name,
                reason: failure.description
            )
        }
        if let invalid = scope.invalidContext { throw .invalidContext(invalid, of: nil) }
        names.formUnion(verdict.missing)
    }
}

/// A question that a search asks and that may take several slices.
struct SlicedQuestion {
    private var isAsked = false

    /// The answer to what `begin` asks, or nil when the evaluation's visits have reached `limit`; then the same is asked
    /// again, and it goes on.
    mutating func answer(
        _ inquiry: Inquiry,
        _ limit: Int,
        _ begin: () -> Void
    ) throws(GraphError) -> Truth? {
        if !isAsked { begin() }
        isAsked = true
        guard let truth = try inquiry.proceed(limit: limit) else { return nil }
        isAsked = false
        return truth
    }
}
