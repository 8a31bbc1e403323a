// Pemba: the changes that would make a check has.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// Finds, for every part of a check, the smallest sets of changes that would make it hold, and those that would make it
/// fail.
///
/// What makes a part hold grows from tuples upward, as proofs do. What makes it fail starts from nothing and grows until
/// every way to prove it is taken away; on a cycle a part fails if all that supports it from outside does. Exclusions
/// turn one into the other, so that the two are found in turns until neither changes. Every part keeps only its
/// smallest sets and the work is bounded, so that candidates may be wrong or missing: `SuggestionTrial` tries each one.
struct SuggestionSearch {
    /// How often the two are found in turns: once more than exclusions usually lie inside each other.
    private static let turns = 4
    /// How often all parts are gone through for one of them.
    private static let rounds = 32

    private let network: ExplanationNetwork
    private let additions: AdditionSearch
    private let conditions: ConditionReader
    private let order: [Int]
    /// The changes that the sets are made of.
    private(set) var table = ChangeTable()
    private var toHold: [ChangeSets]
    private var toFail: [ChangeSets]
    /// What can be done at each part itself.
    private var ownToHold: [ChangeSets]
    private var ownToFail: [ChangeSets]
    private var work = Limits.suggestionWork

    init(
        _ network: ExplanationNetwork,
        _ additions: AdditionSearch,
        _ conditions: ConditionReader,
        order: [Int]
    ) throws(GraphError) {
        self.network = network
        self.additions = additions
        self.conditions = conditions
        self.order = order
        toHold = [ChangeSets](repeating: .never, count: network.parts.count)
        toFail = toHold
        ownToHold = toHold
        ownToFail = toHold
        for place in network.parts.indices { try findOwn(place) }
        for _ in 0..<SuggestionSearch.turns {
            let before = (toHold, toFail)
            toFail = [ChangeSets](repeating: .nothing, count: network.parts.count)
            settle {
                $0.failing(of: $1)
            } store: {
                $0.toFail[$1] = $2
            } current: {
                $0.toFail[$1]
            }
            toHold = [ChangeSets](repeating: .never, count: network.parts.count)
            settle {
                $0.holding(of: $1)
            } store: {
                $0.toHold[$1] = $2
            } current: {
                $0.toHold[$1]
            }
            if before == (toHold, toFail) || work <= 0 { break }
        }
    }

    /// Sets that would make the question hold, then, if each takes several changes, every single change.
    var candidates: [[Int]] {
        let sets = toHold[ExplanationNetwork.question].sets
        guard sets.first.map({ $0.count > 1 }) ?? true else { return sets }
        return sets + table.changes.indices.map { [$0] }
    }

    private mutating func settle(
        _ find: (inout SuggestionSearch, Int) -> ChangeSets,
        store: (inout SuggestionSearch, Int, ChangeSets) -> Void,
        current: (SuggestionSearch, Int) -> ChangeSets
    ) {
        for _ in 0..<SuggestionSearch.rounds {
            var hasChanged = false
            for place in order where work > 0 {
                let sets = find(&self, place)
                guard sets != current(self, place) else { continue }
                store(&self, place, sets)
                hasChanged = true
            }
            if !hasChanged { return }
        }
    }

    // MARK: Changes of one part

    private mutating func findOwn(_ place: Int) throws(GraphError) {
        let part = network.parts[place]
        switch part.kind {
        case .tuple:
            guard let end = part.tuple else { return }
            try findOwn(place, end, part.standing)
        case .relation where !part.standing.contains(.certain):
            try addOwn(place, additions.relation(part.entity, part.node))
        case .arrow where !part.standing.contains(.certain) && !part.isProblem,
            .arrowAll where !part.standing.contains(.certain):
            try addOwn(place, additions.arrow(part.entity, part.op))
        default:
            return
        }
    }

