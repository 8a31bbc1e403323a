// Pemba: what simulated tuples depend on.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// One caveat, `tier <= limit`, whose parameters stand in the tuple, in the question, in both or in neither.
extension Workload {
    /// Its name in the schema.
    static let caveat = "on_tier"

    /// The caveat with some of its parameters; seldom one that the schema does not have.
    static func condition(_ random: inout SeededRandom) -> CaveatReference {
        if random.chance(1, in: 16) { return CaveatReference(name: "on_moon") }
        guard random.chance(3, in: 4) else { return CaveatReference(name: caveat) }
        return CaveatReference(name: caveat, context: ContextObject([("limit", number(&random))]))
    }

    /// What a question brings along: nothing as often as not.
    static func context(_ random: inout SeededRandom) -> ContextObject {
        guard random.chance(1, in: 2) else { return .empty }
        var pairs = [("tier", number(&random))]
        if random.chance(1, in: 2) { pairs.append(("limit", number(&random))) }
        return ContextObject(pairs)
    }

    private static func number(_ random: inout SeededRandom) -> ContextValue { .int(Int64(random.below(4))) }

    /// Whether the condition of a tuple holds for a question; nil: that depends on what neither of them says.
    static func holds(_ condition: CaveatReference, for question: ContextObject) -> Bool? {
        func value(_ name: String) -> Int64? {
            guard case .int(let number)? = condition.context[name] ?? question[name] else { return nil }
            return number
        }
        guard let tier = value("tier"), let limit = value("limit") else { return nil }
        return tier <= limit
    }
}
