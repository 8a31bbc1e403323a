// Pemba: conditions, read by themselves.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema
internal import PembaService

/// Says of a caveat with its stored values what it comes to, and which values of the request decide it.
///
/// Its work counts against the budget of the explanation.
final class ConditionReader {
    private let inquiry: Inquiry
    /// The request's context.
    let given: ContextObject
    private var known: [CaveatReference: [String]] = [:]

    private var linked: LinkedSchema { inquiry.basis.linked }

    init(_ inquiry: Inquiry, given: ContextObject) {
        self.inquiry = inquiry
        self.given = given
    }

    /// What a condition comes to with a context; nil if it has no value, or if a value of the context does not fit.
    private func outcome(
        of reference: CaveatReference,
        given context: ContextObject
    ) throws(GraphError) -> ConditionOutcome? {
        guard let caveat = caveat(reference), let stored = arguments(reference.context, caveat),
            let request = arguments(context, caveat)
        else { return nil }
        var cost = 0
        let outcome = try? caveat.condition.evaluate(stored: stored, request: request, cost: &cost)
        try inquiry.spend(1 + cost / Limits.conditionStepsPerVisit)
        return outcome
    }

    /// Whether a condition holds with a context; nil if that is open.
    func holds(_ reference: CaveatReference, given context: ContextObject) throws(GraphError) -> Bool? {
        switch try outcome(of: reference, given: context) {
        case .holds: true
        case .fails: false
        case .unknown, nil: nil
        }
    }

    /// The values of a request that may decide a condition, by name, sorted; none if what is stored decides it.
    ///
    /// Those that it lacks if none is given, and those that were given and make a difference.
    func influences(on reference: CaveatReference) throws(GraphError) -> [String] {
        if let names = known[reference] { return names }
        var names: [String] = []
        if case .unknown(let bare) = try outcome(of: reference, given: .empty) {
            names = bare
            for entry in used(by: reference).entries where !names.contains(where: { $0.hasSameBytes(as: entry.key) }) {
                let others = given.removing([entry.key])
                guard case .unknown(let missing) = try outcome(of: reference, given: others),
                    missing.contains(where: { $0.hasSameBytes(as: entry.key) })
                else { continue }
                names.append(entry.key)
            }
            names.sort { $0.precedesByBytes($1) }
        }
        known[reference] = names
        return names
    }

    // MARK: Findings

    /// What the conditions of tuples in suggestions and in a proof come to, each once.
    func conditions(of suggestions: [Suggestion], _ proof: ProofNode) -> [ExplainedCondition] {
        var references: [CaveatReference] = []
        var seen: Set<CaveatReference> = []
        let note = { (tuple: RelationTuple) in
            guard let caveat = tuple.caveat, seen.insert(caveat).inserted else { return }
            references.append(caveat)
        }
        for suggestion in suggestions {
            suggestion.add.forEach(note)
            suggestion.remove.forEach(note)
            suggestion.context.map(\.tuple).forEach(note)
        }
        proof.forEachTuple(note)
        var conditions: [ExplainedCondition] = []
        for reference in references where conditions.count < Limits.explanationConditions {
            // Once the budget is used up, the others are left out.
            guard let condition = try? condition(reference) else { break }
            conditions.append(condition)
        }
        return conditions
    }

    private func condition(_ reference: CaveatReference) throws(GraphError) -> ExplainedCondition? {
        guard let caveat = caveat(reference) else { return nil }
        let decision: Decision =
            switch try outcome(of: reference, given: given) {
            case .holds: .has
            case .fails: .hasNot
            case .unknown(let missing): Decision(.conditional, missingContext: missing)
            case nil: Decision(.conditional)
            }
        return ExplainedCondition(
            caveat: reference,
            expression: caveat.body,
            given: used(by: reference),
            decision: decision
        )
    }

    // MARK: Parts

    private func caveat(_ reference: CaveatReference) -> CompiledCaveat? {
        let number = linked.caveat(named: reference.name)
        return number == 0 ? nil : linked.compiledCaveat(number)
    }

    private func arguments(_ context: ContextObject, _ caveat: CompiledCaveat) -> ConditionArguments? {
        try? ConditionArguments.convert(context, parameters: caveat.parameters, unknownKeys: .ignore)
    }

    /// The request's values for the parameters that a condition stores no value of.
    private func used(by reference: CaveatReference) -> ContextObject {
        let parameters = caveat(reference)?.parameters ?? []
        return given.filter { name in
            reference.context[name] == nil && parameters.contains { $0.name.hasSameBytes(as: name) }
        }
    }
}

extension ContextObject {
    /// The members whose names are not among these.
    func removing(_ names: [String]) -> ContextObject {
        filter { name in !names.contains { $0.hasSameBytes(as: name) } }
    }

    fileprivate func filter(_ isIncluded: (String) -> Bool) -> ContextObject {
        ContextObject(entries.filter { isIncluded($0.key) }.map { ($0.key, $0.value) })
    }
}

extension ProofNode {
    /// Calls `body` with the tuples of all steps, in their order.
    ///
    /// Recursion is bounded by `Limits.explanationDepth`.
    fileprivate func forEachTuple(_ body: (RelationTuple) -> Void) {
        switch reason {
        case .tuple(let tuple): body(tuple)
        case .through(let tuple, let node):
            body(tuple)
            node.forEachTuple(body)
        case .union(let nodes), .intersection(let nodes), .exclusion(let nodes), .all(let nodes):
            for node in nodes { node.forEachTuple(body) }
        case .identity, .nothing, .repeated, .truncated: return
        }
    }
}
