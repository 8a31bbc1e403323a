// Pemba: checks whose answer depends on its own exclusion.
// SPDX-License-Identifier: Apache-2.0

/// Answers one check under the well-founded semantics (Van Gelder, Ross and Schlipf, 1991): whoever is defined through
/// an exclusion of itself, so that no stage settles it, is denied.
///
/// All sub-problems that the check can reach become gates; then the alternating fixed point (Van Gelder, 1993) is
/// computed: a lower bound of what is true, negating an upper bound, and an upper bound, negating the lower one, until
/// neither changes. It is exact whatever the order of evaluation, slower than the usual way, and only met with data
/// that is cyclic through an exclusion. Work counts against the budget and can be interrupted. What is certain and what
/// is possible of a sub-problem (`EvaluationState+Run`) are gates of their own, joined by the exclusions between them.
final class GateNetwork {
    private struct Gate {
        enum Kind: UInt8 {
            case or
            case and
            case not
            case alwaysTrue
        }
        var kind = Kind.or
        var start = 0
        var count = 0
    }

    private enum Task {
        case problem(gate: UInt32, entity: UInt32, node: UInt32, isPossible: Bool)
        case operation(gate: UInt32, entity: UInt32, op: UInt32, isPossible: Bool)
    }

    /// A row whose entries are being made operands of a gate.
    private struct OpenRow {
        var gate: UInt32
        var entity: UInt32
        var op: LinkedOp
        var next: UInt64
        var isPossible: Bool
    }

    private var gates: [Gate]
    private var operands: [UInt32] = []
    private var tasks: [Task]
    private var row: OpenRow?
    private var numbers: [UInt64: UInt32]

    // The alternating fixed point.
    private var lower: [Bool] = []
    private var upper: [Bool] = []
    private var current: [Bool] = []
    private var isLowering = false
    private var position = 0
    private var hasChanged = false

    /// Whether the question, answered by no, is settled by no stage: it depends on its own exclusion.
    private(set) var isUndefined = false

    /// Gate 0 is always false, gate 1 is the question.
    private static let question = 1

    init(_ asked: AskedProblem) {
        gates = [Gate(), Gate()]
        let question = UInt32(GateNetwork.question)
        let (entity, isPossible) = (asked.entity, asked.isPossible)
        if asked.node == ResolvedCheck.noNode {
            numbers = [:]
            tasks = [.operation(gate: question, entity: entity, op: asked.op, isPossible: isPossible)]
        } else {
            numbers = [CheckMemo.key(entity, asked.node, isPossible: isPossible): question]
            tasks = [.problem(gate: question, entity: entity, node: asked.node, isPossible: isPossible)]
        }
    }

    /// Goes on until the answer is known, or nil when `visits` has reached `limit`.
    func run(_ state: inout EvaluationState, _ view: GraphView, limit: Int) -> Bool? {
        while row != nil || !tasks.isEmpty {
            guard state.visits < limit else { return nil }
            state.visits += 1
            if row != nil {
                extendRow(&state, view)
            } else if let task = tasks.popLast() {
                perform(task, &state, view)
            }
        }
        if current.isEmpty { beginRound(lowering: false) }
        while true {
            guard sweep(&state.visits, limit) else { return nil }
            if hasChanged {
                position = gates.count
                hasChanged = false
            } else if let answer = endRound() {
                return answer
            }
        }
    }

    // MARK: Building

    private func gate(_ entity: UInt32, _ node: UInt32, _ isPossible: Bool) -> UInt32 {
        let key = CheckMemo.key(entity, node, isPossible: isPossible)
        if let known = numbers[key] { return known }
        let gate = newGate()
        numbers[key] = gate
        tasks.append(.problem(gate: gate, entity: entity, node: node, isPossible: isPossible))
        return gate
    }

    private func newGate() -> UInt32 {
        gates.append(Gate())
        return UInt32(gates.count - 1)
    }

    private func setOperands(_ gate: UInt32, _ kind: Gate.Kind, _ members: [UInt32]) {
        gates[Int(gate)] = Gate(kind: kind, start: operands.count, count: members.count)
        operands.append(contentsOf: members)
    }

    private func perform(_ task: Task, _ state: inout EvaluationState, _ view: GraphView) {
        switch task {
        case .problem(let gate, let entity, let node, let isPossible):
            state.entity = entity
            state.node = node
            state.isPossible = isPossible
            let linked = view.nodes[Int(node)]
            if node == state.check.subjectNode && entity == state.check.subject {
                gates[Int(gate)].kind = .alwaysTrue
            } else if !state.isReachable(node, view) {
                return
            } else if linked.kind == .permission {
                tasks.append(.operation(gate: gate, entity: entity, op: linked.op, isPossible: isPossible))
            } else if state.holdsSubject(linked, view) {
                gates[Int(gate)].kind = .alwaysTrue
            } else if state.usersets(linked, view) != nil {
                let start = RowEntry.start(ofUsersetsOf: linked.number)
                openRow(gate, entity, view.ops[Int(linked.op)], from: start, isPossible)
            }
        case .operation(let gate, let entity, let op, let isPossible):
            expand(gate, entity, view.ops[Int(op)], isPossible, state.check, view)
        }
    }

