// Pemba: checks the types of a condition and makes its program.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Checks an expression and writes the instructions for it, in one walk whose depth the parser has bounded.
///
/// What is wrong is reported once: an expression with a problem in it counts as one of any type.
struct ConditionChecker {
    typealias Node = ConditionProgram.Node

    /// An expression that has been checked.
    struct Checked {
        let node: Node
        let type: CheckedType
    }

    /// The most problems that are kept.
    private static let problemsMax = 100

    let parameters: [ConditionParameter]
    var program = ConditionProgram()
    private(set) var problems: [ConditionProblem] = []
    /// The variables of the macros around, the innermost last.
    private var locals: [(name: String, type: CheckedType)] = []
    private var isUsed: [Bool]

    init(parameters: [ConditionParameter]) {
        self.parameters = parameters
        isUsed = parameters.map { _ in false }
    }

    /// Checks a whole condition, which is true or false and needs all of its parameters.
    mutating func checkCondition(_ expression: ConditionExpression) {
        let checked = check(expression)
        program.root = checked.node
        guard problems.isEmpty else { return }
        guard checked.type == .bool else {
            report(
                ConditionProblem(
                    .notBoolean,
                    "a condition is true or false, and this is a value of type \(checked.type.description)",
                    at: expression.range,
                    hint: checked.type == .dynamic ? "compare it, as in `… == true`" : booleanHint(checked.type)
                )
            )
            return
        }
        for (number, parameter) in parameters.enumerated() where !isUsed[number] {
            report(
                ConditionProblem(
                    .unusedParameter,
                    "the condition does not use the parameter `\(parameter.name)`",
                    at: 0..<0,
                    hint: "use it or leave it out",
                    parameter: number
                )
            )
        }
    }

    mutating func check(_ expression: ConditionExpression) -> Checked {
        switch expression.kind {
        case .literal(let value): constant(value)
        case .name(let name, let isAbsolute): checkName(name, isAbsolute: isAbsolute, expression)
        case .field(let target, let field, let isOptional):
            checkField(target, field, isOptional: isOptional, expression)
        case .index(let target, let index, let isOptional): checkIndex(target, index, isOptional: isOptional)
        case .call(let name, let nameRange, let target, let arguments):
            checkCall(ConditionCall(name: name, nameRange: nameRange, target: target, arguments: arguments), expression)
        case .list(let elements): checkList(elements)
        case .map(let entries): checkMap(entries)
        case .not(let operand):
            Checked(node: add(.not(checkBoolean(operand, for: "!").node)), type: .bool)
        case .negate(let operand): checkOperator(.negate, [operand], at: expression.range)
        case .all(let operands): checkLogic(operands, isAll: true)
        case .any(let operands): checkLogic(operands, isAll: false)
        case .conditional(let condition, let then, let other): checkConditional(condition, then, other)
        case .binary(let function, let range, let left, let right):
            checkOperator(function, [left, right], at: range)
        }
    }

    // MARK: Names

    private mutating func checkName(
        _ name: String,
        isAbsolute: Bool,
        _ expression: ConditionExpression
    ) -> Checked {
        if !isAbsolute, let slot = locals.lastIndex(where: { $0.name == name }) {
            return Checked(node: add(.local(Int32(slot))), type: locals[slot].type)
        }
        if let number = parameters.firstIndex(where: { $0.name.hasSameBytes(as: name) }) {
            isUsed[number] = true
            return Checked(node: add(.parameter(Int32(number))), type: CheckedType(parameters[number].type))
        }
        if let type = ConditionTypeName(rawValue: name) { return constant(.type(type)) }
        return refused(
            .unknownName,
            "`\(name)` is neither a parameter of the caveat nor a variable of a macro",
            at: expression.range,
            hint: NameSuggestion.hint(for: name, among: parameters.map(\.name) + locals.map(\.name))
        )
    }

    /// Whether a name is a parameter or a variable.
    func isKnown(_ name: String) -> Bool {
        locals.contains { $0.name == name } || parameters.contains { $0.name.hasSameBytes(as: name) }
    }

    // MARK: Logic

    private mutating func checkBoolean(_ operand: ConditionExpression, for mark: String) -> Checked {
        let checked = check(operand)
        guard checked.type.fits(.bool) else {
            return refused(
                .typeMismatch,
                "`\(mark)` takes true or false, and this is a value of type \(checked.type.description)",
                at: operand.range,
                hint: booleanHint(checked.type)
            )
        }
        return checked
    }

    private mutating func checkLogic(_ operands: [ConditionExpression], isAll: Bool) -> Checked {
        let nodes = operands.map { checkBoolean($0, for: isAll ? "&&" : "||").node }
        let (first, count) = addOperands(nodes)
        return Checked(
            node: add(isAll ? .all(first: first, count: count) : .any(first: first, count: count)),
            type: .bool
        )
    }

    private mutating func checkConditional(
        _ condition: ConditionExpression,
        _ then: ConditionExpression,
        _ other: ConditionExpression
    ) -> Checked {
        let condition = checkBoolean(condition, for: "?")
        let first = check(then)
        let second = check(other)
        guard first.type.fits(second.type) else {
            return refused(
                .typeMismatch,
                "the results of `?` are of one type, and these are \(first.type.description) and "
                    + second.type.description,
                at: then.range.lowerBound..<other.range.upperBound
            )
        }
        let node = add(.conditional(condition.node, then: first.node, else: second.node))
        return Checked(node: node, type: first.type.joined(second.type))
    }

    // MARK: Macros

    /// Checks an expression in which a macro's variable stands for the elements of something; gives its place as well.
    mutating func check(
        _ expression: ConditionExpression,
        with name: String,
        of type: CheckedType
    ) -> Checked {
        locals.append((name, type))
        defer { locals.removeLast() }
        return check(expression)
    }

    /// The place that the variable of a macro would have here.
    var nextSlot: Int32 { Int32(locals.count) }

    // MARK: Findings

    mutating func report(_ problem: ConditionProblem) {
        guard problems.count < ConditionChecker.problemsMax else { return }
        problems.append(problem)
    }

    /// Reports a problem; what stands in for the expression is never evaluated.
    mutating func refused(
        _ kind: ConditionProblem.Kind,
        _ message: String,
        at range: Range<Int>,
        hint: String? = nil
    ) -> Checked {
        refused(ConditionProblem(kind, message, at: range, hint: hint))
    }

    mutating func refused(_ problem: ConditionProblem) -> Checked {
        report(problem)
        return Checked(node: add(.constant(addConstant(.null))), type: .dynamic)
    }

    mutating func mismatch(_ function: ConditionFunction, _ types: [CheckedType], at range: Range<Int>) -> Checked {
        let list = types.map(\.description).joined(separator: ", ")
        return refused(
            .typeMismatch,
            "`\(function.name)` does not take (\(list))",
            at: range,
            hint: types.contains { $0.held != nil } ? ConditionChecker.takingOut : nil
        )
    }
}
