// Pemba: what an evaluation needs to judge conditions and times.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// What is known of a sub-problem, in Kleene's three-valued logic.
package enum Truth: UInt8, Sendable, Comparable, BitwiseCopyable {
    case no = 0
    /// It depends on context that is missing.
    case maybe = 1
    case yes = 2

    package static func < (left: Truth, right: Truth) -> Bool { left.rawValue < right.rawValue }

    /// Not this.
    var negated: Truth { Truth(rawValue: 2 - rawValue) ?? .maybe }
}

/// Judges the traits of tuples for one request: at one time, with one context, each condition once.
final class ConditionScope {
    /// What a condition came to.
    struct Verdict {
        var truth: Truth
        /// What is missing, if `truth` is `maybe`.
        var missing: [String] = []
        /// Why it could not be evaluated; then `truth` is `maybe`.
        var failure: ConditionError?
    }

    /// A value of the request's context that does not fit its parameter.
    private(set) var invalidContext: ConditionArgumentError?

    // Unsafe, because a checked reference would count on every condition of the hot path: the graph owns the evaluations
    // that own this, and the evaluation holds the basis from `begin` to `end`; nothing is asked in between uses.
    private unowned(unsafe) var graph: Graph
    private unowned(unsafe) var basis: Basis
    private var context = ContextObject.empty
    private var arguments: [UInt32: ConditionArguments?] = [:]
    private var verdicts: [UInt32: Verdict] = [:]
    /// What is supposed of conditions instead of evaluating them.
    private var supposed: [CaveatReference: Bool] = [:]
    /// Steps of conditions that have not been counted as visits.
    private var steps = 0

    init(graph: Graph) {
        self.graph = graph
        basis = graph.present
    }

    /// Starts over for a request.
    func begin(_ basis: Basis, context: ContextObject) {
        self.basis = basis
        // Most requests bring none, and assigning it would count references for each of them.
        if !context.isEmpty || !self.context.isEmpty { self.context = context }
        steps = 0
        guard !verdicts.isEmpty || !arguments.isEmpty || invalidContext != nil || !supposed.isEmpty else { return }
        supposed.removeAll()
        arguments.removeAll(keepingCapacity: true)
        verdicts.removeAll(keepingCapacity: true)
        invalidContext = nil
    }

    /// Supposes that a condition holds or fails, whatever the context; before anything is asked.
    func suppose(_ reference: CaveatReference, holds: Bool) { supposed[reference] = holds }

    /// Lets go of rows before the graph changes; what conditions came to stays.
    func hold() { basis = graph.present }

    /// Goes on with a basis of the same state.
    func move(to basis: Basis) { self.basis = basis }

    /// Lets go of what the request brought along.
    func end() {
        if !context.isEmpty { context = .empty }
    }

    /// How many visits the conditions were worth that were evaluated since this was last asked.
    @inline(__always)
    func takeVisits() -> Int {
        guard steps >= Limits.conditionStepsPerVisit else { return 0 }
        let visits = visitsDue
        steps -= visits * Limits.conditionStepsPerVisit
        return visits
    }

    /// What `takeVisits` would give.
    @inline(__always)
    var visitsDue: Int { steps / Limits.conditionStepsPerVisit }

    /// The traits of a tuple whose entry is flagged.
    func traits(_ tuple: TupleKey) -> Traits { basis.overlay?.traits(tuple) ?? graph.traits[tuple] }

    /// Whether a tuple whose entry is flagged is there at the time, whatever its condition.
    func isAlive(_ tuple: TupleKey) -> Bool { traits(tuple).isAlive(at: basis.time) }

    /// Whether a tuple whose entry is flagged counts.
    func truth(_ tuple: TupleKey) -> Truth {
        let traits = traits(tuple)
        guard traits.isAlive(at: basis.time) else { return .no }
        return traits.condition == 0 ? .yes : verdict(traits.condition).truth
    }

    /// What a condition comes to.
    func verdict(_ number: UInt32) -> Verdict {
        if let known = verdicts[number] { return known }
        let verdict = evaluate(graph.conditions[number])
        verdicts[number] = verdict
        return verdict
    }

    private func evaluate(_ condition: ConditionStore.Condition) -> Verdict {
        if let holds = supposed[condition.reference] { return Verdict(truth: holds ? .yes : .no) }
        let linked = basis.linked
        let isPresent = linked === graph.linked
        // Caveats have other numbers and other parameters in other schemas.
        let number = isPresent ? condition.caveat : linked.caveat(named: condition.reference.name)
        let caveat = linked.compiledCaveat(number)
        let stored = isPresent ? condition.arguments : past(condition, caveat)
        do throws(ConditionError) {
            switch try caveat.condition.evaluate(stored: stored, request: request(number, caveat), cost: &steps) {
            case .holds: return Verdict(truth: .yes)
            case .fails: return Verdict(truth: .no)
            case .unknown(let missing): return Verdict(truth: .maybe, missing: missing)
            }
        } catch {
            return Verdict(truth: .maybe, failure: error)
        }
    }

    /// The stored values as a schema of the past has the parameters.
    private func past(_ condition: ConditionStore.Condition, _ caveat: CompiledCaveat) -> ConditionArguments? {
        try? ConditionArguments.convert(
            condition.reference.context,
            parameters: caveat.parameters,
            unknownKeys: .ignore
        )
    }

    /// The request's context as values of a caveat's parameters.
    private func request(_ number: UInt32, _ caveat: CompiledCaveat) -> ConditionArguments? {
        guard !context.isEmpty else { return nil }
        if let known = arguments[number] { return known }
        var converted: ConditionArguments?
        do throws(ConditionArgumentError) {
            converted = try ConditionArguments.convert(context, parameters: caveat.parameters, unknownKeys: .ignore)
        } catch {
            invalidContext = invalidContext ?? error
        }
        arguments[number] = .some(converted)
        return converted
    }
}
