// Pemba: fields, indexes and optional values of conditions.
// SPDX-License-Identifier: Apache-2.0

/// Once a value is optional, so is all that is taken out of it, and nothing is taken out of an absent one.
///
/// What is absent is known to be: it is never mistaken for what is missing from the arguments, which stays unknown. Who
/// asks first whether there is a part is told that a number, a text and the like have none; who does not, fails.
extension Evaluator {
    // MARK: Fields and indexes

    func field(_ operand: Operand, _ key: ConditionValue, isOptional: Bool) -> Operand {
        guard case .value(let value) = operand else { return operand }
        return part(of: value, isOptional: isOptional) { whole in
            guard case .map(let map) = whole else { return .failed(.noFields(whole.typeName)) }
            return map[key].map { .value($0) } ?? .failed(.noSuchKey(key))
        }
    }

    func hasField(_ operand: Operand, _ key: ConditionValue) -> Operand {
        guard case .value(var value) = operand else { return operand }
        if case .optional(let held) = value {
            guard let held else { return .value(.bool(false)) }
            value = held
        }
        guard value.hasParts else { return .value(.bool(false)) }
        guard case .map(let map) = value else { return .failed(.noFields(value.typeName)) }
        return .value(.bool(map[key] != nil))
    }

    mutating func index(_ operand: Node, _ key: Node, isOptional: Bool) throws(ConditionError) -> Operand {
        let whole = try evaluate(operand)
        guard case .value(let value) = whole else { return whole }
        if case .optional(nil) = value { return whole }
        let place = try evaluate(key)
        guard case .value(let placeValue) = place else { return place }
        guard ConditionMap.isKey(placeValue) else { return noForm(.index, value, placeValue) }
        return part(of: value, isOptional: isOptional) { element(of: $0, at: placeValue) }
    }

    /// What `take` takes out of a value or of what an optional value holds; of the latter, or if that is asked for, it
    /// comes back as an optional value, which is absent where there is nothing to take.
    private func part(
        of value: ConditionValue,
        isOptional: Bool,
        _ take: (ConditionValue) -> Operand
    ) -> Operand {
        guard case .optional(let held) = value else {
            return isOptional ? Evaluator.optional(value, take) : take(value)
        }
        return held.map { Evaluator.optional($0, take) } ?? .value(.optional(nil))
    }

    private static func optional(_ whole: ConditionValue, _ take: (ConditionValue) -> Operand) -> Operand {
        guard whole.hasParts else { return .value(.optional(nil)) }
        let part = take(whole)
        return switch part {
        case .value(let value): .value(.optional(value))
        case .failed(.noSuchKey), .failed(.indexOutOfRange): .value(.optional(nil))
        case .failed, .unknown: part
        }
    }

    // MARK: Functions

    /// `optional.of` and the like, and what asks an optional value for what it holds.
    func applyOptional(_ function: ConditionFunction, _ value: ConditionValue) -> Operand {
        switch (function, value) {
        case (.optionalOf, _): .value(.optional(value))
        case (.optionalOfNonZeroValue, _): .value(.optional(value.isZero ? nil : value))
        case (.hasValue, .optional(let held)): .value(.bool(held != nil))
        case (.value, .optional(let held)): held.map { .value($0) } ?? .failed(.absent)
        default: .failed(.notOptional(value.typeName))
        }
    }

    /// `or` and `orValue`, which look at their second operand only where the first is absent.
    mutating func alternative(
        _ function: ConditionFunction,
        _ first: Node,
        _ second: Node
    ) throws(ConditionError) -> Operand {
        let operand = try evaluate(first)
        guard case .value(let value) = operand else { return operand }
        guard case .optional(let held) = value else { return .failed(.notOptional(value.typeName)) }
        if let held { return function == .or ? operand : .value(held) }
        let other = try evaluate(second)
        guard function == .or, case .value(let value) = other else { return other }
        if case .optional = value { return other }
        return .failed(.notOptional(value.typeName))
    }

    /// `optMap`: the expression for what an optional value holds, as an optional value.
    mutating func optionalMap(
        _ operand: Node,
        _ slot: Int32,
        _ transform: Node
    ) throws(ConditionError) -> Operand {
        let whole = try evaluate(operand)
        guard case .value(let value) = whole else { return whole }
        guard case .optional(let held) = value else { return .failed(.notOptional(value.typeName)) }
        guard let held else { return whole }
        let result = try evaluate(transform, with: held, in: slot)
        guard case .value(let transformed) = result else { return result }
        return .value(.optional(transformed))
    }

    // MARK: Entries

    /// The value of an element of a list or an entry of a map; nil if it is optional and absent.
    mutating func entry(_ node: Node) throws(ConditionError) -> Operand? {
        guard case .optionalEntry(let operand) = program.tables.instructions[Int(node)] else {
            return try evaluate(node)
        }
        let entry = try evaluate(operand)
        guard case .value(let value) = entry else { return entry }
        guard case .optional(let held) = value else { return .failed(.notOptional(value.typeName)) }
        return held.map { .value($0) }
    }
}
