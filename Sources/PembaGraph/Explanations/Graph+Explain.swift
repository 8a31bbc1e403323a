// Pemba: explanations.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaService

extension Graph {
    /// Says why a check has its answer, and what would change a denial.
    ///
    /// The answer is the check's, in the same state. Suggestions are changes to that state, its contextual tuples
    /// included; every one was tried on it. It is done in one go: `budget` bounds what all of it may visit.
    package func explain(
        _ item: CheckItem,
        in basis: Basis? = nil,
        budget: Int = Limits.explanationVisits
    ) throws(GraphError) -> Explanation {
        let basis = basis ?? present
        let check = try resolve(item, in: basis)
        do throws(GraphError) {
            return try explain(check, item, in: basis, budget: budget)
        } catch {
            if case .budgetExceeded(let visits) = error { throw .explanationExceeded(visits) }
            throw error
        }
    }

    private func explain(
        _ check: ResolvedCheck,
        _ item: CheckItem,
        in basis: Basis,
        budget: Int
    ) throws(GraphError) -> Explanation {
        let evaluation = begin(check, in: basis, context: item.context, budget: budget)
        defer { abandon(evaluation) }
        let inquiry = Inquiry(graph: self, evaluation: evaluation, basis: basis)
        let decision = try inquiry.decision(check)
        let network = try ExplanationNetwork(inquiry)
        let names = CheckNames(reader: network.reader, item: item)
        let order = network.bottomUp
        var writer = ProofWriter(network, names, order: order)
        let conditions = ConditionReader(inquiry, given: item.context)
        var suggestions: [Suggestion] = []
        if decision.permissionship != .hasPermission {
            // The answer and its reasons are known; a search that takes too long suggests nothing.
            do throws(GraphError) {
                let candidates = try CandidateObjects(inquiry, network.reader)
                let additions = AdditionSearch(network: network, names: names, candidates: candidates)
                let search = try SuggestionSearch(network, additions, conditions, order: order)
                let left = budget - evaluation.visits
                var trial = SuggestionTrial(network, names, conditions, search.table.changes, budget: left)
                suggestions = trial.run(search.candidates)
            } catch {
                guard case .budgetExceeded = error else { throw error }
            }
        }
        let undefined = network.selfExclusions.map { names.problem($0.entity, $0.node) }
        let proof = writer.write(decision)
        return Explanation(
            decision: decision,
            proof: proof,
            suggestions: suggestions,
            selfExclusions: undefined.sorted { $0.precedesByBytes($1) },
            time: Timestamp(nanoseconds: basis.time),
            conditions: conditions.conditions(of: suggestions, proof)
        )
    }

    /// Looks up the names and ids of a check.
    func resolve(_ item: CheckItem, in basis: Basis) throws(GraphError) -> ResolvedCheck {
        let question = RelationTuple(resource: item.resource, relation: item.permission, subject: item.subject)
        return try question.withView { view throws(GraphError) in try resolve(view, in: basis) }
    }
}

extension Inquiry {
    /// The answer of a check.
    func decision(_ check: ResolvedCheck) throws(GraphError) -> Decision {
        switch try truth(check.resource, check.node) {
        case .yes: .has
        case .no: .hasNot
        case .maybe: Decision(.conditional, missingContext: try missing(check.resource, check.node))
        }
    }
}
