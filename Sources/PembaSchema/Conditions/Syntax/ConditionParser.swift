// Pemba: reads conditions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Reads an expression of CEL by precedence climbing; levels are bounded by `Limits.expressionDepth`.
struct ConditionParser {
    var lexer: ConditionLexer
    /// The token that is looked at.
    private(set) var token: ConditionToken
    /// Where the last token ended that was taken.
    var previousEnd = 0
    /// Expressions that are being read inside each other.
    var nesting = 0

    /// Reads a whole text.
    static func parse(_ text: String) throws(ConditionProblem) -> ConditionExpression {
        var parser = try ConditionParser(text)
        let expression = try parser.expression()
        if case .end = parser.token.kind { return expression }
        throw parser.unexpected("an operator or the end of the condition")
    }

    private init(_ text: String) throws(ConditionProblem) {
        lexer = ConditionLexer(text)
        token = try lexer.next()
    }

    // MARK: Operators

    /// An expression with everything that may stand in it, the conditional included.
    mutating func expression() throws(ConditionProblem) -> ConditionExpression {
        try enter()
        defer { nesting -= 1 }
        let condition = try operation(bindingAtLeast: 1)
        guard try take(.question) else { return condition }
        let then = try operation(bindingAtLeast: 1)
        try expect(.colon, "between the two results of `?`")
        let other = try expression()
        return try node(
            .conditional(condition, then: then, else: other),
            from: condition,
            over: [condition, then, other]
        )
    }

    /// How tightly a binary operator binds, from 1 for `||`; nil for what is none.
    func binding() -> Int? {
        switch token.kind {
        case .mark(.or): 1
        case .mark(.and): 2
        case .mark(.equal), .mark(.notEqual), .mark(.less), .mark(.lessOrEqual), .mark(.greater),
            .mark(.greaterOrEqual):
            3
        case .keyword: lexer.source.string(token.range) == "in" ? 3 : nil
        case .mark(.plus), .mark(.minus): 4
        case .mark(.star), .mark(.slash), .mark(.percent): 5
        default: nil
        }
    }

    /// Operands with operators between them that bind at least so tightly, all from the left.
    mutating func operation(bindingAtLeast least: Int) throws(ConditionProblem) -> ConditionExpression {
        var left = try unary()
        while let binding = binding(), binding >= least {
            let mark = token
            try advance()
            let right = try operation(bindingAtLeast: binding + 1)
            guard binding > 2 else {
                left = try chain(mark, [left, right], binding: binding)
                continue
            }
            guard let function = ConditionFunction(rawValue: lexer.source.string(mark.range)) else {
                preconditionFailure("an operator that is no function")
            }
            let kind = ConditionExpression.Kind.binary(function, operatorRange: mark.range, left, right)
            left = try node(kind, from: left, over: [left, right])
        }
        return left
    }

    /// All that `&&` or `||` joins: a chain of one operator is one level, however long it is.
    mutating func chain(
        _ mark: ConditionToken,
        _ first: [ConditionExpression],
        binding: Int
    ) throws(ConditionProblem) -> ConditionExpression {
        var operands = first
        while self.binding() == binding {
            try advance()
            operands.append(try operation(bindingAtLeast: binding + 1))
        }
        return try node(mark.isMark(.and) ? .all(operands) : .any(operands), from: operands[0], over: operands)
    }

    mutating func unary() throws(ConditionProblem) -> ConditionExpression {
        let start = token.range.lowerBound
        guard token.isMark(.not) || token.isMark(.minus) else { return try member() }
        let isNot = token.isMark(.not)
        try enter()
        defer { nesting -= 1 }
        try advance()
        if !isNot, case .integer(let magnitude) = token.kind {
            // The smallest integer has no positive counterpart, so that the sign belongs to the number.
            return try member(from: try integer(magnitude, isNegative: true, from: start))
        }
        let operand = try unary()
        return try node(isNot ? .not(operand) : .negate(operand), from: start, over: [operand])
    }

    // MARK: Members

    mutating func member() throws(ConditionProblem) -> ConditionExpression { try member(from: try primary()) }

