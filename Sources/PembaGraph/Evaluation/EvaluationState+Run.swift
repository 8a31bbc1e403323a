// Pemba: the evaluation of checks.
// SPDX-License-Identifier: Apache-2.0

/// How it works
///
/// A sub-problem is a node (relation or permission) of an entity. Sub-problems are evaluated depth first on an explicit
/// stack, each at most once as long as its answer holds. A sub-problem that is met again while it is in progress counts
/// as false, provisionally: that starts the least fixed point from below. Then
/// - *true* is final, because nothing but final answers is ever negated, and everything else is monotone;
/// - *false* is final once the strongly connected component it belongs to is complete: all its members were false
///   under the assumption that all of them are, which makes them false in the least fixed point. Components are found
///   as in Gabow's path-based algorithm (2000): `trail` holds what is in progress or provisional, `components` where
///   the candidates start, and meeting something on the trail joins the candidates above it;
/// - when a sub-problem becomes true, the provisional answers found below it are taken back.
///
/// If what is subtracted in an exclusion is only provisionally false, the sub-problem depends on its own exclusion.
/// Then the whole question is answered again by a `GateNetwork`, which is exact for that case, too.
///
/// Conditions whose context is missing make answers three-valued (Kleene, 1952). A sub-problem is then two: what is
/// certain, and what is possible. For certainty a tuple with such a condition does not count, for possibility it
/// does; what is subtracted from a certain answer must not even be possible, and the other way round. Each of the two
/// is two-valued, so that everything above holds for both; `isPossible` says which one is asked, and the memo keeps
/// them apart. A check asks for certainty first, and for possibility only if a condition of that kind was met.
extension EvaluationState {
    /// Why a run ended.
    enum Ending {
        case finished
        case suspended
        case exceeded
        case tooDeep
    }

    /// How a slice of a check ended.
    enum SliceEnding {
        case yes
        case no
        case conditional
        case suspended
        case exceeded
        case tooDeep
    }

    /// Goes on with a check for `slice` visits: asks for certainty, then for possibility if that can differ.
    @inline(__always)
    mutating func runSlice(_ view: GraphView, slice: Int) -> SliceEnding {
        let limit = min(visits + slice, budget)
        while true {
            switch run(view, limit: limit) {
            case .finished:
                if asked.isPossible { return value ? .conditional : .no }
                if value || !hasMetMaybe { return value ? .yes : .no }
                ask(check.resource, check.node, possible: true)
            case .suspended: return .suspended
            case .exceeded: return .exceeded
            case .tooDeep: return .tooDeep
            }
        }
    }

    /// Goes on until the answer is in `value` or `visits` has reached `limit`.
    mutating func run(_ view: GraphView, limit: Int) -> Ending {
        if let network { return run(network, view, limit: limit) }
        while true {
            switch mode {
            case .call:
                guard visits < limit else { return visits >= budget ? .exceeded : .suspended }
                guard depth <= depthMax else { return .tooDeep }
                visits &+= 1
                call(view)
            case .enter:
                enter(view)
            case .answer:
                if frames.isEmpty { return .finished }
                guard answer(view) else { return startNetwork(view, limit: limit) }
            case .advance:
                guard visits < limit else { return visits >= budget ? .exceeded : .suspended }
                advance(view)
            }
        }
    }

    /// Answers the question that was asked last by a network.
    private mutating func startNetwork(_ view: GraphView, limit: Int) -> Ending {
        let network = GateNetwork(asked)
        self.network = network
        return run(network, view, limit: limit)
    }

    private mutating func run(_ network: GateNetwork, _ view: GraphView, limit: Int) -> Ending {
        guard let answer = network.run(&self, view, limit: limit) else {
            return visits >= budget ? .exceeded : .suspended
        }
        value = answer
        return .finished
    }

    // MARK: Sub-problems

    /// Whether objects of the subject's type can have the node at all.
    @inline(__always)
    func isReachable(_ node: UInt32, _ view: GraphView) -> Bool {
        guard let reach else { return false }
        return reach[Int(node) &* view.reachability.words] & reachMask != 0
    }

