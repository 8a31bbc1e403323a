// Pemba: checks operators, functions and macros of conditions.
// SPDX-License-Identifier: Apache-2.0

/// A call as written.
struct ConditionCall {
    let name: String
    let nameRange: Range<Int>
    let target: ConditionExpression?
    let arguments: [ConditionExpression]
}

extension ConditionChecker {
    // MARK: Operators

    mutating func checkOperator(
        _ function: ConditionFunction,
        _ operands: [ConditionExpression],
        at range: Range<Int>
    ) -> Checked {
        let checked = operands.map { check($0) }
        let types = checked.map(\.type)
        let result: CheckedType?
        switch function {
        case .equal, .notEqual: result = types[0].isComparable(with: types[1]) ? .bool : nil
        case .contained: result = isContained(types[0], in: types[1]) ? .bool : nil
        case .add:
            if case .list = types[0], case .list = types[1] {
                result = types[0].fits(types[1]) ? types[0].joined(types[1]) : nil
            } else {
                result = Signature.result(of: function, on: nil, types)
            }
        default: result = Signature.result(of: function, on: nil, types)
        }
        guard let result else { return mismatch(function, types, at: range) }
        return apply(function, checked, result, at: range)
    }

    private func isContained(_ element: CheckedType, in collection: CheckedType) -> Bool {
        switch collection {
        case .dynamic: true
        case .list(let type), .map(let type, _): element.isComparable(with: type)
        default: false
        }
    }

    private mutating func apply(
        _ function: ConditionFunction,
        _ operands: [Checked],
        _ type: CheckedType,
        at range: Range<Int>
    ) -> Checked {
        switch operands.count {
        case 0: return Checked(node: constant(.optional(nil)).node, type: type)
        case 1: return folded(.unary(function, operands[0].node), operands, type, at: range)
        case 2 where function == .or || function == .orValue:
            return folded(.alternative(function, operands[0].node, operands[1].node), operands, type, at: range)
        case 2: return folded(.binary(function, operands[0].node, operands[1].node), operands, type, at: range)
        default: preconditionFailure("no function has \(operands.count) operands")
        }
    }

    // MARK: Functions

    mutating func checkCall(_ call: ConditionCall, _ expression: ConditionExpression) -> Checked {
        if let macro = checkMacro(call) { return macro }
        let call = qualified(call)
        guard let function = ConditionFunction(called: call.name) else {
            for part in [call.target].compactMap({ $0 }) + call.arguments { _ = check(part) }
            return refused(
                .unknownName,
                "there is no function `\(call.name)`",
                at: call.nameRange,
                hint: ConditionChecker.elsewhere[call.name]
                    ?? NameSuggestion.hint(for: call.name, among: ConditionChecker.callable)
            )
        }
        let target = call.target.map { check($0) }
        let arguments = call.arguments.map { check($0) }
        let types = arguments.map(\.type)
        guard let result = Signature.result(of: function, on: target?.type, types) else {
            return wrongCall(function, call, target?.type, types)
        }
        let operands = (target.map { [$0] } ?? []) + arguments
        if let special = checkConstantOperand(function, operands, call) { return special }
        return apply(function, operands, result, at: expression.range)
    }

    /// Names that may be called, in the order in which suggestions consider them.
    private static let callable: [String] =
        ConditionFunction.allCases.map(\.name).filter { ConditionFunction(called: $0) != nil }
        + ["has", "all", "exists", "exists_one", "filter", "map", "optMap"]

    /// Functions that other environments of CEL have, and what does the same here.
    private static let elsewhere = [
        "optFlatMap": "write `a.hasValue() ? b : optional.none()` with `a.value()` in `b`",
        "first": "write `a[?0]`", "last": "write `a[?a.size() - 1]`",
        "optional.unwrap": "write `[?a, ?b]`", "unwrapOpt": "write `[?a, ?b]`",
    ]

    private mutating func wrongCall(
        _ function: ConditionFunction,
        _ call: ConditionCall,
        _ target: CheckedType?,
        _ types: [CheckedType]
    ) -> Checked {
        let forms = Signature.forms(of: function)
        let hint: String?
        if target == nil, !forms.plain {
            hint = "it is a method: write `a.\(function.name)(…)`"
        } else if target != nil, !forms.method {
            hint = "it is no method: write `\(function.name)(…)`"
        } else {
            hint = optionalHint(function, (target.map { [$0] } ?? []) + types)
        }
        let list = ((target.map { [$0] } ?? []) + types).map(\.description).joined(separator: ", ")
        return refused(.typeMismatch, "`\(function.name)` does not take (\(list))", at: call.nameRange, hint: hint)
    }