    /// What can be done about a tuple that is stored.
    private mutating func findOwn(_ place: Int, _ end: TupleEnd, _ standing: Standing) throws(GraphError) {
        let tuple = additions.names.reader.tuple(end)
        let isAlive = additions.names.reader.traits(end).isAlive(at: network.inquiry.basis.time)
        var dependsOnRequest = false
        if isAlive, let caveat = tuple.caveat { dependsOnRequest = try !conditions.influences(on: caveat).isEmpty }
        ownToFail[place] = ChangeSets(table.number(.remove, tuple))
        if dependsOnRequest, !standing.contains(.impossible) {
            ownToFail[place] = ownToFail[place].or(ChangeSets(table.number(.fail, tuple)))
        }
        guard !standing.contains(.certain) else { return }
        if dependsOnRequest { ownToHold[place] = ChangeSets(table.number(.hold, tuple)) }
        add(place, additions.renewed(end).filter { $0.caveat == nil || !dependsOnRequest })
    }

    /// What can be added to a row; what can be done about a tuple that it has already is found at that tuple.
    private mutating func addOwn(_ place: Int, _ tuples: [RelationTuple]) {
        let parts = network.parts[place].parts
        let stored = Set(parts.compactMap { network.parts[$0].tuple.map { additions.names.reader.tuple($0).key } })
        add(place, tuples.filter { !stored.contains($0.key) })
    }

    private mutating func add(_ place: Int, _ tuples: [RelationTuple]) {
        for tuple in tuples {
            var sets = ChangeSets(table.number(.add, tuple))
            if tuple.caveat != nil { sets = sets.and(ChangeSets(table.number(.hold, tuple))) }
            ownToHold[place] = ownToHold[place].or(sets)
        }
    }

    // MARK: Making parts hold

    private mutating func holding(of place: Int) -> ChangeSets {
        let part = network.parts[place]
        if part.standing.contains(.certain) { return .nothing }
        switch part.kind {
        case .closed, .empty, .identity: return .never
        case .tuple: return ownToHold[place]
        case .relation, .permission, .union, .arrow:
            return any(part.parts.map { toHold[$0] }, or: ownToHold[place])
        case .intersection, .through:
            return all(part.parts.map { toHold[$0] })
        case .exclusion:
            return all([toHold[part.parts[0]], toFail[part.parts[1]]])
        case .arrowAll:
            guard !part.parts.isEmpty else { return ownToHold[place] }
            guard !part.leavesOutFailing else { return .never }
            let removals = part.parts.map { ownToFail[network.parts[$0].parts[0]] }
            let each = all(zip(part.parts, removals).map { toHold[$0].or($1) })
            let anew = all(removals + [ownToHold[place]])
            return any([each], or: anew)
        }
    }

    // MARK: Making parts fail

    private mutating func failing(of place: Int) -> ChangeSets {
        let part = network.parts[place]
        if part.standing.contains(.impossible) { return .nothing }
        switch part.kind {
        case .closed, .empty, .identity: return .never
        case .tuple: return ownToFail[place]
        case .relation, .permission, .union, .arrow:
            return part.leavesOutHolding ? .never : all(part.parts.map { toFail[$0] })
        case .intersection, .through:
            return any(part.parts.map { toFail[$0] }, or: .never)
        case .exclusion:
            return any([toFail[part.parts[0]], toHold[part.parts[1]]], or: .never)
        case .arrowAll:
            let removals =
                part.leavesOutHolding ? .never : all(part.parts.map { ownToFail[network.parts[$0].parts[0]] })
            return any(part.parts.map { toFail[network.parts[$0].parts[1]] }, or: removals)
        }
    }

    // MARK: Sets

    private mutating func any(_ alternatives: [ChangeSets], or first: ChangeSets) -> ChangeSets {
        alternatives.reduce(first) { sets, other in
            work -= 1 + sets.sets.count + other.sets.count
            return sets.or(other)
        }
    }

    private mutating func all(_ needed: [ChangeSets]) -> ChangeSets {
        var sets = ChangeSets.nothing
        for other in needed {
            if other == .never { return .never }
            work -= 1 + sets.sets.count * other.sets.count
            sets = sets.and(other)
        }
        return sets
    }
}