    /// Whether any target of the operation is reachable.
    @inline(__always)
    func isAnyTargetReachable(_ op: LinkedOp, _ view: GraphView) -> Bool {
        var place = Int(op.start)
        let end = place &+ Int(op.count)
        while place < end {
            if isReachable(view.targets[place].node, view) { return true }
            place &+= 1
        }
        return false
    }

    @inline(__always)
    private mutating func give(_ answer: Bool) {
        value = answer
        isProvisional = false
        mode = .answer
    }

    @inline(__always)
    private mutating func call(_ view: GraphView) {
        if node == check.subjectNode && entity == check.subject { return give(true) }
        guard isReachable(node, view) else { return give(false) }
        let linked = view.nodes[Int(node)]
        if linked.kind == .relation && !linked.admitsUsersets { return give(holdsSubject(linked, view)) }
        let key = CheckMemo.key(entity, node, isPossible: isPossible)
        var number = memo.find(key)
        if number != CheckMemo.absent {
            let known = states[Int(number)]
            if known >= ProblemState.onTrail { return meetAgain(known &- ProblemState.onTrail) }
            if known != ProblemState.open { return give(known == ProblemState.isTrue) }
        }
        var run: RowRun?
        if linked.kind == .relation {
            if holdsSubject(linked, view) { return give(true) }
            run = usersets(linked, view)
            if run == nil { return give(false) }
        }
        if number == CheckMemo.absent {
            number = memo.add(key)
            states.push(ProblemState.open)
        }
        start(number)
        if let run {
            pushFrame(op: linked.op, problem: number, run: run)
            mode = .advance
        } else {
            op = linked.op
            problem = number
            mode = .enter
        }
    }

    /// Whether the relation's row holds the subject or the wildcard of its type.
    @inline(__always)
    mutating func holdsSubject(_ linked: LinkedNode, _ view: GraphView) -> Bool {
        let row = RowWord(raw: view.forward(entity).pointee)
        guard !row.isEmpty else { return false }
        let relation = RowEntry.make(relation: linked.number, subjectRelation: check.subjectRelation, entity: 0)
        var found: UInt64 = 0
        // The shorter side is probed: a popular resource's row is long, its subjects' rows seldom are.
        if subjectRow.isSingle || subjectRow.count < row.count {
            found = view.rows.find(subjectRow, relation | (UInt64(entity) << 8))
        } else if check.subject != EntityNumber.none {
            found = view.rows.find(row, relation | (UInt64(check.subject) << 8))
        }
        if found != 0, !RowEntry.hasTraits(found) || counts(relation | (UInt64(check.subject) << 8)) { return true }
        guard linked.admitsWildcard, wildcard != EntityNumber.none else { return false }
        let everybody = RowEntry.make(relation: linked.number, subjectRelation: 0, entity: wildcard)
        found = view.rows.find(row, everybody)
        return found != 0 && (!RowEntry.hasTraits(found) || counts(everybody))
    }

    /// Whether a tuple on the entity, whose entry is flagged, counts for what is asked.
    @inline(never)
    mutating func counts(_ entry: UInt64) -> Bool {
        let truth = scope.truth(TupleKey(entity, entry))
        visits &+= scope.takeVisits()
        switch truth {
        case .no: return false
        case .yes: return true
        case .maybe:
            hasMetMaybe = true
            return isPossible
        }
    }

    /// The relation's usersets on the entity; nil if there are none, or none that could lead to the subject.
    @inline(__always)
    func usersets(_ linked: LinkedNode, _ view: GraphView) -> RowRun? {
        guard isAnyTargetReachable(view.ops[Int(linked.op)], view) else { return nil }
        let run = view.rows.run(view.forward(entity), from: RowEntry.start(ofUsersetsOf: linked.number))
        guard !run.isEmpty, RowEntry.relation(run.start.pointee) == linked.number else { return nil }
        return run
    }

