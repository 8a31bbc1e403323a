// Pemba: walking from a subject to the resources that it may have.
// SPDX-License-Identifier: Apache-2.0

/// Walks from a subject upwards: from each relation or permission of an object that the subject has, or perhaps has, to
/// those that depend on it (`Dependents`).
///
/// What is reached through unions, arrows and tuples alone has as much truth as the best way to it. Where that is not
/// enough, at intersections, exclusions and `.all`, the evaluation decides at once, so that the walk never goes on from
/// what the subject has not. It is complete because whatever a subject has it has by a chain of such steps.
struct ResourceWalk {
    /// A row that is being gone through.
    private struct Scan: BitwiseCopyable {
        var entity: UInt32
        /// The relation of the lower node, if the tuples must name it; else `anyRelation`.
        var subjectRelation: UInt32
        var relation: UInt32
        var next: UInt64
        /// The edges of the way.
        var start: Int
        var end: Int
        var truth: Truth
    }

    /// One relation or permission of an object.
    private struct Fact: BitwiseCopyable {
        var entity: UInt32
        var node: UInt32
        var truth: Truth
        /// Whether the evaluation has decided it.
        var isDecided: Bool
    }

    private static let anyRelation = UInt32.max

    private let question: ResolvedCheck
    private let nodes: UnsafeMutablePointer<LinkedNode>
    private let wildcard: UInt32
    /// What stands for plain subjects of the subject's type.
    private let object: UInt32
    private let dependents: Dependents
    /// Which nodes lead to the ones that are looked up.
    private let isLeading: [Bool]
    /// Which nodes are looked up: their place among the lists of what was found, or -1.
    private var list: [Int32]
    private var lists: [Stack<UInt32>] = []
    private var memo = CheckMemo()
    private var facts = Stack<Fact>(capacity: 64)
    /// Facts whose dependents are to be found.
    private var raised = Stack<UInt32>(capacity: 64)
    /// Facts that the evaluation is to decide.
    private var undecided = Stack<UInt32>(capacity: 64)
    private var scans = Stack<Scan>(capacity: 16)
    private var asked: UInt32?

    init(_ inquiry: Inquiry, _ question: ResolvedCheck, to targets: [UInt32]) {
        self.question = question
        let linked = inquiry.basis.linked
        nodes = linked.nodes
        dependents = linked.dependents
        isLeading = dependents.leading(to: targets)
        list = [Int32](repeating: -1, count: linked.nodeCount)
        for node in targets where list[Int(node)] < 0 {
            list[Int(node)] = Int32(lists.count)
            lists.append(Stack<UInt32>(capacity: 16))
        }
        wildcard = inquiry.view.wildcards[Int(question.subjectType)]
        object = linked.node(type: question.subjectType, relation: 0)
    }

    func release() {
        memo.release()
        facts.release()
        raised.release()
        undecided.release()
        scans.release()
        for list in lists { list.release() }
    }

    /// Begins at the subject and at the wildcard of its type.
    mutating func start() {
        if wildcard != EntityNumber.none { climb(wildcard, object, .yes, onlyTuples: true) }
        if question.subjectNode == ResolvedCheck.noNode {
            climb(question.subject, object, .yes, onlyTuples: false)
        } else if isLeading[Int(question.subjectNode)] {
            raise(question.subject, question.subjectNode, .yes)
        }
    }

    /// Goes on until nothing is left to do, or false when the visits have reached `limit`.
    mutating func run(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        while true {
            if let fact = asked {
                guard let truth = try inquiry.proceed(limit: limit) else { return false }
                asked = nil
                raise(fact, truth)
            } else if inquiry.evaluation.visits >= limit {
                return false
            } else if !scans.isEmpty {
                try scan(inquiry, limit: limit)
            } else if !raised.isEmpty {
                let fact = facts[Int(raised.top.pointee)]
                raised.pop()
                try inquiry.spend(1)
                climb(fact.entity, fact.node, fact.truth, onlyTuples: false)
            } else if !undecided.isEmpty {
                let number = undecided.top.pointee
                undecided.pop()
                guard facts[Int(number)].truth != .yes else { continue }
                inquiry.begin(facts[Int(number)].entity, facts[Int(number)].node)
                asked = number
            } else {
                return true
            }
        }
    }

    // MARK: Facts

    @inline(__always)
    private mutating func fact(_ entity: UInt32, _ node: UInt32) -> UInt32 {
        let key = CheckMemo.key(entity, node, isPossible: false)
        let known = memo.find(key)
        if known != CheckMemo.absent { return known }
        let number = memo.add(key)
        facts.push(Fact(entity: entity, node: node, truth: .no, isDecided: false))
        return number
    }

    @inline(__always)
    private mutating func raise(_ entity: UInt32, _ node: UInt32, _ truth: Truth) {
        raise(fact(entity, node), truth)
    }

