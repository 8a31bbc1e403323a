// Pemba: results of many operands, some of which are unknown or have failed.
// SPDX-License-Identifier: Apache-2.0

/// Conjunction and disjunction in three values: one operand may decide, whatever the others are and in whatever order.
struct GatheredLogic {
    /// The value that decides: false for a conjunction, true for a disjunction.
    let absorbing: Bool
    private var isDecided = false
    private var others = GatheredOperands()

    init(absorbing: Bool) { self.absorbing = absorbing }

    /// Adds an operand; true when it decides.
    mutating func add(_ operand: Operand) -> Bool {
        if case .value(.bool(absorbing)) = operand { isDecided = true } else { _ = others.boolean(operand) }
        return isDecided
    }

    var result: Operand {
        if isDecided { return .value(.bool(absorbing)) }
        return others.problem ?? .value(.bool(!absorbing))
    }
}

/// Gathers operands of which all are needed.
struct GatheredOperands {
    private var unknown: UInt32 = 0
    private var failure: EvaluationFailure?

    /// What stands in the way of a result: everything unknown, otherwise the first failure.
    var problem: Operand? { unknown != 0 ? .unknown(unknown) : failure.map { .failed($0) } }

    /// The operand's value, if it has one.
    mutating func value(_ operand: Operand) -> ConditionValue? {
        switch operand {
        case .value(let value): return value
        case .unknown(let set): unknown |= set
        case .failed(let failure): self.failure = self.failure ?? failure
        }
        return nil
    }

    /// The operand's value, if it is true or false.
    mutating func boolean(_ operand: Operand) -> ConditionValue? {
        guard let value = value(operand) else { return nil }
        if case .bool = value { return value }
        failure = failure ?? .notBoolean(value.typeName)
        return nil
    }
}