    @inline(__always)
    private mutating func start(_ number: UInt32) {
        let place = UInt32(truncatingIfNeeded: trail.count)
        states[Int(number)] = ProblemState.onTrail &+ place
        components.push(place)
        trail.push(number)
        depth &+= 1
    }

    /// Meets a sub-problem that is in progress or provisionally false.
    private mutating func meetAgain(_ place: UInt32) {
        while components.top.pointee > place { components.pop() }
        value = false
        isProvisional = true
        mode = .answer
    }

    /// Hands the answer of a frame that is done on, and if it was a sub-problem's, records it.
    @inline(__always)
    private mutating func finish(_ answer: Bool, provisional: Bool, problem number: UInt32) {
        value = answer
        isProvisional = provisional
        mode = .answer
        guard number != CheckMemo.absent else { return }
        depth &-= 1
        let place = states[Int(number)] &- ProblemState.onTrail
        let first = Int(place)
        if answer {
            var later = first &+ 1
            while later < trail.count {
                states[Int(trail[later])] = ProblemState.open
                later &+= 1
            }
            states[Int(number)] = ProblemState.isTrue
            trail.cut(to: first)
            while !components.isEmpty, components.top.pointee >= place { components.pop() }
        } else if components.top.pointee == place {
            components.pop()
            var member = first
            while member < trail.count {
                states[Int(trail[member])] = ProblemState.isFalse
                member &+= 1
            }
            trail.cut(to: first)
            isProvisional = false
        } else {
            isProvisional = true
        }
    }

    // MARK: Operations

    @inline(__always)
    private mutating func pushFrame(op: UInt32, problem: UInt32, run: RowRun) {
        frames.push(
            EvaluationFrame(
                op: op,
                entity: entity,
                problem: problem,
                operand: 1,
                run: run,
                isProvisional: false,
                isPossible: isPossible
            )
        )
    }

    @inline(__always)
    private mutating func pop(_ answer: Bool, provisional: Bool) {
        let number = frames.top.pointee.problem
        frames.pop()
        finish(answer, provisional: provisional, problem: number)
    }

    @inline(__always)
    private mutating func enter(_ view: GraphView) {
        let linked = view.ops[Int(op)]
        let number = problem
        problem = CheckMemo.absent
        switch linked.kind {
        case .empty:
            finish(false, provisional: false, problem: number)
        case .itself:
            let isSubject = check.subjectNode == ResolvedCheck.noNode && entity == check.subject
            finish(isSubject, provisional: false, problem: number)
        case .computed:
            if number != CheckMemo.absent { pushFrame(op: op, problem: number, run: noRun(view)) }
            node = linked.first
            mode = .call
        case .usersets, .arrowAny, .arrowAll:
            let run = view.rows.run(view.forward(entity), from: RowEntry.start(ofRelation: linked.first))
            guard !run.isEmpty, RowEntry.relation(run.start.pointee) == linked.first, isAnyTargetReachable(linked, view)
            else { return finish(false, provisional: false, problem: number) }
            pushFrame(op: op, problem: number, run: run)
            mode = .advance
        case .union, .intersection, .exclusion:
            pushFrame(op: op, problem: number, run: noRun(view))
            op = view.operands[Int(linked.start)]
        }
    }

    @inline(__always)
    private func noRun(_ view: GraphView) -> RowRun {
        let anywhere = UnsafePointer(view.rows.arena.base)
        return RowRun(start: anywhere, end: anywhere)
    }

    /// Starts the next operand of the expression on top; false if there is none.
    @inline(__always)
    private mutating func enterNext(_ linked: LinkedOp, _ view: GraphView) -> Bool {
        let frame = frames.top
        guard frame.pointee.operand < linked.count else { return false }
        op = view.operands[Int(linked.start &+ frame.pointee.operand)]
        entity = frame.pointee.entity
        // What is subtracted from what is certain must not even be possible, and the other way round.
        isPossible = linked.kind == .exclusion ? !frame.pointee.isPossible : frame.pointee.isPossible
        frame.pointee.operand &+= 1
        mode = .enter
        return true
    }

