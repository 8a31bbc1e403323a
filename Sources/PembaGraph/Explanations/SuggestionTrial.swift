// Pemba: trying suggestions.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// Makes suggestions of sets of changes that were tried: each is applied to the state that the check was about, and the
/// check is asked again.
///
/// What a caveat comes to with other values is not guessed: it is supposed to come to what it must, and all else that
/// depends on these values is taken as unknown. If the check has the permission nevertheless, it has it with every value
/// that makes the caveat come to that.
struct SuggestionTrial {
    /// A condition that must come to something.
    private struct Need {
        var tuple: RelationTuple
        var caveat: CaveatReference
        var mustHold: Bool
        /// Whether it comes to that with the values that were given, and has only to stay so.
        var isKept: Bool
    }

    let network: ExplanationNetwork
    let names: CheckNames
    let conditions: ConditionReader
    let changes: [Change]
    /// The most that all trials may visit.
    private var budget: Int
    /// How many more checks may be asked.
    private var left: Int
    private var found: [(set: [Int], suggestion: Suggestion)] = []

    init(
        _ network: ExplanationNetwork,
        _ names: CheckNames,
        _ conditions: ConditionReader,
        _ changes: [Change],
        budget: Int
    ) {
        self.network = network
        self.names = names
        self.conditions = conditions
        self.changes = changes
        self.budget = budget
        // A state with many contextual tuples takes as long to make as many trials.
        let origin = names.reader.basis.origin
        left = max(16, Limits.suggestionTrials / (1 + (origin.added.count + origin.hidden.count) / 8))
    }

    /// The sets of `candidates` that work, the smallest first, none of which contains another.
    mutating func run(_ candidates: [[Int]]) -> [Suggestion] {
        for set in candidates where budget > 0 && left > 0 {
            if found.contains(where: { ChangeSets.isSubset($0.set, of: set) }) { continue }
            // What cannot be told within the budget is not suggested.
            guard let suggestion = try? attempt(set) else { continue }
            found.append((set, suggestion))
        }
        found.sort { left, right in
            if left.suggestion.size != right.suggestion.size { return left.suggestion.size < right.suggestion.size }
            return left.set.lexicographicallyPrecedes(right.set)
        }
        var kept: [Suggestion] = []
        for (_, suggestion) in found where !kept.contains(where: { $0.isContained(in: suggestion) }) {
            kept.append(suggestion)
            if kept.count == Limits.suggestions { break }
        }
        return kept
    }

    /// Applies a set; nil if it does not give the permission.
    private mutating func attempt(_ set: [Int]) throws(GraphError) -> Suggestion? {
        let all = set.map { changes[$0] }
        let tuples = { (kind: Change.Kind) in all.filter { $0.kind == kind }.map(\.tuple) }
        let added = tuples(.add).sortedForReading()
        let removed = tuples(.remove).sortedForReading()
        guard Set(added.map(\.key)).isDisjoint(with: removed.map(\.key)), var needs = try needs(of: all) else {
            return nil
        }
        // The values that were given may do.
        if !added.isEmpty || !removed.isEmpty, has(added, removed, given: conditions.given, []) {
            return Suggestion(add: added, remove: removed)
        }
        var changed: [String] = []
        for need in needs where !need.isKept {
            let names = try conditions.influences(on: need.caveat)
            if names.isEmpty { return nil }
            changed += names
        }
        guard !changed.isEmpty else { return nil }
        let unchanged = conditions.given.removing(changed)
        if !has(added, removed, given: unchanged, needs) {
            try keep(&needs, unchanged, without: removed)
            guard needs.contains(where: \.isKept), has(added, removed, given: unchanged, needs) else { return nil }
        }
        for place in needs.indices.reversed() where needs[place].isKept {
            var fewer = needs
            fewer.remove(at: place)
            if has(added, removed, given: unchanged, fewer) { needs = fewer }
        }
        return Suggestion(
            add: added,
            remove: removed,
            context: try needs.map { need throws(GraphError) in
                try contextNeed(need, changed)
            }.sorted { $0.tuple.isRead(before: $1.tuple) }
        )
    }

