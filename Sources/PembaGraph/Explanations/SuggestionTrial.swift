// Pemba: trying suggestions.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema
internal import PembaService

/// Makes suggestions of sets of changes that were tried: each is applied to the state that the check was about, and the
/// check is asked again.
struct SuggestionTrial {
    let network: ExplanationNetwork
    let names: CheckNames
    let changes: [Change]
    /// The most that all trials may visit.
    private var budget: Int
    private var found: [(set: [Int], suggestion: Suggestion)] = []

    init(_ network: ExplanationNetwork, _ names: CheckNames, _ changes: [Change], budget: Int) {
        self.network = network
        self.names = names
        self.changes = changes
        self.budget = budget
    }

    /// The sets of `candidates` that work, the smallest first, none of which contains another.
    mutating func run(_ candidates: [[Int]]) -> [Suggestion] {
        // A state with many contextual tuples takes as long to make as many trials.
        let origin = names.reader.basis.origin
        let trials = max(16, Limits.suggestionTrials / (1 + (origin.added.count + origin.hidden.count) / 8))
        for set in candidates.prefix(trials) where budget > 0 {
            if found.contains(where: { ChangeSets.isSubset($0.set, of: set) }) { continue }
            guard let suggestion = attempt(set) else { continue }
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

    /// Applies a set; nil if the check is still denied.
    private mutating func attempt(_ set: [Int]) -> Suggestion? {
        let all = set.map { changes[$0] }
        let tuples = { (kind: Change.Kind) in all.filter { $0.kind == kind }.map(\.tuple) }
        let added = tuples(.add).sortedForReading()
        let removed = tuples(.remove).sortedForReading()
        guard Set(added.map(\.key)).isDisjoint(with: removed.map(\.key)) else { return nil }
        let needs = all.filter { $0.kind == .hold || $0.kind == .fail }
        guard Set(needs.map(\.tuple)).count == needs.count, let decision = decision(added, removed) else { return nil }
        switch decision.permissionship {
        case .noPermission: return nil
        case .hasPermission: return Suggestion(add: added, remove: removed)
        case .conditional:
            guard !needs.isEmpty else { return nil }
            let context = needs.map { need in
                Suggestion.ContextNeed(
                    tuple: need.tuple,
                    mustHold: need.kind == .hold,
                    missing: missing(need.tuple, decision)
                )
            }
            return Suggestion(
                add: added,
                remove: removed,
                context: context.sorted { $0.tuple.isRead(before: $1.tuple) }
            )
        }
    }

    /// What the check comes to once tuples are added and removed; nil if it cannot be told.
    private mutating func decision(_ added: [RelationTuple], _ removed: [RelationTuple]) -> Decision? {
        let graph = network.inquiry.graph
        guard let basis = try? graph.basis(on: names.reader.basis, adding: added, hiding: removed),
            let check = try? graph.resolve(names.item, in: basis)
        else { return nil }
        let evaluation = graph.begin(check, in: basis, context: names.item.context, budget: budget)
        defer {
            budget -= evaluation.visits
            graph.abandon(evaluation)
        }
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        return try? inquiry.decision(check)
    }

    /// Which of the context that the check lacks a tuple's caveat asks for.
    private func missing(_ tuple: RelationTuple, _ decision: Decision) -> [String] {
        let linked = names.reader.linked
        guard let caveat = tuple.caveat.map({ linked.caveat(named: $0.name) }), caveat != 0 else { return [] }
        let parameters = linked.compiledCaveat(caveat).parameters.map(\.name)
        return decision.missingContext.filter { name in
            parameters.contains { parameter in
                let end = name.utf8.firstIndex { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "[") }
                return parameter.hasSameBytes(as: String(name[..<(end ?? name.endIndex)]))
            }
        }
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