    /// Fields, methods and indexes that follow an expression.
    mutating func member(from first: ConditionExpression) throws(ConditionProblem) -> ConditionExpression {
        var target = first
        while true {
            if try take(.period) {
                let isOptional = try take(.question)
                let name = try selector(after: isOptional ? "`.?`" : "`.`")
                if token.isMark(.leftParenthesis) {
                    guard !isOptional else { throw optionalMethod(name) }
                    target = try call(
                        lexer.source.string(name),
                        nameRange: name,
                        target: target,
                        from: target.range.lowerBound
                    )
                } else {
                    let kind = ConditionExpression.Kind.field(
                        target,
                        lexer.source.string(name),
                        isOptional: isOptional
                    )
                    target = try node(kind, from: target, over: [target])
                }
            } else if try take(.leftBracket) {
                let isOptional = try take(.question)
                let index = try expression()
                try expect(.rightBracket, "after an index")
                target = try node(
                    .index(target, index, isOptional: isOptional),
                    from: target,
                    over: [target, index]
                )
            } else if token.isMark(.leftBrace), target.isPath {
                throw ConditionProblem(
                    .unsupported,
                    "messages such as `Type{field: value}` do not exist",
                    at: token.range
                )
            } else {
                return target
            }
        }
    }

    /// The name of a field or method; words that are kept for later may be one.
    mutating func selector(after marks: String) throws(ConditionProblem) -> Range<Int> {
        switch token.kind {
        case .identifier, .reserved:
            let range = token.range
            try advance()
            return range
        default: throw unexpected("a name after \(marks)")
        }
    }

    func optionalMethod(_ name: Range<Int>) -> ConditionProblem {
        let text = lexer.source.string(name)
        return ConditionProblem(
            .syntax,
            "`.?` takes a field, and `\(text)(…)` is a method",
            at: name,
            hint: "methods are called after `.`, as in `a.\(text)(…)`"
        )
    }

    mutating func call(
        _ name: String,
        nameRange: Range<Int>,
        target: ConditionExpression?,
        from start: Int
    ) throws(ConditionProblem) -> ConditionExpression {
        try advance()
        let arguments = try arguments()
        let kind = ConditionExpression.Kind.call(name, nameRange: nameRange, target: target, arguments: arguments)
        return try node(kind, from: start, over: arguments + (target.map { [$0] } ?? []))
    }

    /// Expressions with `,` between them up to a `)`.
    mutating func arguments() throws(ConditionProblem) -> [ConditionExpression] {
        var all: [ConditionExpression] = []
        while try !take(.rightParenthesis) {
            if !all.isEmpty { try expect(.comma, "or `)` after this") }
            all.append(try expression())
        }
        return all
    }

    // MARK: Tokens

    mutating func advance() throws(ConditionProblem) {
        previousEnd = token.range.upperBound
        token = try lexer.next()
    }

    mutating func take(_ mark: ConditionMark) throws(ConditionProblem) -> Bool {
        guard token.isMark(mark) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ mark: ConditionMark, _ place: String) throws(ConditionProblem) {
        guard try !take(mark) else { return }
        throw unexpected("`\(mark.rawValue)` \(place)")
    }

    /// An expression that is the current token.
    mutating func taken(_ kind: ConditionExpression.Kind) throws(ConditionProblem) -> ConditionExpression {
        let start = token.range.lowerBound
        try advance()
        return ConditionExpression(kind: kind, range: start..<previousEnd, depth: 1)
    }

    // MARK: Levels and findings

    func node(
        _ kind: ConditionExpression.Kind,
        from first: ConditionExpression,
        over parts: [ConditionExpression]
    ) throws(ConditionProblem) -> ConditionExpression {
        try node(kind, from: first.range.lowerBound, over: parts)
    }

    func node(
        _ kind: ConditionExpression.Kind,
        from start: Int,
        over parts: [ConditionExpression]
    ) throws(ConditionProblem) -> ConditionExpression {
        let depth = parts.reduce(0) { max($0, $1.depth) } + 1
        guard depth <= Limits.expressionDepth else { throw tooDeep(at: start..<previousEnd) }
        return ConditionExpression(kind: kind, range: start..<previousEnd, depth: depth)
    }

    /// Counts an expression that is read inside another, before the stack grows with it.
    mutating func enter() throws(ConditionProblem) {
        guard nesting < Limits.expressionDepth else { throw tooDeep(at: token.range) }
        nesting += 1
    }

    func tooDeep(at range: Range<Int>) -> ConditionProblem {
        ConditionProblem(.tooDeep, "this condition has more than \(Limits.expressionDepth) levels", at: range)
    }

    func unexpected(_ expected: String) -> ConditionProblem {
        let found: String
        if case .end = token.kind { found = "the end" } else { found = lexer.source.quoted(token.range) }
        return ConditionProblem(.syntax, "expected \(expected), found \(found)", at: token.range)
    }
}

extension ConditionExpression {
    /// Whether it is names with `.` between them, as the name of a message would be.
    fileprivate var isPath: Bool {
        switch kind {
        case .name: true
        case .field(let target, _, isOptional: false): target.isPath
        default: false
        }
    }
}
