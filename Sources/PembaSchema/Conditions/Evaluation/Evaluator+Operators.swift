// Pemba: operators of conditions on values.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension Evaluator {
    /// Applies an operator or function of two operands.
    mutating func apply(
        _ function: ConditionFunction,
        _ left: ConditionValue,
        _ right: ConditionValue
    ) throws(ConditionError) -> Operand {
        switch function {
        case .equal: return .value(.bool(try areEqual(left, right)))
        case .notEqual: return .value(.bool(!(try areEqual(left, right))))
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return try compare(function, left, right)
        case .add: return try add(left, right)
        case .subtract, .multiply, .divide, .modulo: return arithmetic(function, left, right)
        case .contained: return try contains(right, left)
        case .contains, .startsWith, .endsWith: return try search(function, left, right)
        case .matches: return try matches(left, right)
        case .inCIDR: return inCIDR(left, right)
        case .isSubtreeOf: return try isSubtree(left, right)
        default: return timePart(function, of: left, zone: right)
        }
    }

    // MARK: Comparison

    private mutating func areEqual(_ left: ConditionValue, _ right: ConditionValue) throws(ConditionError) -> Bool {
        if left.isLarge, right.isLarge { try spend(min(left.weight, right.weight)) }
        return ConditionValue.areEqual(left, right)
    }

    private mutating func compare(
        _ function: ConditionFunction,
        _ left: ConditionValue,
        _ right: ConditionValue
    ) throws(ConditionError) -> Operand {
        guard let order = ConditionValue.compare(left, right) else {
            // Every comparison with a NaN is false.
            guard ConditionValue.areComparable(left, right) else { return noForm(function, left, right) }
            return .value(.bool(false))
        }
        if left.isLarge, right.isLarge { try spend(min(left.weight, right.weight)) }
        switch function {
        case .less: return .value(.bool(order < 0))
        case .lessOrEqual: return .value(.bool(order <= 0))
        case .greater: return .value(.bool(order > 0))
        default: return .value(.bool(order >= 0))
        }
    }

    func noForm(_ function: ConditionFunction, _ operands: ConditionValue...) -> Operand {
        .failed(.noForm(function, operands.map(\.typeName)))
    }

    // MARK: Arithmetic

    private mutating func add(_ left: ConditionValue, _ right: ConditionValue) throws(ConditionError) -> Operand {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            try spend((left.utf8.count + right.utf8.count) / ConditionValue.bytesPerStep)
            return .value(.string(left + right))
        case (.bytes(let left), .bytes(let right)):
            try spend((left.count + right.count) / ConditionValue.bytesPerStep)
            return .value(.bytes(left + right))
        case (.list(let left), .list(let right)):
            try spend(left.count + right.count)
            return .value(.list(left + right))
        case (.timestamp(let time), .duration(let span)), (.duration(let span), .timestamp(let time)):
            return Evaluator.time(time, shiftedBy: span, backwards: false)
        default: return arithmetic(.add, left, right)
        }
    }

    private func arithmetic(
        _ function: ConditionFunction,
        _ left: ConditionValue,
        _ right: ConditionValue
    ) -> Operand {
        switch (left, right) {
        case (.int(let left), .int(let right)):
            Evaluator.integers(function, left, right).map { .int($0) }.operand
        case (.uint(let left), .uint(let right)):
            Evaluator.integers(function, left, right).map { .uint($0) }.operand
        case (.double(let first), .double(let second)):
            switch function {
            case .add: .value(.double(first + second))
            case .subtract: .value(.double(first - second))
            case .multiply: .value(.double(first * second))
            case .divide: .value(.double(first / second))
            default: noForm(function, left, right)
            }
        case (.duration(let first), .duration(let second)) where function == .add || function == .subtract:
            Evaluator.integers(function, first, second).map { .duration($0) }
                .mapError { _ in .timeOutOfRange }.operand
        case (.timestamp(let time), .duration(let span)) where function == .subtract:
            Evaluator.time(time, shiftedBy: span, backwards: true)
        case (.timestamp(let first), .timestamp(let second)) where function == .subtract:
            Evaluator.difference(first, second)
        default: noForm(function, left, right)
        }
    }

    private static func integers<Integer: FixedWidthInteger>(
        _ function: ConditionFunction,
        _ left: Integer,
        _ right: Integer
    ) -> Result<Integer, EvaluationFailure> {
        let (result, overflows): (Integer, Bool)
        switch function {
        case .add: (result, overflows) = left.addingReportingOverflow(right)
        case .subtract: (result, overflows) = left.subtractingReportingOverflow(right)
        case .multiply: (result, overflows) = left.multipliedReportingOverflow(by: right)
        case .divide:
            if right == 0 { return .failure(.divisionByZero) }
            (result, overflows) = left.dividedReportingOverflow(by: right)
        default:
            if right == 0 { return .failure(.divisionByZero) }
            (result, overflows) = left.remainderReportingOverflow(dividingBy: right)
        }
        return overflows ? .failure(.overflow(function)) : .success(result)
    }

    private static func time(_ time: CivilInstant, shiftedBy span: Int64, backwards: Bool) -> Operand {
        // Counted in whole seconds and the rest, both of which are far from overflowing.
        let (seconds, rest) = span.quotientAndRemainder(dividingBy: 1_000_000_000)
        let shifted = Int64(time.nanoseconds) + (backwards ? -rest : rest)
        let carry: Int64 = shifted < 0 ? -1 : shifted >= 1_000_000_000 ? 1 : 0
        let sum = time.seconds + (backwards ? -seconds : seconds) + carry
        let instant = CivilInstant(seconds: sum, nanoseconds: Int32(shifted - carry * 1_000_000_000))
        return instant.map { .value(.timestamp($0)) } ?? .failed(.timeOutOfRange)
    }

    private static func difference(_ left: CivilInstant, _ right: CivilInstant) -> Operand {
        var seconds = left.seconds - right.seconds
        var rest = Int64(left.nanoseconds) - Int64(right.nanoseconds)
        // Both parts get one sign, so that a length at the edge of the range is not lost to its whole seconds.
        if seconds < 0, rest > 0 { (seconds, rest) = (seconds + 1, rest - 1_000_000_000) }
        if seconds > 0, rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000_000_000) }
        let (whole, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = whole.addingReportingOverflow(rest)
        return isTooLong || overflows ? .failed(.timeOutOfRange) : .value(.duration(sum))
    }

    // MARK: Collections

    private mutating func contains(
        _ collection: ConditionValue,
        _ element: ConditionValue
    ) throws(ConditionError) -> Operand {
        switch collection {
        case .list(let values):
            for value in values {
                try spend(1)
                if try areEqual(value, element) { return .value(.bool(true)) }
            }
            return .value(.bool(false))
        case .map(let map): return .value(.bool(map[element] != nil))
        default: return noForm(.contained, element, collection)
        }
    }

    func element(of collection: ConditionValue, at key: ConditionValue) -> Operand {
        switch collection {
        case .list(let values):
            guard let place = key.wholeNumber else { return noForm(.index, collection, key) }
            guard place >= 0, place < values.count else { return .failed(.indexOutOfRange(place)) }
            return .value(values[Int(place)])
        case .map(let map): return map[key].map { .value($0) } ?? .failed(.noSuchKey(key))
        default: return noForm(.index, collection, key)
        }
    }

    private mutating func isSubtree(_ left: ConditionValue, _ right: ConditionValue) throws(ConditionError) -> Operand {
        guard case .map(let part) = left, case .map(let whole) = right else { return noForm(.isSubtreeOf, left, right) }
        return .value(.bool(try isSubtree(part, of: whole)))
    }

    /// Whether every key of `part` is in `whole`, with the same value or, where both are maps, with one that holds it.
    private mutating func isSubtree(_ part: ConditionMap, of whole: ConditionMap) throws(ConditionError) -> Bool {
        for entry in part.entries {
            try spend(1)
            guard let other = whole[entry.key] else { return false }
            if case .map(let inner) = entry.value {
                guard case .map(let outer) = other, try isSubtree(inner, of: outer) else { return false }
            } else {
                guard try areEqual(entry.value, other) else { return false }
            }
        }
        return true
    }
}

