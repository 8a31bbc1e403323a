// Pemba: lookups of subjects.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaService

/// Finds all subjects that have permissions on a resource.
///
/// For each permission and kind it walks from the resource downwards (`SubjectWalk`). Whoever is found on a plain way
/// has the permission; about the others the evaluation is asked, each in turn, and about somebody whom no tuple names,
/// which is what a wildcard stands for. It works in slices; between two of them the graph may change if `hold` is called
/// before and `move` after.
package final class SubjectLookup {
    /// What is done next.
    private enum Phase {
        case begin
        case walk
        case wildcard
        /// Gathering what was found for the pair in progress.
        case gather
        /// Judging that in its order.
        case judge
        case done
    }

    private let graph: Graph
    /// Nil while it is held.
    private var basis: Basis?
    private let context: ContextObject
    private let budget: Int
    private let resource: UInt32
    private let resourceType: UInt32
    private let nodes: [UInt32]
    private let kinds: [ResolvedCheck]
    private let page: SubjectPage
    private let ids: LookupIDs

    private var phase = Phase.begin
    private var pair: SubjectPair
    private var walk: SubjectWalk?
    /// Asks about a subject that no tuple names.
    private var anybody: Evaluation?
    /// Asks about the subject in turn.
    private var subject: Evaluation?
    /// About whom is asked, and what else is to be found out.
    private var judgement: Judgement?
    private var concrete: ConcreteSearch?
    /// Visits of evaluations that have ended.
    private var spent = 0
    /// What was found for the pair in progress, and how much of it is gathered.
    private var found: IDOrder
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
        self.graph = graph
        self.basis = basis
        self.budget = budget
        context = request.context.values
        self.nodes = nodes
        self.kinds = kinds
        resource = graph.object(resourceType, request.resource.id)
        // Others that come first may have brought it along.
        graph.pin(resource)
        ids = LookupIDs(graph.entities, unknown: request.resource.id)
        found = IDOrder(ids)
        page = SubjectPage(request, ids)
        pair = page.start
    }

    deinit {
        walk?.release()
        found.release()
        ids.release()
        if let anybody { graph.abandon(anybody) }
        if let subject { graph.abandon(subject) }
        graph.unpin(resource)
    }

    // MARK: Running

    /// Lets go of the state before the graph changes.
    package func hold() {
        anybody?.hold()
        subject?.hold()
        basis = nil
    }

    /// Goes on with a basis of the state that it was begun at.
    package func move(to basis: Basis) {
        anybody?.move(to: basis)
        subject?.move(to: basis)
        self.basis = basis
    }

    /// Goes on for about `slice` visits; true once the results are complete.
    ///
    /// Those that are ready may be taken earlier.
    package func run(slice: Int = Limits.evaluationSlice) throws(GraphError) -> Bool {
        guard phase != .done else { return true }
        guard let basis else { preconditionFailure("a lookup went on without a basis") }
        var left = slice
        while left > 0 {
            let before = visits
            switch phase {
            case .begin: begin(basis)
            case .walk: try advanceWalk(left, basis)
            case .wildcard: try judgeWildcard(left, basis)
            case .gather: gatherNext()
            case .judge: try judgeNext(left, basis)
            case .done: return true
            }
            left -= max(visits - before, 1)
        }
        return phase == .done
    }

    private var visits: Int { spent + (anybody?.visits ?? 0) + (subject?.visits ?? 0) }

    private func inquiry(_ evaluation: Evaluation, _ basis: Basis) -> Inquiry {
        Inquiry(graph: graph, evaluation: evaluation, basis: basis)
    }

    /// Begins to ask about a subject of the kind in progress.
    private func ask(_ entity: UInt32, _ basis: Basis) -> Evaluation {
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

    private func begin(_ basis: Basis) {
        anybody = ask(EntityNumber.none, basis)
        walk = SubjectWalk(kinds[pair.kind], from: resource, nodes[pair.permission], basis.hot.pointee.view)
        phase = .walk
    }

    private func advanceWalk(_ slice: Int, _ basis: Basis) throws(GraphError) {
        guard let anybody else { return }
        let limit = anybody.visits + slice
        guard try walk?.run(inquiry(anybody, basis), limit: limit) ?? true else { return }
        phase = .wildcard
        wildcard = .no
    }

    // MARK: The wildcard

    private func judgeWildcard(_ slice: Int, _ basis: Basis) throws(GraphError) {
        guard let anybody, let walk else { return }
        if walk.hasWildcard {
            guard let (truth, decision) = try judge(inquiry(anybody, basis), slice) else { return }
            wildcard = truth
            if truth != .no, page.wantsWildcard(of: pair) {
                add(SubjectReference.wildcardID, decision)
                if !isCut { wildcardResult = results.count - 1 }
            }
            judgement = nil
        }
        place = 0
        phase = .gather
    }

    /// What is known of whom an evaluation asks about, until `judgement` is forgotten; nil if it takes longer.
    private func judge(_ inquiry: Inquiry, _ slice: Int) throws(GraphError) -> (truth: Truth, decision: Decision)? {
        // Taken out while it changes, so that it is not copied.
        var judgement = judgement.take() ?? Judgement(resource, nodes[pair.permission])
        let truth = try judgement.run(inquiry, limit: inquiry.evaluation.visits + slice)
        self.judgement = judgement
        return truth.map { ($0, judgement.decision) }
    }

    // MARK: Subjects

    /// Takes in the next of what was found, and then prepares the next run of it.
    private func gatherNext() {
        guard let walk, place < walk.found.count else {
            let work = found.prepare()
            if work == 0 { phase = .judge }
            spent += work
            return
        }
        let next = walk.found[place]
        let item = LookupItem(entity: next.entity, number: UInt32(place))
        place += 1
        spent += 1
        // Beside a wildcard all are judged, since it may not stand for them.
        guard wildcardResult != nil || page.wants(next.entity, of: pair) else { return }
        if wildcard != .no || next.sureness != .subtracted { found.add(item) }
    }

    private func judgeNext(_ slice: Int, _ basis: Basis) throws(GraphError) {
        guard let item = found.first, !isCut || wildcardResult != nil, let walk else { return endPair() }
        let next = walk.found[Int(item.number)]
        if next.sureness == .yes {
            spent += 1
            list(item.entity, .has)
        } else {
            guard try judge(next, slice, basis) else { return }
        }
        found.removeFirst()
        if visits > budget { throw .budgetExceeded(budget) }
    }

    /// Lists a subject, or excludes it from the wildcard, or both; false if it takes longer.
    private func judge(_ found: SubjectWalk.Found, _ slice: Int, _ basis: Basis) throws(GraphError) -> Bool {
        let subject = self.subject ?? ask(found.entity, basis)
        self.subject = subject
        let inquiry = inquiry(subject, basis)
        guard let (truth, decision) = try judge(inquiry, slice) else { return false }
        if truth != .no {
            guard let isListed = try isListed(found, inquiry, slice) else { return false }
            if isListed { list(found.entity, decision) }
        }
        // Where both depend on context, only what is subtracted from the wildcard makes the subject less than anybody.
        if let wildcardResult, truth != .yes, truth == .no || wildcard == .yes || found.isSubtracted {
            let excluded = truth == .no ? .has : decision
            results[wildcardResult].excluded.append(ExcludedSubject(id: ids.text(of: found.entity), decision: excluded))
        }
        judgement = nil
        concrete = nil
        end(&self.subject)
        return true
    }

    /// Whether a subject that has the permission, or perhaps has it, is listed by its name; nil if it takes longer.
    private func isListed(
        _ found: SubjectWalk.Found,
        _ inquiry: Inquiry,
        _ slice: Int
    ) throws(GraphError) -> Bool? {
        guard wildcard != .no, found.sureness < .maybe, let anybody else { return true }
        let inquiries = ConcreteSearch.Inquiries(subject: inquiry, anybody: self.inquiry(anybody, inquiry.basis))
        var search = concrete ?? ConcreteSearch(resource, nodes[pair.permission])
        // Taken out while it changes, so that it is not copied.
        concrete = nil
        let isListed = try search.run(inquiries, slice: slice)
        concrete = search
        return isListed
    }

    private func list(_ entity: UInt32, _ decision: Decision) {
        // Beside a wildcard what was not asked for is judged, but not listed.
        guard wildcardResult == nil || page.wants(entity, of: pair) else { return }
        add(ids.text(of: entity), decision)
    }

    private func add(_ id: String, _ decision: Decision) {
        guard !isCut else { return }
        guard results.count < page.limit else {
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
        found.removeAll()
        wildcardResult = nil
        pair.kind += 1
        if pair.kind == kinds.count { pair = SubjectPair(permission: pair.permission + 1, kind: 0) }
        phase = isCut || pair.permission == nodes.count ? .done : .begin
    }

    // MARK: Results

    /// How many results are ready, all of them once `run` has given true: a wildcard is not before it is known whom it
    /// does not stand for, nor is anybody after it.
    package var resultCount: Int { wildcardResult ?? results.count }

    /// How many results are ready that were not taken.
    package var waitingCount: Int { resultCount - given }

    /// Calls `body` with the next results that are ready, at most `most`, in order; gives how many there were.
    package func nextBatch(_ most: Int, _ body: (FoundSubject) -> Void) -> Int {
        let end = given + min(most, waitingCount)
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
