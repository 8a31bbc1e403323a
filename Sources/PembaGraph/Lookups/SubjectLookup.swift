// Pemba: lookups of subjects.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaService

/// Finds all subjects that have permissions on a resource.
///
/// For each permission and kind it walks from the resource downwards (`SubjectWalk`). Whoever is found on a plain way
/// has the permission; about the others the evaluation is asked, each in turn, and about somebody whom no tuple names,
/// which is what a wildcard stands for. It works in slices; the graph must not change before its end.
package final class SubjectLookup {
    /// What is done next.
    private enum Phase {
        case begin
        case walk
        case wildcard
        case judge
        case done
    }

    /// A permission and a kind.
    private struct Pair {
        var permission: Int
        var kind: Int
    }

    private let graph: Graph
    private let basis: Basis
    private let context: ContextObject
    private let budget: Int
    private let resource: UInt32
    private let resourceType: UInt32
    private let nodes: [UInt32]
    private let kinds: [ResolvedCheck]
    private let cursor: LookupCursor?
    private let filter: LookupFilter
    private let candidates: Set<String>?
    private let limit: Int
    private let ids: LookupIDs

    private var phase = Phase.begin
    private var pair: Pair
    private var walk: SubjectWalk?
    /// Asks about a subject that no tuple names.
    private var anybody: Evaluation?
    /// Asks about the subject in turn.
    private var subject: Evaluation?
    private var isAsking = false
    /// Visits of evaluations that have ended.
    private var spent = 0
    private var items: [LookupItem] = []
    private var place = 0
    /// What is known of somebody whom no tuple names.
    private var wildcard = Truth.no
    /// Where among the results the wildcard in progress is.
    private var wildcardResult: Int?
    private var results: [FoundSubject] = []
    private var isCut = false
    private var given = 0

    /// Begins a lookup.
    package init(
        graph: Graph,
        basis: Basis,
        request: LookupSubjectsRequest,
        budget: Int = Limits.lookupVisits
    ) throws(GraphError) {
        self.graph = graph
        self.basis = basis
        self.budget = budget
        context = request.context.values
        resourceType = try graph.type(request.resource.type, in: basis)
        try Graph.validate(id: request.resource.id, role: "resource")
        var nodes: [UInt32] = []
        for name in request.permissions { nodes.append(try graph.node(request.resource.type, name, in: basis)) }
        var kinds: [ResolvedCheck] = []
        for kind in request.kinds {
            let type = try graph.type(kind.type, in: basis)
            kinds.append(try graph.kind(type, kind.relation, of: kind.type, in: basis))
        }
        try LookupRules.check(
            permissions: request.permissions,
            candidates: request.candidates,
            limit: request.limit,
            cursor: request.cursor
        )
        try LookupRules.check("kinds of subjects", request.kinds)
        if let cursor = request.cursor, !request.kinds.indices.contains(cursor.kind) {
            throw .invalidArgument("the cursor belongs to another lookup: it names a kind that was not asked for")
        }
        self.nodes = nodes
        self.kinds = kinds
        cursor = request.cursor
        filter = LookupFilter(prefix: request.idPrefix)
        candidates = request.candidates.map { Set($0) }
        limit = LookupRules.limit(request.limit)
        resource = graph.object(resourceType, request.resource.id)
        ids = LookupIDs(graph.entities, unknown: request.resource.id)
        pair = Pair(permission: request.cursor?.permission ?? 0, kind: request.cursor?.kind ?? 0)
    }

    deinit {
        walk?.release()
        ids.release()
        if let anybody { graph.abandon(anybody) }
        if let subject { graph.abandon(subject) }
    }

    // MARK: Running

    /// Goes on for about `slice` visits; true once the results are complete.
    package func run(slice: Int = Limits.evaluationSlice) throws(GraphError) -> Bool {
        var left = slice
        while left > 0 {
            let before = visits
            switch phase {
            case .begin: begin()
            case .walk: try advanceWalk(left)
            case .wildcard: try judgeWildcard(left)
            case .judge: try judgeNext(left)
            case .done: return true
            }
            left -= max(visits - before, 1)
        }
        return phase == .done
    }

    private var visits: Int { spent + (anybody?.visits ?? 0) + (subject?.visits ?? 0) }

    private func inquiry(_ evaluation: Evaluation) -> Inquiry {
        Inquiry(graph: graph, evaluation: evaluation, basis: basis)
    }

    /// Begins to ask about a subject of the kind in progress.
    private func ask(_ entity: UInt32) -> Evaluation {
        var question = kinds[pair.kind]
        question.resource = resource
        question.node = nodes[pair.permission]
        question.subject = entity
        return graph.begin(question, in: basis, context: context, budget: max(budget - visits, 1))
    }

    private func end(_ evaluation: inout Evaluation?) {
        guard let ended = evaluation else { return }
        evaluation = nil
        spent += ended.visits
        graph.abandon(ended)
    }

    private func begin() {
        anybody = ask(EntityNumber.none)
        walk = SubjectWalk(kinds[pair.kind], from: resource, nodes[pair.permission], basis.hot.pointee.view)
        phase = .walk
    }

    private func advanceWalk(_ slice: Int) throws(GraphError) {
        guard let anybody else { return }
        let limit = anybody.visits + slice
        guard try walk?.run(inquiry(anybody), limit: limit) ?? true else { return }
        phase = .wildcard
        isAsking = false
        wildcard = .no
    }

    // MARK: The wildcard

    private func judgeWildcard(_ slice: Int) throws(GraphError) {
        guard let anybody, let walk else { return }
        if walk.hasWildcard {
            let inquiry = inquiry(anybody)
            if !isAsking { inquiry.begin(resource, nodes[pair.permission]) }
            isAsking = true
            guard let truth = try inquiry.proceed(limit: anybody.visits + slice) else { return }
            isAsking = false
            wildcard = truth
            if truth != .no, isWildcardWanted {
                var decision = Decision.has
                if truth == .maybe {
                    let missing = try inquiry.missing(resource, nodes[pair.permission])
                    decision = Decision(.conditional, missingContext: missing)
                }
                add(SubjectReference.wildcardID, decision)
                if !isCut { wildcardResult = results.count - 1 }
            }
        }
        collect(walk)
        phase = .judge
    }

    /// Whether the wildcard of the pair in progress is still to be given: it may stand for subjects that were asked for,
    /// whatever their ids.
    private var isWildcardWanted: Bool {
        if let cursor, cursor.permission == pair.permission, cursor.kind == pair.kind { return false }
        return true
    }

    /// The id after which the subjects of the pair in progress are given.
    private var after: String? {
        guard let cursor, cursor.permission == pair.permission, cursor.kind == pair.kind,
            !cursor.id.hasSameBytes(as: SubjectReference.wildcardID)
        else { return nil }
        return cursor.id
    }

    // MARK: Subjects

    /// Sorts what was found.
    private func collect(_ walk: SubjectWalk) {
        items.removeAll()
        items.reserveCapacity(walk.found.count)
        let after = after
        for number in 0..<walk.found.count {
            let found = walk.found[number]
            // Beside a wildcard all are judged, since it may not stand for them.
            guard wildcardResult != nil || isWanted(found.entity, after: after) else { continue }
            if wildcard == .no, found.sureness == .subtracted { continue }
            items.append(LookupItem(entity: found.entity, number: UInt32(number)))
        }
        IDSort.sort(&items, ids)
        place = 0
    }

    private func isWanted(_ entity: UInt32, after: String?) -> Bool {
        let id = ids.id(of: entity)
        guard filter.admits(id, after: after) else { return false }
        return candidates?.contains(String(decoding: id, as: UTF8.self)) ?? true
    }

    private func judgeNext(_ slice: Int) throws(GraphError) {
        guard place < items.count, !isCut || wildcardResult != nil, let walk else { return endPair() }
        let item = items[place]
        let found = walk.found[Int(item.number)]
        guard found.sureness != .yes else {
            spent += 1
            list(item.entity, .has)
            place += 1
            return
        }
        if subject == nil {
            let evaluation = ask(item.entity)
            subject = evaluation
            inquiry(evaluation).begin(resource, nodes[pair.permission])
        }
        guard let subject, let anybody else { return }
        let inquiry = inquiry(subject)
        guard let truth = try inquiry.proceed(limit: subject.visits + slice) else { return }
        try judge(found, truth, inquiry, ConcreteSubjects(subject: inquiry, anybody: self.inquiry(anybody)))
        place += 1
        end(&self.subject)
        if visits > budget { throw .budgetExceeded(budget) }
    }

    /// Lists a subject, or excludes it from the wildcard, or both.
    private func judge(
        _ found: SubjectWalk.Found,
        _ truth: Truth,
        _ inquiry: Inquiry,
        _ concrete: ConcreteSubjects
    ) throws(GraphError) {
        let node = nodes[pair.permission]
        var decision = Decision.has
        if truth == .maybe {
            decision = Decision(.conditional, missingContext: try inquiry.missing(resource, node))
        }
        if truth != .no {
            var isListed = wildcard == .no || found.sureness >= .maybe
            if !isListed { isListed = try concrete.contains(resource, node) }
            if isListed { list(found.entity, decision) }
        }
        guard let wildcardResult, truth != .yes else { return }
        // Where both depend on context, only what is subtracted from the wildcard makes the subject less than anybody.
        guard truth == .no || wildcard == .yes || found.isSubtracted else { return }
        let excluded = ExcludedSubject(id: ids.text(of: found.entity), decision: truth == .no ? .has : decision)
        results[wildcardResult].excluded.append(excluded)
    }

    private func list(_ entity: UInt32, _ decision: Decision) {
        // Beside a wildcard what was not asked for is judged, but not listed.
        guard wildcardResult == nil || isWanted(entity, after: after) else { return }
        add(ids.text(of: entity), decision)
    }

    private func add(_ id: String, _ decision: Decision) {
        guard !isCut else { return }
        guard results.count < limit else {
            isCut = true
            return
        }
        results.append(
            FoundSubject(permission: pair.permission, kind: pair.kind, id: id, decision: decision)
        )
    }

    private func endPair() {
        walk?.release()
        walk = nil
        end(&anybody)
        wildcardResult = nil
        pair.kind += 1
        if pair.kind == kinds.count { pair = Pair(permission: pair.permission + 1, kind: 0) }
        phase = isCut || pair.permission == nodes.count ? .done : .begin
    }

    // MARK: Results

    /// How many results there are, once `run` has given true.
    package var resultCount: Int { results.count }

    /// Calls `body` with the next results, at most `most`, in order; gives how many there were.
    package func nextBatch(_ most: Int, _ body: (FoundSubject) -> Void) -> Int {
        let end = given + min(most, results.count - given)
        defer { given = end }
        for place in given..<end { body(results[place]) }
        return end - given
    }

    /// Where the next call goes on; nil if everything is given.
    package var next: LookupPosition? {
        guard isCut, let last = results.last else { return nil }
        return LookupPosition(permission: last.permission, kind: last.kind, id: last.id)
    }
}
