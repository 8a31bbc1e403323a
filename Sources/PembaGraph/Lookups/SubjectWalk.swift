// Pemba: walking from a resource to the subjects that may have it.
// SPDX-License-Identifier: Apache-2.0

/// Walks from a relation or permission of a resource downwards, and notes every object of one kind that a tuple on the
/// way names, with how sure it is that it has the permission.
///
/// It follows what is subtracted, too: whom a wildcard does not stand for is found there.
struct SubjectWalk {
    /// How sure a way is, from nothing to everything.
    enum Sureness: UInt8, Comparable {
        /// Not at all: something on the way is subtracted.
        case subtracted = 0
        /// Something on the way is an intersection, an exclusion or `.all`.
        case open = 1
        /// Only conditions without their context.
        case maybe = 2
        /// Plain.
        case yes = 3

        static func < (left: Sureness, right: Sureness) -> Bool { left.rawValue < right.rawValue }
    }

    /// A subject that was found.
    struct Found: BitwiseCopyable {
        var entity: UInt32
        /// The best way to it.
        var sureness: Sureness
        /// Whether a way to it is subtracted.
        var isSubtracted: Bool
    }

    /// A relation or permission of an object on the way.
    private struct Stop: BitwiseCopyable {
        var entity: UInt32
        var node: UInt32
        var sureness: Sureness
        var isSubtracted: Bool
    }

    /// A row that is being gone through.
    private struct Scan: BitwiseCopyable {
        var stop: Stop
        var op: UInt32
        var next: UInt64
    }

    private let kind: ResolvedCheck
    private let wildcard: UInt32
    private var memo = CheckMemo()
    private var best = Stack<Sureness>(capacity: 64)
    private var pending = Stack<Stop>(capacity: 64)
    private var scans = Stack<Scan>(capacity: 16)
    private var numbers = CheckMemo()
    private(set) var found = Stack<Found>(capacity: 64)
    /// Whether a tuple on the way names the wildcard.
    private(set) var hasWildcard = false

    init(_ kind: ResolvedCheck, from resource: UInt32, _ node: UInt32, _ view: GraphView) {
        self.kind = kind
        wildcard = view.wildcards[Int(kind.subjectType)]
        visit(Stop(entity: resource, node: node, sureness: .yes, isSubtracted: false), view)
    }

    func release() {
        memo.release()
        best.release()
        pending.release()
        scans.release()
        numbers.release()
        found.release()
    }

    /// Goes on until nothing is left to do, or false when the visits have reached `limit`.
    mutating func run(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        while true {
            guard inquiry.evaluation.visits < limit else { return scans.isEmpty && pending.isEmpty }
            if !scans.isEmpty {
                try scan(inquiry, limit: limit)
            } else if !pending.isEmpty {
                let stop = pending.top.pointee
                pending.pop()
                try inquiry.spend(1)
                expand(stop, inquiry)
            } else {
                return true
            }
        }
    }

    // MARK: Stops

    /// Puts a stop on the list, unless it was reached as well before.
    @inline(__always)
    private mutating func visit(_ stop: Stop, _ view: GraphView) {
        if stop.node == kind.subjectNode { note(stop.entity, stop) }
        guard isReachable(stop.node, view) else { return }
        let key = CheckMemo.key(stop.entity, stop.node, isPossible: stop.isSubtracted)
        let known = memo.find(key)
        if known == CheckMemo.absent {
            _ = memo.add(key)
            best.push(stop.sureness)
        } else {
            guard stop.sureness > best[Int(known)] else { return }
            best[Int(known)] = stop.sureness
        }
        pending.push(stop)
    }

    /// Whether subjects of the kind can have a node at all.
    @inline(__always)
    private func isReachable(_ node: UInt32, _ view: GraphView) -> Bool {
        let sets = kind.subjectNode == ResolvedCheck.noNode ? view.reachability.plain : view.reachability.usersets
        let word = sets[Int(node) * view.reachability.words + Int(kind.subjectType >> 6)]
        return word & (1 << UInt64(kind.subjectType & 63)) != 0
    }

    /// Notes a subject.
    @inline(__always)
    private mutating func note(_ entity: UInt32, _ stop: Stop) {
        let known = numbers.find(UInt64(entity))
        guard known != CheckMemo.absent else {
            _ = numbers.add(UInt64(entity))
            found.push(Found(entity: entity, sureness: stop.sureness, isSubtracted: stop.isSubtracted))
            return
        }
        let place = found.base + Int(known)
        place.pointee.sureness = max(place.pointee.sureness, stop.sureness)
        place.pointee.isSubtracted = place.pointee.isSubtracted || stop.isSubtracted
    }

