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
}
