// Pemba: evaluates the program of a condition.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// One evaluation of one program.
///
/// Recursion follows the expression, which `Limits.expressionDepth` bounds; all work is counted against `costLimit`.
struct Evaluator {
    typealias Node = ConditionProgram.Node

    let program: SealedProgram
    private let stored: ConditionArguments?
    private let request: ConditionArguments?
    private let costLimit: Int
    /// The steps so far.
    private(set) var cost = 0
    /// The variables of the macros that are being evaluated, the innermost last.
    private var locals: [ConditionValue] = []

    init(_ program: SealedProgram, stored: ConditionArguments?, request: ConditionArguments?, costLimit: Int) {
        self.program = program
        self.stored = stored
        self.request = request
        self.costLimit = costLimit
    }

    /// Counts steps; throws when they are too many, which no operator absorbs.
    mutating func spend(_ steps: Int) throws(ConditionError) {
        cost += steps
        guard cost <= costLimit else { throw .costExceeded(limit: costLimit) }
    }

    mutating func evaluate(_ node: Node) throws(ConditionError) -> Operand {
        try spend(1)
        switch program.tables.instructions[Int(node)] {
        case .constant(let place): return .value(program.tables.constants[Int(place)])
        case .parameter(let number): return parameter(Int(number))
        case .local(let slot): return .value(locals[Int(slot)])
        case .not(let operand): return negated(try evaluate(operand))
        case .all(let first, let count): return try logic(first, count, absorbing: false)
        case .any(let first, let count): return try logic(first, count, absorbing: true)
        case .conditional(let condition, let then, let other):
            let value = try evaluate(condition)
            guard case .value(let decided) = value else { return value }
            guard case .bool(let isTrue) = decided else { return .failed(.notBoolean(decided.typeName)) }
            return try evaluate(isTrue ? then : other)
        case .field(let operand, let key, let isOptional):
            return field(try evaluate(operand), program.tables.constants[Int(key)], isOptional: isOptional)
        case .hasField(let operand, let key): return hasField(try evaluate(operand), program.tables.constants[Int(key)])
        case .index(let operand, let key, let isOptional): return try index(operand, key, isOptional: isOptional)
        case .alternative(let function, let first, let second): return try alternative(function, first, second)
        case .optionalEntry: preconditionFailure("an optional entry outside of a list or map")
        case .list(let first, let count): return try list(first, count)
        case .map(let first, let count): return try map(first, count)
        case .unary(let function, let operand):
            let value = try evaluate(operand)
            guard case .value(let argument) = value else { return value }
            return try apply(function, argument)
        case .binary(let function, let left, let right): return try binary(function, left, right)
        case .inBlock(let operand, let block):
            let value = try evaluate(operand)
            guard case .value(let argument) = value else { return value }
            guard case .ipAddress(let address) = argument else { return .failed(.noForm(.inCIDR, [argument.typeName])) }
            return .value(.bool(program.tables.blocks[Int(block)].contains(address)))
        case .matches(let operand, let pattern):
            let value = try evaluate(operand)
            guard case .value(let argument) = value else { return value }
            guard case .string(let text) = argument else { return .failed(.noForm(.matches, [argument.typeName])) }
            return try matches(text, program.tables.patterns[Int(pattern)])
        case .fold(let number): return try fold(program.tables.folds[Int(number)])
        case .optionalMap(let operand, let slot, let transform):
            return try optionalMap(operand, slot, transform)
        }
    }

    private func parameter(_ number: Int) -> Operand {
        if let value = stored?.values[number] ?? request?.values[number] { return .value(value) }
        return .unknown(1 << UInt32(number))
    }

    // MARK: Logic

    private func negated(_ operand: Operand) -> Operand {
        guard case .value(let value) = operand else { return operand }
        guard case .bool(let isTrue) = value else { return .failed(.notBoolean(value.typeName)) }
        return .value(.bool(!isTrue))
    }

    private mutating func logic(_ first: Int32, _ count: Int32, absorbing: Bool) throws(ConditionError) -> Operand {
        var gathered = GatheredLogic(absorbing: absorbing)
        for place in first..<first + count {
            if gathered.add(try evaluate(program.tables.operands[Int(place)])) { break }
        }
        return gathered.result
    }

    // MARK: Collections