    /// Notes that the subject has at least so much of a fact.
    @inline(__always)
    private mutating func raise(_ number: UInt32, _ truth: Truth) {
        let fact = facts.base + Int(number)
        guard truth > fact.pointee.truth else { return }
        if fact.pointee.truth == .no {
            let list = list[Int(fact.pointee.node)]
            if list >= 0 { lists[Int(list)].push(number) }
        }
        fact.pointee.truth = truth
        if !dependents.places(fact.pointee.node).isEmpty { raised.push(number) }
    }

    /// Notes what is known of a candidate.
    mutating func note(_ entity: UInt32, _ node: UInt32, _ truth: Truth) {
        raise(fact(entity, node), truth)
    }

    /// Lets the evaluation decide a fact, unless it has.
    @inline(__always)
    private mutating func decide(_ entity: UInt32, _ node: UInt32) {
        let number = fact(entity, node)
        guard !facts[Int(number)].isDecided else { return }
        facts.base[Int(number)].isDecided = true
        undecided.push(number)
    }

    @inline(__always)
    private mutating func reach(_ entity: UInt32, _ edge: Dependents.Edge, _ truth: Truth) {
        if edge.isEnough { raise(entity, edge.node, truth) } else { decide(entity, edge.node) }
    }

    // MARK: Steps

    /// Begins the ways up from a fact.
    private mutating func climb(_ entity: UInt32, _ node: UInt32, _ truth: Truth, onlyTuples: Bool) {
        let places = dependents.places(node)
        var place = places.lowerBound
        while place < places.upperBound {
            let edge = dependents.edges[place]
            guard edge.kind != .computed else {
                if !onlyTuples, isLeading[Int(edge.node)] { reach(entity, edge, truth) }
                place += 1
                continue
            }
            let start = place
            var isWanted = false
            while place < places.upperBound, dependents.edges[place].kind == edge.kind,
                dependents.edges[place].relation == edge.relation
            {
                isWanted = isWanted || isLeading[Int(dependents.edges[place].node)]
                place += 1
            }
            guard isWanted else { continue }
            let number = nodes[Int(node)].number
            scans.push(
                Scan(
                    entity: entity,
                    subjectRelation: edge.kind == .usersets ? number : ResourceWalk.anyRelation,
                    relation: edge.relation,
                    next: RowEntry.make(
                        relation: edge.relation,
                        subjectRelation: edge.kind == .usersets ? number : 0,
                        entity: 0
                    ),
                    start: start,
                    end: place,
                    truth: truth
                )
            )
        }
    }

    /// Takes the next part of the row on top that lies together in memory.
    private mutating func scan(_ inquiry: Inquiry, limit: Int) throws(GraphError) {
        let scan = scans.top.pointee
        let view = inquiry.view
        let run = view.rows.run(view.reverse(scan.entity), from: scan.next)
        var cursor = run.start
        // The scan is taken off before it finds anything, which may put others on top.
        scans.pop()
        var isOver = run.isEmpty
        while !isOver, cursor < run.end {
            let entry = cursor.pointee
            guard RowEntry.relation(entry) == scan.relation,
                scan.subjectRelation == ResourceWalk.anyRelation
                    || RowEntry.subjectRelation(entry) == scan.subjectRelation
            else {
                isOver = true
                break
            }
            cursor += 1
            take(entry, scan, inquiry)
            if RowEntry.hasTraits(entry), inquiry.isSpent(limit) { break }
        }
        try inquiry.spend(max(cursor - run.start, 1))
        guard !isOver else { return }
        var rest = scan
        rest.next = RowEntry.key((cursor - 1).pointee) + RowEntry.step
        scans.push(rest)
    }

    /// Goes up through one tuple.
    @inline(__always)
    private mutating func take(_ entry: UInt64, _ scan: Scan, _ inquiry: Inquiry) {
        let resource = RowEntry.entity(entry)
        let type = inquiry.view.records[Int(resource)].type
        var truth = scan.truth
        if RowEntry.hasTraits(entry) {
            truth = min(truth, inquiry.scope.truth(TupleKey(resource, RowEntry.mirror(entry, naming: scan.entity))))
            guard truth != .no else { return }
        }
        for place in scan.start..<scan.end {
            let edge = dependents.edges[place]
            guard edge.type == type, isLeading[Int(edge.node)] else { continue }
            reach(resource, edge, truth)
        }
    }

    // MARK: Results

    /// How many were found for a node.
    func foundCount(_ node: UInt32) -> Int { lists[Int(list[Int(node)])].count }

    /// One of those that were found for a node.
    func found(_ node: UInt32, _ place: Int) -> LookupItem {
        let number = lists[Int(list[Int(node)])][place]
        return LookupItem(entity: facts[Int(number)].entity, number: number)
    }

    func truth(_ number: UInt32) -> Truth { facts[Int(number)].truth }
}
