// Pemba: one evaluation between slices.
// SPDX-License-Identifier: Apache-2.0

/// One evaluation: its question, its stacks and what it has found out.
///
/// The graph uses them again for the next one.
package final class Evaluation {
    /// Behind a pointer, so that the inner loop does not pay for exclusive access to a class's property.
    let state: UnsafeMutablePointer<EvaluationState>

    init() {
        state = .allocate(capacity: 1)
        state.initialize(to: EvaluationState())
    }

    deinit {
        state.pointee.release()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Sub-problems and row entries looked at so far.
    package var visits: Int { state.pointee.visits }
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

    /// Where an entity's forward row is.
    @inline(__always)
    func forward(_ entity: UInt32) -> UnsafePointer<UInt64> {
        let record = UnsafeRawPointer(records + Int(entity))
        return (record + 8).assumingMemoryBound(to: UInt64.self)
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
    /// Whether an operand was false only provisionally.
    var isProvisional: Bool
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

    // Where it stands.
    var visits = 0
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
    mutating func begin(_ check: ResolvedCheck, budget: Int, view: GraphView) {
        self.check = check
        self.budget = budget
        wildcard = view.wildcards[Int(check.subjectType)]
        subjectRow = RowWord(raw: view.records[Int(check.subject)].reverse)
        let sets = check.subjectNode == ResolvedCheck.noNode ? view.reachability.plain : view.reachability.usersets
        reach = UnsafePointer(sets) + Int(check.subjectType >> 6)
        reachMask = 1 << UInt64(check.subjectType & 63)
        visits = 0
        mode = .call
        entity = check.resource
        node = check.node
        problem = CheckMemo.absent
        isProvisional = false
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