extension Result where Success == ConditionValue, Failure == EvaluationFailure {
    /// The same as an operand.
    fileprivate var operand: Operand {
        switch self {
        case .success(let value): .value(value)
        case .failure(let failure): .failed(failure)
        }
    }
}

extension ConditionValue {
    /// Bytes that count as one step.
    static let bytesPerStep = 16

    /// Whether going through it may take more than a step.
    var isLarge: Bool {
        switch self {
        case .string, .bytes, .list, .map: true
        case .optional(let held): held?.isLarge ?? false
        default: false
        }
    }

    /// Steps that it takes to go through all of it; bounded by the depth of values, which is that of contexts and
    /// expressions.
    var weight: Int {
        switch self {
        case .string(let text): text.utf8.count / ConditionValue.bytesPerStep
        case .bytes(let bytes): bytes.count / ConditionValue.bytesPerStep
        case .list(let values): values.reduce(values.count) { $0 + $1.weight }
        case .map(let map): map.entries.reduce(map.entries.count) { $0 + $1.key.weight + $1.value.weight }
        case .optional(let held): held?.weight ?? 0
        default: 0
        }
    }

    /// The number as an index: an integer, or a double without fraction.
    fileprivate var wholeNumber: Int64? {
        switch self {
        case .int(let value): value
        case .uint(let value): Int64(exactly: value)
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }
}
