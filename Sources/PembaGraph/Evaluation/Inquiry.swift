// Pemba: many questions about one subject.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Asks an evaluation about one sub-problem after the other; what it finds out about one serves the next.
///
/// All questions have one subject, one state of the graph and one context, and share the evaluation's budget.
struct Inquiry {
    let graph: Graph
    let evaluation: Evaluation
    let basis: Basis

    var state: UnsafeMutablePointer<EvaluationState> { evaluation.state }

    var view: GraphView { basis.hot.pointee.view }

    /// Judges conditions and times.
    var scope: ConditionScope { state.pointee.scope }

    /// What is known of a node of an entity.
    func truth(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> Truth {
        begin(entity, node)
        guard let truth = try proceed(limit: state.pointee.budget) else { throw .budgetExceeded(state.pointee.budget) }
        return truth
    }

    /// Begins the question that `proceed` answers.
    func begin(_ entity: UInt32, _ node: UInt32) { state.pointee.ask(entity, node, possible: false) }

    /// Begins the question about a part of an expression.
    ///
    /// The evaluation is asked, not the parts put together: a part that depends on its own exclusion is denied, and
    /// so is what it is subtracted from.
    func begin(_ entity: UInt32, op: UInt32) { state.pointee.ask(entity, op: op, possible: false) }

    /// Goes on with a question until it is answered, or nil when the evaluation's visits have reached `limit`.
    func proceed(limit: Int) throws(GraphError) -> Truth? {
        while true {
            switch state.pointee.run(view, limit: min(limit, state.pointee.budget)) {
            case .finished:
                let asked = state.pointee.asked
                if state.pointee.value { return asked.isPossible ? .maybe : .yes }
                // The flag stays once it is set: what the memo knows hides what it was learnt from.
                guard !asked.isPossible, state.pointee.hasMetMaybe else { return .no }
                state.pointee.askWhetherPossible()
            case .suspended: return nil
            case .exceeded: throw .budgetExceeded(state.pointee.budget)
            case .tooDeep: throw .tooDeep(state.pointee.depthMax)
            }
        }
    }

    /// Asks whether a node of an entity is certain, or possible.
    func ask(_ entity: UInt32, _ node: UInt32, possible: Bool) throws(GraphError) -> Bool {
        state.pointee.ask(entity, node, possible: possible)
        switch state.pointee.run(view, limit: state.pointee.budget) {
        case .finished: return state.pointee.value
        case .suspended, .exceeded: throw .budgetExceeded(state.pointee.budget)
        case .tooDeep: throw .tooDeep(state.pointee.depthMax)
        }
    }

    // MARK: Rows

    /// An entry of a row that an operation follows.
    struct Followed {
        /// The entry, with its flags.
        var entry: UInt64
        /// Whether its tuple counts; it does not if it is not there at the time.
        var truth: Truth
        /// Whether its tuple is there at the time, whatever its condition.
        var isAlive: Bool
    }

    /// Where an entry leads; nil where the type has no such name.
    typealias Child = (entity: UInt32, node: UInt32)?

    func truth(of child: Child) throws(GraphError) -> Truth {
        guard let child else { return .no }
        return try truth(child.entity, child.node)
    }

    /// Whether the entity is the subject.
    func isItself(_ entity: UInt32) -> Bool {
        let check = state.pointee.check
        return check.subjectNode == ResolvedCheck.noNode && entity == check.subject
    }

    /// The operations that make up an expression.
    func operands(_ op: LinkedOp) -> [UInt32] {
        (Int(op.start)..<Int(op.start + op.count)).map { view.operands[$0] }
    }

    /// Where the entries begin that an operation on usersets or an arrow follows.
    static func start(of op: LinkedOp) -> UInt64 {
        op.kind == .usersets ? RowEntry.start(ofUsersetsOf: op.first) : RowEntry.start(ofRelation: op.first)
    }

    /// The next entry that an operation on usersets or an arrow follows, from a key on.
    ///
    /// Entries whose tuples are not there at the time are passed over unless they are asked for.
    func nextEntry(
        _ entity: UInt32,
        _ op: LinkedOp,
        from key: UInt64,
        evenIdle: Bool = false
    ) throws(GraphError) -> (Followed, Child)? {
        var next = key
        while true {
            let run = view.rows.run(view.forward(entity), from: next)
            guard !run.isEmpty, RowEntry.relation(run.start.pointee) == op.first else { return nil }
            let entry = run.start.pointee
            try spend(1)
            let followed = follow(entity, entry)
            if followed.isAlive || evenIdle { return (followed, child(entry, op)) }
            next = RowEntry.key(entry) + RowEntry.step
        }
    }

    /// An entry of a row.
    private func follow(_ entity: UInt32, _ entry: UInt64) -> Followed {
        guard RowEntry.hasTraits(entry) else { return Followed(entry: entry, truth: .yes, isAlive: true) }
        let key = TupleKey(entity, entry)
        guard scope.isAlive(key) else { return Followed(entry: entry, truth: .no, isAlive: false) }
        return Followed(entry: entry, truth: scope.truth(key), isAlive: true)
    }

    /// Calls `body` with each entry of the row that an operation on usersets or an arrow follows, those included whose
    /// tuples are not there at the time.
    func forEachEntry(
        _ entity: UInt32,
        _ op: LinkedOp,
        _ body: (Followed, Child) throws(GraphError) -> Void
    ) throws(GraphError) {
        var next = Inquiry.start(of: op)
        while let (followed, child) = try nextEntry(entity, op, from: next, evenIdle: true) {
            try body(followed, child)
            next = RowEntry.key(followed.entry) + RowEntry.step
        }
    }

    /// Where an entry of a row that an operation follows leads.
    func child(_ entry: UInt64, _ op: LinkedOp) -> Child {
        let child = RowEntry.entity(entry)
        let type = UInt32(view.records[Int(child)].type)
        if op.kind == .usersets { return (child, view.nodeBase[Int(type)] &+ RowEntry.subjectRelation(entry)) }
        return view.target(op, type: type).map { (child, $0) }
    }

    /// The stored entries that name the subject itself, or the wildcard of its type, for a relation of an entity.
    ///
    /// Those whose tuples are not there at the time are left out unless they are asked for.
    func directEntries(_ entity: UInt32, _ linked: LinkedNode, evenIdle: Bool = false) -> [UInt64] {
        let check = state.pointee.check
        let row = RowWord(raw: view.forward(entity).pointee)
        var keys: [UInt64] = []
        if check.subject != EntityNumber.none, check.subject != EntityNumber.unknownResource {
            keys.append(
                RowEntry.make(
                    relation: linked.number,
                    subjectRelation: check.subjectRelation,
                    entity: check.subject
                )
            )
        }
        let wildcard = view.wildcards[Int(check.subjectType)]
        if linked.admitsWildcard, wildcard != EntityNumber.none {
            keys.append(RowEntry.make(relation: linked.number, subjectRelation: 0, entity: wildcard))
        }
        return keys.map { view.rows.find(row, $0) }.filter { entry in
            guard entry != 0 else { return false }
            return evenIdle || !RowEntry.hasTraits(entry) || scope.isAlive(TupleKey(entity, entry))
        }
    }

    /// Whether the tuple of an entry counts.
    func truth(_ entity: UInt32, entry: UInt64) -> Truth {
        RowEntry.hasTraits(entry) ? scope.truth(TupleKey(entity, entry)) : .yes
    }

    /// Whether conditions have used a slice up that ends at `limit`.
    func isSpent(_ limit: Int) -> Bool { state.pointee.visits + scope.visitsDue >= limit }

    /// Counts work against the budget, and the conditions that were evaluated since.
    func spend(_ visits: Int) throws(GraphError) {
        state.pointee.visits += visits + scope.takeVisits()
        if state.pointee.visits > state.pointee.budget { throw .budgetExceeded(state.pointee.budget) }
    }
}
