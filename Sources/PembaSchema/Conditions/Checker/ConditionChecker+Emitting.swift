// Pemba: writes the instructions of a condition, and computes what is constant.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension ConditionChecker {
    mutating func add(_ instruction: ConditionProgram.Instruction) -> Node {
        program.instructions.append(instruction)
        return Node(program.instructions.count - 1)
    }

    mutating func addConstant(_ value: ConditionValue) -> Int32 {
        program.constants.append(value)
        return Int32(program.constants.count - 1)
    }

    mutating func addOperands(_ nodes: [Node]) -> (first: Int32, count: Int32) {
        program.operands.append(contentsOf: nodes)
        return (Int32(program.operands.count - nodes.count), Int32(nodes.count))
    }

    mutating func constant(_ value: ConditionValue) -> Checked {
        Checked(node: add(.constant(addConstant(value))), type: CheckedType(of: value))
    }

    /// The value of a constant expression.
    func constant(of checked: Checked) -> ConditionValue? {
        guard case .constant(let place) = program.instructions[Int(checked.node)] else { return nil }
        return program.constants[Int(place)]
    }

    /// Adds an operation, or its result if all of its operands are constants.
    ///
    /// A constant that cannot be read, such as a time, is a mistake of whoever wrote it and reported here. Other
    /// operations on constants that fail are left as they are: `&&` and `||` may absorb them.
    mutating func folded(
        _ instruction: ConditionProgram.Instruction,
        _ operands: [Checked],
        _ type: CheckedType,
        at range: Range<Int>
    ) -> Checked {
        let node = add(instruction)
        let checked = Checked(node: node, type: type)
        guard problems.isEmpty, operands.allSatisfy({ constant(of: $0) != nil }) else { return checked }
        switch evaluated(node) {
        case .value(let value): return Checked(node: add(.constant(addConstant(value))), type: type)
        case .failed(let failure):
            if case .conversion(let function, _, _) = failure, [.timestamp, .duration, .ipAddress].contains(function) {
                return refused(.syntax, failure.description, at: range)
            }
            return checked
        case .unknown, nil: return checked
        }
    }

    /// What a constant operation comes to.
    ///
    /// The evaluator goes before the program grows on: it would make that a copy.
    private func evaluated(_ node: Node) -> Operand? {
        var evaluator = Evaluator(SealedProgram(program), stored: nil, request: nil, costLimit: Limits.conditionCost)
        return try? evaluator.evaluate(node)
    }

    mutating func checkList(_ elements: [ConditionExpression]) -> Checked {
        let checked = elements.map { check($0) }
        let type = checked.dropFirst().reduce(checked.first?.type ?? .dynamic) { $0.joined($1.type) }
        let (first, count) = addOperands(checked.map(\.node))
        return folded(.list(first: first, count: count), checked, .list(type), at: 0..<0)
    }

    mutating func checkMap(_ entries: [(key: ConditionExpression, value: ConditionExpression)]) -> Checked {
        var checked: [Checked] = []
        var keyType: CheckedType?
        var valueType: CheckedType?
        for entry in entries {
            let key = check(entry.key)
            let value = check(entry.value)
            switch key.type {
            case .dynamic, .bool, .int, .uint, .string: break
            default:
                return refused(
                    .typeMismatch,
                    "a value of type \(key.type.description) can be no key of a map",
                    at: entry.key.range
                )
            }
            keyType = keyType.map { $0.joined(key.type) } ?? key.type
            valueType = valueType.map { $0.joined(value.type) } ?? value.type
            checked += [key, value]
        }
        let (first, count) = addOperands(checked.map(\.node))
        let type = CheckedType.map(keyType ?? .dynamic, valueType ?? .dynamic)
        return folded(.map(first: first, count: count), checked, type, at: 0..<0)
    }
}
