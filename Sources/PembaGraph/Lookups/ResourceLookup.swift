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
/// `candidates` only these are evaluated, without a walk. It works in slices; the graph must not change before its end.
package final class ResourceLookup {
    /// What is done next.
    private enum Phase {
        /// Finding resources.
        case walk
        /// Deciding the candidates.
        case decide
        /// Sorting what was found for one permission.
        case sort
        /// Finding what context the results lack.
        case explain
        case done
    }

    /// A result.
    private struct Result: BitwiseCopyable {
        var entity: UInt32
        var permission: UInt16
        var truth: Truth
    }

    private let graph: Graph
    private let basis: Basis
    private let nodes: [UInt32]
    private let cursor: LookupCursor?
    private let filter: LookupFilter
    private let limit: Int
    private let ids: LookupIDs
    private var evaluation: Evaluation?
    private var walk: ResourceWalk
    /// The candidates by permission; nil if there are none given.
    private var candidates: [[UInt32]]?
    private var phase: Phase
    /// The permission that is sorted next.
    private var permission: Int
    /// The permission whose candidates are decided.
    private var list: Int
    /// Which of its candidates, or of all results, is next.
    private var place = 0
    private var isAsking = false
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
        self.graph = graph
        self.basis = basis
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
        self.nodes = nodes
        cursor = request.cursor
        filter = LookupFilter(prefix: request.idPrefix)
        limit = LookupRules.limit(request.limit)
        ids = LookupIDs(graph.entities, unknown: request.subject.object.id)
        permission = request.cursor?.permission ?? 0
        list = permission
        let evaluation = graph.begin(question, in: basis, context: request.context.values, budget: budget)
        self.evaluation = evaluation
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        walk = ResourceWalk(inquiry, question, to: Array(nodes[permission...]))
        phase = .walk
        if let given = request.candidates {
            candidates = given.isEmpty ? [] : ResourceLookup.find(given, nodes, question, ids, basis)
            phase = .decide
        } else {
            walk.start()
        }
    }

    deinit {
        walk.release()
        ids.release()
        if let evaluation { graph.abandon(evaluation) }
    }

    private static func find(
        _ candidates: [String],
        _ nodes: [UInt32],
        _ question: ResolvedCheck,
        _ ids: LookupIDs,
        _ basis: Basis
    ) -> [[UInt32]] {
        let unknown = question.subject == EntityNumber.unknownResource ? question.subjectType : 0
        return nodes.map { node in
            let type = UInt32(basis.linked.nodes[Int(node)].type)
            var seen: Set<UInt32> = [EntityNumber.none]
            return candidates.map { ids.find(type: type, id: $0, unknownType: unknown) }
                .filter { seen.insert($0).inserted }
        }
    }

    // MARK: Running

    /// Goes on for about `slice` visits; true once the results are complete.
    package func run(slice: Int = Limits.evaluationSlice) throws(GraphError) -> Bool {
        guard let evaluation else { return true }
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        let limit = evaluation.visits + slice
        while true {
            switch phase {
            case .walk:
                guard try walk.run(inquiry, limit: limit) else { return false }
                phase = .sort
            case .decide:
                guard try decide(inquiry, limit: limit) else { return false }
                phase = .sort
            case .sort:
                guard permission < nodes.count, !isCut else {
                    phase = .explain
                    place = 0
                    continue
                }
                try sort(inquiry)
                permission += 1
                if evaluation.visits >= limit { return false }
            case .explain:
                guard try explain(inquiry, limit: limit) else { return false }
                phase = .done
                self.evaluation = nil
                graph.abandon(evaluation)
            case .done:
                return true
            }
        }
    }

    /// Decides the candidates of all permissions.
    private func decide(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        guard let candidates else { return true }
        while list < candidates.count {
            while place < candidates[list].count {
                let entity = candidates[list][place]
                if !isAsking {
                    guard inquiry.evaluation.visits < limit else { return false }
                    inquiry.begin(entity, nodes[list])
                    isAsking = true
                }
                guard let truth = try inquiry.proceed(limit: limit) else { return false }
                isAsking = false
                place += 1
                walk.note(entity, nodes[list], truth)
            }
            list += 1
            place = 0
        }
        return true
    }

    /// Adds the results of one permission in their order.
    private func sort(_ inquiry: Inquiry) throws(GraphError) {
        let after = cursor.flatMap { $0.permission == permission ? $0.id : nil }
        var items = walk.found(nodes[permission]) { filter.admits(ids.id(of: $0), after: after) }
        try inquiry.spend(items.count)
        IDSort.sort(&items, ids)
        let room = limit - results.count
        if items.count > room { isCut = true }
        for item in items.prefix(room) {
            results.append(
                Result(entity: item.entity, permission: UInt16(permission), truth: walk.truth(item.number))
            )
        }
    }

    /// Finds what the conditional results lack.
    private func explain(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Bool {
        while place < results.count {
            let result = results[place]
            if result.truth == .maybe {
                guard inquiry.evaluation.visits < limit else { return false }
                missing[place] = try inquiry.missing(result.entity, nodes[Int(result.permission)])
            }
            place += 1
        }
        return true
    }

    // MARK: Results

    /// How many results there are, once `run` has given true.
    package var resultCount: Int { results.count }

    /// Calls `body` with the next results, at most `most`, in order; gives how many there were.
    package func nextBatch(
        _ most: Int,
        _ body: (_ permission: Int, _ id: UnsafeRawBufferPointer, _ decision: Decision) -> Void
    ) -> Int {
        let end = given + min(most, results.count - given)
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