    // MARK: Needs

    /// What changes ask of conditions, each condition once; nil if one must both hold and fail.
    private func needs(of changes: [Change]) throws(GraphError) -> [Need]? {
        var needs: [Need] = []
        for change in changes where change.kind == .hold || change.kind == .fail {
            guard let caveat = change.tuple.caveat else { return nil }
            let mustHold = change.kind == .hold
            if let known = needs.first(where: { $0.caveat == caveat }) {
                guard known.mustHold == mustHold else { return nil }
                continue
            }
            let isKept = try conditions.holds(caveat, given: conditions.given) == mustHold
            needs.append(Need(tuple: change.tuple, caveat: caveat, mustHold: mustHold, isKept: isKept))
        }
        return needs
    }

    /// Adds the conditions that other values would leave open: each has to come to what it comes to now.
    private func keep(
        _ needs: inout [Need],
        _ unchanged: ContextObject,
        without removed: [RelationTuple]
    ) throws(GraphError) {
        let gone = Set(removed.map(\.key))
        for part in network.parts where part.kind == .tuple {
            guard let end = part.tuple, RowEntry.hasTraits(end.entry) else { continue }
            let tuple = names.reader.tuple(end)
            guard let caveat = tuple.caveat, !gone.contains(tuple.key),
                !needs.contains(where: { $0.caveat == caveat }),
                let holds = try conditions.holds(caveat, given: conditions.given),
                try conditions.holds(caveat, given: unchanged) == nil
            else { continue }
            needs.append(Need(tuple: tuple, caveat: caveat, mustHold: holds, isKept: true))
            if needs.count == Limits.changesPerSuggestion { return }
        }
    }

    private func contextNeed(_ need: Need, _ changed: [String]) throws(GraphError) -> Suggestion.ContextNeed {
        let names = try conditions.influences(on: need.caveat).filter { name in
            changed.contains { $0.hasSameBytes(as: name) }
        }
        return Suggestion.ContextNeed(
            tuple: need.tuple,
            mustHold: need.mustHold,
            missing: names.filter { conditions.given[$0] == nil },
            wrong: names.filter { conditions.given[$0] != nil }
        )
    }

    // MARK: Checks

    /// Whether the check has the permission for certain once tuples are added and removed and conditions come to what
    /// they must; false if it cannot be told.
    private mutating func has(
        _ added: [RelationTuple],
        _ removed: [RelationTuple],
        given context: ContextObject,
        _ needs: [Need]
    ) -> Bool {
        let graph = network.inquiry.graph
        guard left > 0, budget > 0,
            let basis = try? graph.basis(on: names.reader.basis, adding: added, hiding: removed),
            let check = try? graph.resolve(names.item, in: basis)
        else { return false }
        left -= 1
        let evaluation = graph.begin(check, in: basis, context: context, budget: budget)
        defer {
            budget -= evaluation.visits
            graph.abandon(evaluation)
        }
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        for need in needs { inquiry.scope.suppose(need.caveat, holds: need.mustHold) }
        return (try? inquiry.truth(check.resource, check.node)) == .yes
    }
}

extension Suggestion {
    /// Whether all its changes are among those of another one.
    fileprivate func isContained(in other: Suggestion) -> Bool {
        Set(add).isSubset(of: other.add) && Set(remove).isSubset(of: other.remove)
            && Set(context).isSubset(of: other.context)
    }
}

extension RelationTuple {
    /// Whether it comes before another one in the order of reads.
    fileprivate func isRead(before other: RelationTuple) -> Bool {
        for (left, right) in zip(keyFields, other.keyFields) where !left.hasSameBytes(as: right) {
            return left.precedesByBytes(right)
        }
        return false
    }

    private var keyFields: [String] {
        [resource.type, resource.id, relation, subject.object.type, subject.object.id, subject.relation ?? ""]
    }
}

extension [RelationTuple] {
    /// In the order of reads.
    fileprivate func sortedForReading() -> [RelationTuple] { sorted { $0.isRead(before: $1) } }
}
