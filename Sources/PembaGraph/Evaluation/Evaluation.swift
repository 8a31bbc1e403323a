// Pemba: one evaluation between slices.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// One evaluation: its question, its stacks and what it has found out.
///
/// The graph uses them again for the next one.
package final class Evaluation {
    /// Behind a pointer, so that the inner loop does not pay for exclusive access to a class's property.
    let state: UnsafeMutablePointer<EvaluationState>

    /// The state of the graph that it is about; while it is spare, nil or the present one.
    private(set) var basis: Basis?

    /// The search for what its answer lacks, once that is known to be conditional.
    var search: MissingSearch?

    init(graph: Graph) {
        state = .allocate(capacity: 1)
        state.initialize(to: EvaluationState(scope: ConditionScope(graph: graph)))
    }

    deinit {
        state.pointee.release()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Gets ready for questions in a state, with a request's context.
    @inline(__always)
    func begin(in basis: Basis, context: ContextObject) {
        if self.basis !== basis { self.basis = basis }
        state.pointee.scope.begin(basis, context: context)
    }

    /// Lets go of the question and of what it was about, unless that is `present`, which the next one is likely to be about.
    @inline(__always)
    func end(keeping present: Basis) {
        state.pointee.clear()
        state.pointee.scope.end()
        if basis !== present { basis = nil }
    }

    /// Sub-problems and row entries looked at so far.
    package var visits: Int { state.pointee.visits }

    /// Lets go of the state before the graph changes; `move` gives it another basis of the same state afterwards.
    package func hold() {
        guard let basis else { return }
        state.pointee.park(basis.hot.pointee.view)
        state.pointee.scope.hold()
        self.basis = nil
    }

    /// Goes on with a basis of the state that it was begun at.
    package func move(to basis: Basis) {
        self.basis = basis
        state.pointee.scope.move(to: basis)
        state.pointee.look(at: basis.hot.pointee.view)
    }
}

/// What an evaluation reads of the graph: pointers only, so that reading them costs nothing.
struct GraphView {
    let records: UnsafeMutablePointer<EntityRecord>
    let rows: Rows
    let nodeBase: UnsafeMutablePointer<UInt32>
    let nodes: UnsafeMutablePointer<LinkedNode>
    let ops: UnsafeMutablePointer<LinkedOp>
    let operands: UnsafeMutablePointer<UInt32>
    let targets: UnsafeMutablePointer<LinkedTarget>
    let reachability: Reachability
    /// The entity `*` of each type, if it has tuples.
    let wildcards: UnsafeMutablePointer<UInt32>
    /// What differs from the stored rows; unmanaged and used without a count, since the basis keeps it alive longer than
    /// this view is read, and a count for every row would be paid by all that reads the past.
    let overlay: Unmanaged<RowOverlay>?

    /// Where an entity's forward row is.
    @inline(__always)
    func forward(_ entity: UInt32) -> UnsafePointer<UInt64> {
        if let overlay { return overlay._withUnsafeGuaranteedRef { $0.slot(entity, isForward: true) } }
        let record = UnsafeRawPointer(records + Int(entity))
        return (record + 8).assumingMemoryBound(to: UInt64.self)
    }

    /// Where an entity's reverse row is.
    @inline(__always)
    func reverse(_ entity: UInt32) -> UnsafePointer<UInt64> {
        if let overlay { return overlay._withUnsafeGuaranteedRef { $0.slot(entity, isForward: false) } }
        let record = UnsafeRawPointer(records + Int(entity))
        return (record + 16).assumingMemoryBound(to: UInt64.self)
    }

    /// The target of an arrow for objects of a type.
    @inline(__always)
    func target(_ op: LinkedOp, type: UInt32) -> UInt32? {
        var place = Int(op.start)
        let end = place &+ Int(op.count)
        while place < end {
            if targets[place].type == type { return targets[place].node }
            place &+= 1
        }
        return nil
    }
}

/// A node or an operation that waits for an operand.
struct EvaluationFrame: BitwiseCopyable {
    /// The operation.
    var op: UInt32
    /// The object that it is about.
    var entity: UInt32
    /// The sub-problem whose expression the operation is; `CheckMemo.absent` inside an expression.
    var problem: UInt32
    /// How many operands of an expression were started.
    var operand: UInt32
    /// The row entries still to be tried.
    var run: RowRun
    /// The key of the entry that is tried next, while the graph may change; 0 while `run` says it.
    var parked: UInt64 = 0
    /// Whether an operand was false only provisionally.
    var isProvisional: Bool
    /// Whether it is asked what is possible (`EvaluationState.isPossible`).
    var isPossible: Bool

    /// What `parked` is of a frame that goes through no row: no key is so small.
    static let goesThroughNoRow: UInt64 = 1
}

/// States of sub-problems.
enum ProblemState {
    /// Not evaluated, or its provisional answer was taken back.
    static let open: UInt32 = 0
    static let isTrue: UInt32 = 1
    static let isFalse: UInt32 = 2
    /// From here on: in progress or provisionally false, at this place on the trail.
    static let onTrail: UInt32 = 3
}

/// What an evaluation is asked: a node of an entity, or a part of an expression about it.
struct AskedProblem: BitwiseCopyable {
    var entity: UInt32
    /// The node; `ResolvedCheck.noNode` for a part of an expression.
    var node = ResolvedCheck.noNode
    /// The operation, unless a node is asked.
    var op: UInt32 = 0
    /// Whether it is asked what is possible, rather than what is certain.
    var isPossible: Bool
}

/// The state of an evaluation; `EvaluationState+Run` moves it on.
struct EvaluationState {
    /// What is done next.
    enum Mode: UInt8 {
        /// Evaluate `node` of `entity`.
        case call
        /// Evaluate the operation `op` of `entity`.
        case enter
        /// Hand `value` to the operation on top.
        case answer
        /// Start the next operand of the row on top.
        case advance
    }

    // The question.
    var check = ResolvedCheck(resource: 0, node: 0, subject: 0, subjectNode: 0, subjectType: 0, subjectRelation: 0)
    var budget = 0
    var wildcard: UInt32 = 0
    /// The subject's reverse row.
    var subjectRow = RowWord.empty
    /// The words of the reachability sets that hold the subject's type, and its bit.
    var reach: UnsafePointer<UInt64>?
    var reachMask: UInt64 = 0

    /// The deepest that sub-problems may lie inside each other.
    var depthMax = Int.max

    // Where it stands.
    var visits = 0
    /// How deep the sub-problem in progress lies.
    var depth = 0
    /// Whether it is asked what is possible, rather than what is certain: tuples whose conditions depend on missing
    /// context count, and what is subtracted must be certain.
    var isPossible = false
    /// Whether a condition was met that depends on missing context.
    var hasMetMaybe = false
    /// What was asked last.
    private(set) var asked = AskedProblem(entity: 0, node: 0, isPossible: false)
    var mode = Mode.call
    var entity: UInt32 = 0
    var node: UInt32 = 0
    var op: UInt32 = 0
    /// The sub-problem whose expression is entered next.
    var problem = CheckMemo.absent
    var value = false
    /// Whether a false `value` holds only as long as sub-problems in progress are false.
    var isProvisional = false
    var frames = Stack<EvaluationFrame>(capacity: 64)
    var memo = CheckMemo()
    /// The state of each sub-problem by its number (`ProblemState`).
    var states = Stack<UInt32>(capacity: 64)
    /// Sub-problems in progress or provisionally false, in the order they were started.
    var trail = Stack<UInt32>(capacity: 64)
    /// Where on the trail the candidates for components start.
    var components = Stack<UInt32>(capacity: 64)
    /// Takes over once a sub-problem turned out to depend on its own exclusion.
    var network: GateNetwork?
    /// Judges conditions and times.
    let scope: ConditionScope
    /// Whether the question's entities keep their numbers for it (`Graph.keep`).
    var keepsEntities = false

    init(scope: ConditionScope) { self.scope = scope }

    /// Bigger stacks are given back after use.
    private static let kept = 1 << 16

    func release() {
        frames.release()
        memo.release()
        states.release()
        trail.release()
        components.release()
    }

    /// Starts over with a question.
    @inline(__always)
    mutating func begin(_ check: ResolvedCheck, budget: Int, depth: Int, view: GraphView) {
        self.check = check
        self.budget = budget
        look(at: view)
        visits = 0
        depthMax = depth
        hasMetMaybe = false
        ask(check.resource, check.node, possible: false)
    }

    /// Takes from a view what does not change while rows lie where they are.
    @inline(__always)
    mutating func look(at view: GraphView) {
        wildcard = view.wildcards[Int(check.subjectType)]
        subjectRow = RowWord(raw: view.reverse(check.subject).pointee)
        let sets = check.subjectNode == ResolvedCheck.noNode ? view.reachability.plain : view.reachability.usersets
        reach = UnsafePointer(sets) + Int(check.subjectType >> 6)
        reachMask = 1 << UInt64(check.subjectType & 63)
    }

    /// Notes by their keys which entries of rows come next, since rows are about to move.
    ///
    /// What is parked stays so until its frame is on top again, and everything below it with it: only frames that were
    /// touched since the last time are looked at.
    mutating func park(_ view: GraphView) {
        var place = frames.count
        while place > 0, frames[place - 1].parked == 0 {
            place -= 1
            let frame = frames.base + place
            switch view.ops[Int(frame.pointee.op)].kind {
            case .usersets, .arrowAny, .arrowAll:
                let run = frame.pointee.run
                frame.pointee.parked =
                    run.isEmpty ? RowEntry.key((run.end - 1).pointee) + RowEntry.step : RowEntry.key(run.start.pointee)
                frame.pointee.run.start = run.end
            default: frame.pointee.parked = EvaluationFrame.goesThroughNoRow
            }
        }
    }

    /// Starts over with a sub-problem of the same question; what was found out stays.
    @inline(__always)
    mutating func ask(_ entity: UInt32, _ node: UInt32, possible: Bool) {
        ask(AskedProblem(entity: entity, node: node, isPossible: possible))
        self.node = node
        mode = .call
    }

    /// Starts over with a part of an expression; what was found out stays.
    mutating func ask(_ entity: UInt32, op: UInt32, possible: Bool) {
        ask(AskedProblem(entity: entity, op: op, isPossible: possible))
        self.op = op
        mode = .enter
    }

    /// Asks the last question again: whether it is possible.
    mutating func askWhetherPossible() {
        if asked.node == ResolvedCheck.noNode {
            ask(asked.entity, op: asked.op, possible: true)
        } else {
            ask(asked.entity, asked.node, possible: true)
        }
    }

    @inline(__always)
    private mutating func ask(_ problem: AskedProblem) {
        asked = problem
        entity = problem.entity
        isPossible = problem.isPossible
        depth = 0
        self.problem = CheckMemo.absent
        isProvisional = false
        // What a network took over from was left in the middle.
        if network != nil { clearAll() }
    }

    /// Forgets what was found out, so that nothing of it reaches the next question.
    @inline(__always)
    mutating func clear() {
        guard memo.count > 0 || !frames.isEmpty || network != nil else { return }
        clearAll()
    }

    private mutating func clearAll() {
        memo.removeAll()
        frames.removeAll(keeping: EvaluationState.kept)
        states.removeAll(keeping: EvaluationState.kept)
        trail.removeAll(keeping: EvaluationState.kept)
        components.removeAll(keeping: EvaluationState.kept)
        network = nil
    }
}