    private mutating func expand(_ stop: Stop, _ inquiry: Inquiry) {
        let view = inquiry.view
        let linked = view.nodes[Int(stop.node)]
        guard linked.kind == .relation else { return expand(stop, op: linked.op, view) }
        if kind.subjectNode != ResolvedCheck.noNode, linked.admitsWildcard, wildcard != EntityNumber.none {
            let key = RowEntry.make(relation: linked.number, subjectRelation: 0, entity: wildcard)
            let entry = view.rows.find(RowWord(raw: view.forward(stop.entity).pointee), key)
            if entry != 0, inquiry.truth(stop.entity, entry: entry) != .no { hasWildcard = true }
        }
        let isPlain = kind.subjectNode == ResolvedCheck.noNode
        let next =
            isPlain ? RowEntry.start(ofRelation: linked.number) : RowEntry.start(ofUsersetsOf: linked.number)
        scans.push(Scan(stop: stop, op: linked.op, next: next))
    }

    /// Goes through an expression.
    private mutating func expand(_ stop: Stop, op root: UInt32, _ view: GraphView) {
        var open = [(op: root, stop: stop)]
        while let (place, stop) = open.popLast() {
            let op = view.ops[Int(place)]
            switch op.kind {
            case .empty, .usersets: break
            case .itself:
                let type = UInt32(view.nodes[Int(stop.node)].type)
                if kind.subjectNode == ResolvedCheck.noNode, type == kind.subjectType { note(stop.entity, stop) }
            case .computed:
                var next = stop
                next.node = op.first
                visit(next, view)
            case .arrowAny, .arrowAll:
                var next = stop
                if op.kind == .arrowAll { next.sureness = min(next.sureness, .open) }
                scans.push(Scan(stop: next, op: place, next: RowEntry.start(ofRelation: op.first)))
            case .union, .intersection:
                var next = stop
                if op.kind == .intersection { next.sureness = min(next.sureness, .open) }
                for operand in 0..<Int(op.count) { open.append((view.operands[Int(op.start) + operand], next)) }
            case .exclusion:
                var next = stop
                next.sureness = min(next.sureness, .open)
                open.append((view.operands[Int(op.start)], next))
                next.isSubtracted.toggle()
                next.sureness = next.isSubtracted ? .subtracted : .open
                open.append((view.operands[Int(op.start) + 1], next))
            }
        }
    }

    // MARK: Rows

    /// Takes the next part of the row on top that lies together in memory.
    private mutating func scan(_ inquiry: Inquiry, limit: Int) throws(GraphError) {
        var scan = scans.top.pointee
        scans.pop()
        let view = inquiry.view
        let op = view.ops[Int(scan.op)]
        let run = view.rows.run(view.forward(scan.stop.entity), from: scan.next)
        var cursor = run.start
        var isOver = run.isEmpty
        while !isOver, cursor < run.end {
            let entry = cursor.pointee
            guard RowEntry.relation(entry) == op.first else {
                isOver = true
                break
            }
            take(entry, scan.stop, op, inquiry)
            cursor += 1
            if RowEntry.hasTraits(entry), inquiry.isSpent(limit) { break }
        }
        try inquiry.spend(max(cursor - run.start, 1))
        guard !isOver else { return }
        scan.next = RowEntry.key((cursor - 1).pointee) + RowEntry.step
        scans.push(scan)
    }

    /// Goes down through one tuple.
    @inline(__always)
    private mutating func take(_ entry: UInt64, _ stop: Stop, _ op: LinkedOp, _ inquiry: Inquiry) {
        let child = RowEntry.entity(entry)
        let view = inquiry.view
        let type = UInt32(view.records[Int(child)].type)
        var next = stop
        if RowEntry.hasTraits(entry) {
            switch inquiry.scope.truth(TupleKey(stop.entity, entry)) {
            case .no: return
            case .maybe: next.sureness = min(next.sureness, .maybe)
            case .yes: break
            }
        }
        guard op.kind == .usersets else {
            guard let target = view.target(op, type: type) else { return }
            next.entity = child
            next.node = target
            return visit(next, view)
        }
        if RowEntry.subjectRelation(entry) != 0 {
            next.entity = child
            next.node = view.nodeBase[Int(type)] &+ RowEntry.subjectRelation(entry)
            visit(next, view)
        } else if child == wildcard {
            hasWildcard = true
        } else if type == kind.subjectType {
            note(child, next)
        }
    }
}