    private mutating func list(_ first: Int32, _ count: Int32) throws(ConditionError) -> Operand {
        var values: [ConditionValue] = []
        values.reserveCapacity(Int(count))
        for place in first..<first + count {
            guard let element = try entry(program.tables.operands[Int(place)]) else { continue }
            guard case .value(let value) = element else { return element }
            values.append(value)
        }
        return .value(.list(values))
    }

    private mutating func map(_ first: Int32, _ count: Int32) throws(ConditionError) -> Operand {
        var entries: [ConditionMap.Entry] = []
        entries.reserveCapacity(Int(count) / 2)
        for place in stride(from: first, to: first + count, by: 2) {
            let key = try evaluate(program.tables.operands[Int(place)])
            guard case .value(let keyValue) = key else { return key }
            guard let value = try entry(program.tables.operands[Int(place) + 1]) else { continue }
            guard case .value(let valueValue) = value else { return value }
            entries.append(ConditionMap.Entry(key: keyValue, value: valueValue))
        }
        switch ConditionMap.make(entries) {
        case .success(let map): return .value(.map(map))
        case .failure(let failure): return .failed(failure)
        }
    }

    private mutating func binary(
        _ function: ConditionFunction,
        _ left: Node,
        _ right: Node
    ) throws(ConditionError) -> Operand {
        let first = try evaluate(left)
        guard case .value(let leftValue) = first else { return first }
        let second = try evaluate(right)
        guard case .value(let rightValue) = second else { return second }
        return try apply(function, leftValue, rightValue)
    }

    // MARK: Macros

    private mutating func fold(_ fold: ConditionProgram.Fold) throws(ConditionError) -> Operand {
        let range = try evaluate(fold.range)
        guard case .value(let value) = range else { return range }
        let elements: [ConditionValue]
        switch value {
        case .list(let values): elements = values
        case .map(let map): elements = map.entries.map(\.key)
        default: return .failed(.notIterable(value.typeName))
        }
        switch fold.kind {
        case .all: return try quantify(fold, elements, absorbing: false)
        case .exists: return try quantify(fold, elements, absorbing: true)
        case .existsOne: return try existsOne(fold, elements)
        case .filter, .map: return try collect(fold, elements)
        }
    }

    /// Evaluates an expression with the macro's variable set to an element.
    mutating func evaluate(
        _ node: Node,
        with element: ConditionValue,
        in slot: Int32
    ) throws(ConditionError) -> Operand {
        precondition(locals.count == Int(slot), "a macro's variable has lost its place")
        locals.append(element)
        // A thrown error ends the whole evaluation, so that nobody misses the variable then.
        let result = try evaluate(node)
        locals.removeLast()
        return result
    }

    private mutating func quantify(
        _ fold: ConditionProgram.Fold,
        _ elements: [ConditionValue],
        absorbing: Bool
    ) throws(ConditionError) -> Operand {
        var gathered = GatheredLogic(absorbing: absorbing)
        for element in elements {
            if gathered.add(try predicate(fold, element)) { break }
        }
        return gathered.result
    }

    private mutating func predicate(
        _ fold: ConditionProgram.Fold,
        _ element: ConditionValue
    ) throws(ConditionError) -> Operand {
        guard let predicate = fold.predicate else { return .value(.bool(true)) }
        return try evaluate(predicate, with: element, in: fold.slot)
    }

    /// One of the elements and no other; neither errors nor unknowns are absorbed, and an unknown counts more.
    private mutating func existsOne(
        _ fold: ConditionProgram.Fold,
        _ elements: [ConditionValue]
    ) throws(ConditionError) -> Operand {
        var gathered = GatheredOperands()
        var count = 0
        for element in elements {
            if case .bool(true) = gathered.boolean(try predicate(fold, element)) { count += 1 }
        }
        return gathered.problem ?? .value(.bool(count == 1))
    }

    private mutating func collect(
        _ fold: ConditionProgram.Fold,
        _ elements: [ConditionValue]
    ) throws(ConditionError) -> Operand {
        var gathered = GatheredOperands()
        var values: [ConditionValue] = []
        for element in elements {
            guard case .bool(true) = gathered.boolean(try predicate(fold, element)) else { continue }
            guard let transform = fold.transform else {
                values.append(element)
                continue
            }
            if let value = gathered.value(try evaluate(transform, with: element, in: fold.slot)) {
                values.append(value)
            }
        }
        return gathered.problem ?? .value(.list(values))
    }
}
