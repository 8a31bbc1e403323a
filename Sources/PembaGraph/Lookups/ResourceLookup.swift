// Pemba: lookups of resources.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaService

/// Where a page of a lookup ended: the place of the permission, that of the kind, and the id of the last result.
package struct LookupPosition: Equatable, Sendable {
    package var permission: Int
    package var kind: Int
    package var id: String

    /// Names a place.
    package init(permission: Int, kind: Int, id: String) {
        self.permission = permission
        self.kind = kind
        self.id = id
    }
}

/// Finds all resources on which a subject has permissions.
///
/// It walks from the subject upwards (`ResourceWalk`), and one evaluation decides what the walk alone cannot. With
/// `candidates` only these are evaluated, without a walk. It works in slices; between two of them the graph may change if
/// `hold` is called before and `move` after.
package final class ResourceLookup {
    /// What is done next.
    private enum Phase {
        /// Finding resources.
        case walk
        /// Deciding the candidates.
        case decide
        /// Gathering what was found for one permission.
        case gather
        /// Taking that in its order.
        case order
        case done
    }

    /// A result.
    private struct Result: BitwiseCopyable {
        var entity: UInt32
        var permission: UInt16
        var truth: Truth
    }

    /// So many results are ready before others are put in order.
    package static let firstResults = 64

    private let graph: Graph
    /// Nil while it is held.
    private var basis: Basis?
    private let question: ResolvedCheck
    private let nodes: [UInt32]
    private let cursor: LookupCursor?
    private let filter: LookupFilter
    private let limit: Int
    private let ids: LookupIDs
    private var evaluation: Evaluation?
    private var walk: ResourceWalk
    /// The candidates; nil if there are none given.
    private let candidates: [String]?
    /// The candidate that is asked about.
    private var candidate: UInt32?
    /// The candidates of the permission in progress that were asked about.
    private var seen: Set<UInt32> = []
    private var phase: Phase
    /// The permission in progress.
    private var permission: Int
    /// Which of its candidates, or of what was found for it, is next.
    private var place = 0
    /// What was found for it; nil while it changes, so that it is not copied.
    private var found: IDOrder?
    /// The search for what its next result lacks.
    private var search: MissingSearch?
    private var results: [Result] = []
    private var missing: [Int: [String]] = [:]
    private var isCut = false
    private var given = 0

    /// Begins a lookup.
    package init(
        graph: Graph,
        basis: Basis,
        request: LookupResourcesRequest,
        budget: Int = Limits.lookupVisits
    ) throws(GraphError) {
        var nodes: [UInt32] = []
        for permission in request.permissions {
            nodes.append(try graph.node(permission.type, permission.permission, in: basis))
        }
        let question = try graph.question(about: request.subject, in: basis)
        try LookupRules.check(
            permissions: request.permissions,
            candidates: request.candidates,
            limit: request.limit,
            cursor: request.cursor
        )
        self.graph = graph
        self.basis = basis
        self.question = question
        self.nodes = nodes
        candidates = request.candidates
        cursor = request.cursor
        filter = LookupFilter(prefix: request.idPrefix)
        limit = LookupRules.limit(request.limit)
        ids = LookupIDs(graph.entities, unknown: request.subject.object.id)
        found = IDOrder(ids)
        permission = request.cursor?.permission ?? 0
        // Others that come first may have brought it along.
        graph.pin(question.subject)
        let evaluation = graph.begin(question, in: basis, context: request.context.values, budget: budget)
        self.evaluation = evaluation
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        walk = ResourceWalk(inquiry, question, to: Array(nodes[permission...]))
        phase = candidates == nil ? .walk : .decide
        if candidates == nil { walk.start() }
    }

    deinit {
        walk.release()
        found?.release()
        ids.release()
        if let evaluation { graph.abandon(evaluation) }
        graph.unpin(question.subject)
    }

    // MARK: Running

    /// Lets go of the state before the graph changes.
    package func hold() {
        evaluation?.hold()
        basis = nil
    }

    /// Goes on with a basis of the state that it was begun at.
    package func move(to basis: Basis) {
        evaluation?.move(to: basis)
        self.basis = basis
    }

    /// Goes on for about `slice` visits; true once the results are complete.
    ///
    /// Those that are ready may be taken earlier.
    package func run(slice: Int = Limits.evaluationSlice) throws(GraphError) -> Bool {
        guard let evaluation else { return true }
        guard let basis else { preconditionFailure("a lookup went on without a basis") }
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        let limit = evaluation.visits + slice
        while true {
            switch phase {
            case .walk:
                guard try walk.run(inquiry, limit: limit) else { return false }
                phase = .gather
            case .decide:
                guard try decide(inquiry, limit: limit) else { return false }
                phase = .gather
                place = 0
            case .gather:
                guard try gather(inquiry, limit: limit) else { return false }
                phase = .order
            case .order:
                guard try order(inquiry, limit: limit) else { return false }
                found?.removeAll()
                permission += 1
                place = 0
                phase = permission < nodes.count && !isCut ? (candidates == nil ? .gather : .decide) : .done
            case .done:
                self.evaluation = nil
                graph.abandon(evaluation)
                return true
            }
        }
    }

    /// Decides the candidates of the permission in progress.
    private func decide(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        guard let candidates else { return true }
        let node = nodes[permission]
        while place < candidates.count {
            guard inquiry.evaluation.visits < limit else { return false }
            if candidate == nil {
                guard let entity = try next(inquiry, candidates[place], node) else {
                    place += 1
                    continue
                }
                inquiry.begin(entity, node)
                candidate = entity
            }
            guard let entity = candidate, let truth = try inquiry.proceed(limit: limit) else { return false }
            candidate = nil
            place += 1
            walk.note(entity, node, truth)
        }
        seen.removeAll()
        return true
    }

    /// The entity of a candidate that is to be asked about: not twice, and not if it has no tuples and is not the
    /// subject, for then nobody has anything on it.
    private func next(_ inquiry: Inquiry, _ id: String, _ node: UInt32) throws(GraphError) -> UInt32? {
        try inquiry.spend(1)
        let unknown = question.subject == EntityNumber.unknownResource ? question.subjectType : 0
        let type = UInt32(inquiry.basis.linked.nodes[Int(node)].type)
        let entity = ids.find(type: type, id: id, unknownType: unknown)
        guard entity != EntityNumber.none, seen.insert(entity).inserted else { return nil }
        return entity == question.subject || inquiry.view.forward(entity).pointee != 0 ? entity : nil
    }

    /// Takes in what was found for the permission in progress.
    private func gather(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        var found = takeFound()
        defer { self.found = found }
        // A copy, since every access to a field of a shared object is checked.
        let (walk, node) = (walk, nodes[permission])
        let count = walk.foundCount(node)
        let after = cursor.flatMap { $0.permission == permission ? $0.id : nil }
        var place = place
        defer { self.place = place }
        while place < count {
            guard inquiry.evaluation.visits < limit else { return false }
            let item = walk.found(node, place)
            place += 1
            if filter.admits(after: after, { ids.id(of: item.entity) }) { found.add(item) }
            try inquiry.spend(1)
        }
        while true {
            guard inquiry.evaluation.visits < limit else { return false }
            let work = found.prepare()
            if work == 0 { return true }
            try inquiry.spend(work)
        }
    }

    private func takeFound() -> IDOrder {
        guard let found = found.take() else { preconditionFailure("what a lookup found is taken twice") }
        return found
    }

    /// Makes results of them in their order, each with what it lacks, until there are as many as were asked for.
    ///
    /// It lets the first few be taken before it goes on.
    private func order(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        var found = takeFound()
        var results = self.results
        // Not copied while it changes.
        self.results = []
        defer { (self.found, self.results) = (found, results) }
        let walk = walk
        while let item = found.first {
            guard results.count < self.limit else {
                isCut = true
                return true
            }
            guard inquiry.evaluation.visits < limit else { return false }
            let truth = walk.truth(item.number)
            if truth == .maybe {
                var search = self.search ?? MissingSearch(item.entity, nodes[permission])
                // Taken out while it changes, so that it is not copied.
                self.search = nil
                guard let names = try search.run(inquiry, limit: limit) else {
                    self.search = search
                    return false
                }
                missing[results.count] = names
            }
            results.append(Result(entity: item.entity, permission: UInt16(permission), truth: truth))
            found.removeFirst()
            try inquiry.spend(1)
            if results.count == ResourceLookup.firstResults { return false }
        }
        return true
    }

    // MARK: Results

    /// How many results are ready, all of them once `run` has given true.
    package var resultCount: Int { results.count }

    /// How many results are ready that were not taken.
    package var waitingCount: Int { results.count - given }

    /// Calls `body` with the next results that are ready, at most `most`, in order; gives how many there were.
    package func nextBatch(
        _ most: Int,
        _ body: (_ permission: Int, _ id: UnsafeRawBufferPointer, _ decision: Decision) -> Void
    ) -> Int {
        let end = given + min(most, waitingCount)
        defer { given = end }
        let has = Decision.has
        for place in given..<end {
            let result = results[place]
            let decision =
                result.truth == .yes ? has : Decision(.conditional, missingContext: missing[place] ?? [])
            body(Int(result.permission), ids.id(of: result.entity), decision)
        }
        return end - given
    }

    /// Where the next call goes on; nil if everything is given.
    package var next: LookupPosition? {
        guard isCut, let last = results.last else { return nil }
        return LookupPosition(permission: Int(last.permission), kind: 0, id: ids.text(of: last.entity))
    }
}