    /// Functions whose last operand is parsed here if it is a constant; nil for all others.
    private mutating func checkConstantOperand(
        _ function: ConditionFunction,
        _ operands: [Checked],
        _ call: ConditionCall
    ) -> Checked? {
        guard operands.count == 2, case .string(let text)? = constant(of: operands[1]) else { return nil }
        let place = call.arguments[call.arguments.count - 1].range
        switch function {
        case .inCIDR:
            guard let block = CIDRBlock(text) else {
                return refused(.syntax, EvaluationFailure.block(text).description, at: place)
            }
            program.blocks.append(block)
            let instruction = ConditionProgram.Instruction.inBlock(
                operands[0].node,
                block: Int32(program.blocks.count - 1)
            )
            return folded(instruction, [operands[0]], .bool, at: place)
        case .matches: return checkPattern(text, operands[0], at: place)
        case _ where Signature.result(of: function, on: .timestamp, [.string]) == .int:
            guard TimeZoneText.offset(text) != nil else {
                return refused(.unsupported, TimeZoneText.problem(text), at: place, hint: TimeZoneText.wayOut)
            }
            return nil
        default: return nil
        }
    }

    private mutating func checkPattern(_ text: String, _ operand: Checked, at place: Range<Int>) -> Checked {
        let pattern: RegularExpression
        do {
            pattern = try RegularExpression(text)
        } catch {
            return refused(error.isUnsupported ? .unsupported : .syntax, error.description, at: place)
        }
        program.patterns.append(pattern)
        guard program.patterns.reduce(0, { $0 + $1.size }) <= RegularExpression.instructionsPerCondition else {
            program.patterns.removeLast()
            return refused(
                .tooLarge,
                "the patterns of one condition have at most "
                    + "\(RegularExpression.instructionsPerCondition) instructions together",
                at: place
            )
        }
        let instruction = ConditionProgram.Instruction.matches(
            operand.node,
            pattern: Int32(program.patterns.count - 1)
        )
        return folded(instruction, [operand], .bool, at: place)
    }

    // MARK: Macros

    /// What looks like a macro; nil for everything else.
    private mutating func checkMacro(_ call: ConditionCall) -> Checked? {
        guard let target = call.target else {
            return call.name == "has" && call.arguments.count == 1 ? checkPresence(call) : nil
        }
        let kind: ConditionProgram.Fold.Kind?
        switch (call.name, call.arguments.count) {
        case ("all", 2): kind = .all
        case ("exists", 2): kind = .exists
        case ("exists_one", 2), ("existsOne", 2): kind = .existsOne
        case ("filter", 2): kind = .filter
        case ("map", 2), ("map", 3): kind = .map
        case ("optMap", 2): kind = nil
        default: return nil
        }
        guard case .name(let variable, isAbsolute: false) = call.arguments[0].kind else {
            return refused(
                .syntax,
                "the first part of `\(call.name)` is the name of its variable",
                at: call.arguments[0].range
            )
        }
        let range = check(target)
        guard let kind else { return checkOptionalMap(call, over: range, variable: variable) }
        return checkFold(kind, call, over: range, variable: variable)
    }

    private mutating func checkFold(
        _ kind: ConditionProgram.Fold.Kind,
        _ call: ConditionCall,
        over range: Checked,
        variable: String
    ) -> Checked {
        let element: CheckedType
        switch range.type {
        case .dynamic: element = .dynamic
        case .list(let type), .map(let type, _): element = type.taken
        default:
            return refused(
                .typeMismatch,
                "`\(call.name)` goes through a list or a map, and this is a value of type \(range.type.description)",
                at: call.nameRange,
                hint: range.type.held == nil ? nil : ConditionChecker.takingOut
            )
        }
        let isTransforming = kind == .map
        let hasPredicate = !isTransforming || call.arguments.count == 3
        let predicate = hasPredicate ? check(call.arguments[1], with: variable, of: element) : nil
        if let predicate, !predicate.type.fits(.bool) {
            return refused(
                .typeMismatch,
                "`\(call.name)` asks whether something is true, and this is a value of type "
                    + predicate.type.description,
                at: call.arguments[1].range
            )
        }
        let last = call.arguments[call.arguments.count - 1]
        let transform = isTransforming ? check(last, with: variable, of: element) : nil
        program.folds.append(
            ConditionProgram.Fold(
                kind: kind,
                range: range.node,
                slot: nextSlot,
                predicate: predicate?.node,
                transform: transform?.node
            )
        )
        let node = add(.fold(Int32(program.folds.count - 1)))
        switch kind {
        case .all, .exists, .existsOne: return Checked(node: node, type: .bool)
        case .filter: return Checked(node: node, type: .list(element))
        case .map: return Checked(node: node, type: .list(transform?.type ?? .dynamic))
        }
    }
}