    /// Hands `value` to the frame on top; false if that would negate a provisional answer.
    @inline(__always)
    private mutating func answer(_ view: GraphView) -> Bool {
        let frame = frames.top
        let linked = view.ops[Int(frame.pointee.op)]
        switch linked.kind {
        case .empty, .itself, .computed:
            pop(value, provisional: isProvisional)
        case .union:
            if value { pop(true, provisional: false) } else { continueUnion(linked, view) }
        case .usersets, .arrowAny:
            if value {
                pop(true, provisional: false)
            } else {
                frame.pointee.isProvisional = frame.pointee.isProvisional || isProvisional
                mode = .advance
            }
        case .arrowAll:
            if value { mode = .advance } else { pop(false, provisional: isProvisional) }
        case .intersection:
            if !value {
                pop(false, provisional: isProvisional)
            } else if !enterNext(linked, view) {
                pop(true, provisional: false)
            }
        case .exclusion:
            if frame.pointee.operand == 1 {
                if value { _ = enterNext(linked, view) } else { pop(false, provisional: isProvisional) }
            } else if value {
                pop(false, provisional: false)
            } else if isProvisional {
                return false
            } else {
                pop(true, provisional: false)
            }
        }
        return true
    }

    @inline(__always)
    private mutating func continueUnion(_ linked: LinkedOp, _ view: GraphView) {
        let frame = frames.top
        frame.pointee.isProvisional = frame.pointee.isProvisional || isProvisional
        if !enterNext(linked, view) { pop(false, provisional: frame.pointee.isProvisional) }
    }

    /// Takes the next entry of the row on top.
    @inline(__always)
    private mutating func advance(_ view: GraphView) {
        let frame = frames.top
        let linked = view.ops[Int(frame.pointee.op)]
        if frame.pointee.run.isEmpty { renewRun(frame, view) }
        guard !frame.pointee.run.isEmpty, RowEntry.relation(frame.pointee.run.start.pointee) == linked.first else {
            // `.all` of no tuple that is there is nobody.
            let isAll = linked.kind == .arrowAll && frame.pointee.operand > 1
            return pop(isAll, provisional: frame.pointee.isProvisional)
        }
        let entry = frame.pointee.run.start.pointee
        frame.pointee.run.start += 1
        isPossible = frame.pointee.isPossible
        if RowEntry.hasTraits(entry) {
            entity = frame.pointee.entity
            guard isFollowed(entry, linked.kind) else { return }
        }
        frame.pointee.operand = 2
        let child = RowEntry.entity(entry)
        let type = UInt32(view.records[Int(child)].type)
        if linked.kind == .usersets {
            node = view.nodeBase[Int(type)] &+ RowEntry.subjectRelation(entry)
        } else if let target = view.target(linked, type: type) {
            node = target
        } else {
            visits &+= 1
            if linked.kind == .arrowAll { pop(false, provisional: false) }
            return
        }
        entity = child
        mode = .call
    }

    /// Whether a flagged entry of the row on top is to be followed; for `.all`, one whose condition fails is the end.
    @inline(never)
    private mutating func isFollowed(_ entry: UInt64, _ kind: LinkedOp.Kind) -> Bool {
        visits &+= 1
        if counts(RowEntry.key(entry)) { return true }
        if kind == .arrowAll, scope.isAlive(TupleKey(entity, entry)) { pop(false, provisional: false) }
        return false
    }

    /// Goes on to the next leaf of a large row, or in a row that may have moved.
    private func renewRun(_ frame: UnsafeMutablePointer<EvaluationFrame>, _ view: GraphView) {
        let slot = view.forward(frame.pointee.entity)
        guard frame.pointee.parked == 0 else {
            frame.pointee.run = view.rows.run(slot, from: frame.pointee.parked)
            frame.pointee.parked = 0
            return
        }
        guard RowWord(raw: slot.pointee).isLarge else { return }
        let last = (frame.pointee.run.end - 1).pointee
        frame.pointee.run = view.rows.run(slot, from: RowEntry.key(last) + RowEntry.step)
    }
}