    private func expand(
        _ gate: UInt32,
        _ entity: UInt32,
        _ op: LinkedOp,
        _ isPossible: Bool,
        _ check: ResolvedCheck,
        _ view: GraphView
    ) {
        switch op.kind {
        case .empty:
            return
        case .itself:
            if check.subjectNode == ResolvedCheck.noNode, entity == check.subject {
                gates[Int(gate)].kind = .alwaysTrue
            }
        case .computed:
            setOperands(gate, .or, [self.gate(entity, op.first, isPossible)])
        case .usersets, .arrowAny, .arrowAll:
            openRow(gate, entity, op, from: RowEntry.start(ofRelation: op.first), isPossible)
        case .union, .intersection:
            let members = (0..<op.count).map { _ in newGate() }
            setOperands(gate, op.kind == .union ? .or : .and, members)
            for (place, member) in members.enumerated() {
                let operand = view.operands[Int(op.start) + place]
                tasks.append(.operation(gate: member, entity: entity, op: operand, isPossible: isPossible))
            }
        case .exclusion:
            let base = newGate()
            let subtracted = newGate()
            let negation = newGate()
            setOperands(gate, .and, [base, negation])
            setOperands(negation, .not, [subtracted])
            let operands = (view.operands[Int(op.start)], view.operands[Int(op.start) + 1])
            tasks.append(.operation(gate: base, entity: entity, op: operands.0, isPossible: isPossible))
            tasks.append(.operation(gate: subtracted, entity: entity, op: operands.1, isPossible: !isPossible))
        }
    }

    private func openRow(_ gate: UInt32, _ entity: UInt32, _ op: LinkedOp, from key: UInt64, _ isPossible: Bool) {
        gates[Int(gate)].start = operands.count
        row = OpenRow(gate: gate, entity: entity, op: op, next: key, isPossible: isPossible)
    }

    /// Makes the next entry of the open row an operand, or closes the row.
    private func extendRow(_ state: inout EvaluationState, _ view: GraphView) {
        guard var open = row else { return }
        let run = view.rows.run(view.forward(open.entity), from: open.next)
        guard !run.isEmpty, RowEntry.relation(run.start.pointee) == open.op.first else {
            let count = operands.count - gates[Int(open.gate)].start
            gates[Int(open.gate)].count = count
            // `.all` of nothing is nobody.
            gates[Int(open.gate)].kind = open.op.kind == .arrowAll && count > 0 ? .and : .or
            row = nil
            return
        }
        let entry = run.start.pointee
        open.next = RowEntry.key(entry) + RowEntry.step
        row = open
        if RowEntry.hasTraits(entry) {
            state.entity = open.entity
            state.isPossible = open.isPossible
            if !state.counts(RowEntry.key(entry)) {
                // For `.all` a tuple that is there and whose condition fails is the end.
                let isThere = state.scope.isAlive(TupleKey(open.entity, entry))
                if open.op.kind == .arrowAll, isThere { operands.append(0) }
                return
            }
        }
        let child = RowEntry.entity(entry)
        let type = UInt32(view.records[Int(child)].type)
        if open.op.kind == .usersets {
            let node = view.nodeBase[Int(type)] + RowEntry.subjectRelation(entry)
            operands.append(gate(child, node, open.isPossible))
        } else if let target = view.target(open.op, type: type) {
            operands.append(gate(child, target, open.isPossible))
        } else if open.op.kind == .arrowAll {
            operands.append(0)
        }
    }

    // MARK: The alternating fixed point

    private func beginRound(lowering: Bool) {
        isLowering = lowering
        if lower.isEmpty { lower = [Bool](repeating: false, count: gates.count) }
        current = [Bool](repeating: false, count: gates.count)
        position = gates.count
        hasChanged = false
    }

    /// Evaluates gates from the last to the first, since operands come after what they are operands of.
    private func sweep(_ visits: inout Int, _ limit: Int) -> Bool {
        let assumed = isLowering ? upper : lower
        while position > 0 {
            guard visits < limit else { return false }
            visits += 1
            position -= 1
            guard !current[position] else { continue }
            let gate = gates[position]
            let members = operands[gate.start..<(gate.start + gate.count)]
            let value =
                switch gate.kind {
                case .or: members.contains { current[Int($0)] }
                case .and: members.allSatisfy { current[Int($0)] }
                case .not: members.allSatisfy { !assumed[Int($0)] }
                case .alwaysTrue: true
                }
            if value {
                current[position] = true
                hasChanged = true
            }
        }
        return true
    }

    /// Takes a bound that does not change any more; gives the answer once it is settled.
    private func endRound() -> Bool? {
        let answer = current[GateNetwork.question]
        if isLowering {
            if answer || current == lower {
                isUndefined = !answer
                return answer
            }
            lower = current
            beginRound(lowering: false)
        } else {
            if !answer { return false }
            upper = current
            beginRound(lowering: true)
        }
        return nil
    }
}
