// Pemba: checks functions and macros of optional values.
// SPDX-License-Identifier: Apache-2.0

extension ConditionChecker {
    /// How to come from an optional value to what it holds.
    static let takingOut = "take the value out of the optional one, as in `a.?b.orValue(…)`"

    /// A call with `optional` as part of the function's name: `optional.of(x)` is no method, whatever `optional` is
    /// besides.
    func qualified(_ call: ConditionCall) -> ConditionCall {
        guard let target = call.target, case .name("optional", _) = target.kind else { return call }
        let name = "optional.\(call.name)"
        guard ConditionFunction(called: name) != nil || !isKnown("optional") else { return call }
        let range = target.range.lowerBound..<call.nameRange.upperBound
        return ConditionCall(name: name, nameRange: range, target: nil, arguments: call.arguments)
    }

    /// What to do about an optional value where true or false is needed; nil for other types.
    func booleanHint(_ type: CheckedType) -> String? {
        switch type.held {
        case .bool: "say what is meant where it is absent: add `.orValue(false)`"
        case nil: nil
        default: ConditionChecker.takingOut
        }
    }

    /// What to do about operands that a function does not take because one is an optional value, or because none is;
    /// nil if it is something else that is wrong.
    func optionalHint(_ function: ConditionFunction, _ operands: [CheckedType]) -> String? {
        switch function {
        case .hasValue, .value, .or, .orValue:
            guard operands.first.map({ $0.held == nil && $0 != .dynamic }) == true else { return nil }
            return "only optional values have it, such as `a.?b`, `a[?b]` and `optional.of(a)`"
        default: return operands.contains { $0.held != nil } ? ConditionChecker.takingOut : nil
        }
    }

    /// `target.optMap(variable, expression)`.
    mutating func checkOptionalMap(_ call: ConditionCall, over optional: Checked, variable: String) -> Checked {
        let element: CheckedType
        switch optional.type {
        case .dynamic: element = .dynamic
        case .optional(let held): element = held.taken
        default:
            return refused(
                .typeMismatch,
                "`\(call.name)` takes an optional value, and this is a value of type \(optional.type.description)",
                at: call.nameRange
            )
        }
        let transform = check(call.arguments[1], with: variable, of: element)
        let node = add(.optionalMap(optional.node, slot: nextSlot, transform: transform.node))
        return Checked(node: node, type: .optional(transform.type))
    }
}
