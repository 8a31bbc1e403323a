// Pemba: reads the expressions of permissions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// `+` binds tightest, then `&`, then `-`; all from the left. Recursion is bounded by `Limits.expressionDepth`.
extension SchemaParser {
    /// An expression up to what cannot belong to it, inside so many parentheses.
    mutating func parseExpression(inside parentheses: Int = 0) throws(Abandoned) -> ExpressionSyntax {
        let first = try parseIntersection(inside: parentheses)
        guard token.kind == .minus else { return first }
        let start = first.range.lowerBound
        var operands = [first]
        var depth = first.depth
        while token.kind == .minus {
            let mark = token.range
            advance()
            let operand = try parseIntersection(inside: parentheses)
            depth = max(depth, operand.depth) + 1
            try requireDepth(depth, at: mark)
            operands.append(operand)
        }
        return ExpressionSyntax(kind: .exclusion(operands), range: start..<previousEnd, depth: depth)
    }

    private mutating func parseIntersection(inside parentheses: Int) throws(Abandoned) -> ExpressionSyntax {
        let first = try parseUnion(inside: parentheses)
        guard token.kind == .ampersand else { return first }
        let start = first.range.lowerBound
        var (operands, depth) = SchemaParser.intersected(first)
        while token.kind == .ampersand {
            let mark = token.range
            advance()
            let operand = try parseUnion(inside: parentheses)
            let added = SchemaParser.intersected(operand)
            depth = max(depth, added.depth)
            try requireDepth(depth + 1, at: mark)
            operands.append(contentsOf: added.operands)
        }
        return ExpressionSyntax(kind: .intersection(operands), range: start..<previousEnd, depth: depth + 1)
    }

    private mutating func parseUnion(inside parentheses: Int) throws(Abandoned) -> ExpressionSyntax {
        let first = try parsePrimary(inside: parentheses)
        guard token.kind == .plus else { return first }
        let start = first.range.lowerBound
        var (operands, depth) = SchemaParser.united(first)
        while token.kind == .plus {
            let mark = token.range
            advance()
            let operand = try parsePrimary(inside: parentheses)
            let added = SchemaParser.united(operand)
            depth = max(depth, added.depth)
            try requireDepth(depth + 1, at: mark)
            operands.append(contentsOf: added.operands)
        }
        return ExpressionSyntax(kind: .union(operands), range: start..<previousEnd, depth: depth + 1)
    }

    private mutating func parsePrimary(inside parentheses: Int) throws(Abandoned) -> ExpressionSyntax {
        let start = token.range
        switch token.kind {
        case .leftParenthesis:
            try requireDepth(parentheses + 1, at: start)
            advance()
            let inner = try parseExpression(inside: parentheses + 1)
            try expect(.rightParenthesis, ")", "to close the `(`")
            return inner
        case .keyword(.nil):
            advance()
            return ExpressionSyntax(kind: .empty, range: start, depth: 1)
        case .keyword(.self):
            advance()
            return ExpressionSyntax(kind: .selfReference, range: start, depth: 1)
        case .word:
            let name = try expectName("a name")
            guard token.kind == .arrow || token.kind == .period else {
                return ExpressionSyntax(kind: .name(name), range: name.range, depth: 1)
            }
            return try parseArrow(from: name)
        default:
            let line = token.startsLine && token.kind != .end ? ": the expression above is not finished" : ""
            throw missing(
                .expectedExpression,
                "expected a relation, a permission, `nil` or `(`, found \(tokenDescription)\(line)"
            )
        }
    }

    /// `->name`, `.any(name)` or `.all(name)` after the name of a relation, once or several times.
    private mutating func parseArrow(from tupleset: NameSyntax) throws(Abandoned) -> ExpressionSyntax {
        let start = tupleset.range.lowerBound
        let (computed, function) = try parseArrowLink()
        let firstEnd = previousEnd
        var isNested = false
        while token.kind == .arrow || token.kind == .period {
            _ = try parseArrowLink()
            isNested = true
        }
        let arrow = ArrowSyntax(
            tupleset: tupleset,
            computed: computed,
            function: function,
            nestedIn: isNested ? start..<firstEnd : nil
        )
        return ExpressionSyntax(kind: .arrow(arrow), range: start..<previousEnd, depth: 1)
    }

    private mutating func parseArrowLink() throws(Abandoned) -> (computed: NameSyntax, function: ArrowFunction) {
        let behind = "the name of a relation or permission behind the arrow"
        if take(.arrow) { return (try expectName(behind), .any) }
        advance()
        let written = try expectName("`any` or `all` after `.`")
        let function: ArrowFunction
        switch written.text {
        case "any": function = .any
        case "all": function = .all
        default:
            // As upstream, the finding stands at what follows the word.
            throw missing(
                .unknownArrowFunction,
                "\(text.quoted(written.range)) is no arrow function",
                hint: "write `.any(…)`, which is `->`, or `.all(…)`"
            )
        }
        try expect(.leftParenthesis, "(", "after `.\(written.text)`")
        let computed = try expectName(behind)
        let text = text
        try expect(.rightParenthesis, ")", "after \(text.quoted(computed.range))")
        return (computed, function)
    }

    // MARK: Levels

    private mutating func requireDepth(_ depth: Int, at range: Range<Int>) throws(Abandoned) {
        guard depth > Limits.expressionDepth else { return }
        throw missing(
            .expressionTooDeep,
            "this expression has more than \(Limits.expressionDepth) levels",
            at: range,
            hint: "move a part of it to a permission of its own"
        )
    }

    /// The operands that `expression` adds to a union, and the levels of the deepest.
    private static func united(_ expression: ExpressionSyntax) -> (operands: [ExpressionSyntax], depth: Int) {
        if case .union(let operands) = expression.kind { return (operands, expression.depth - 1) }
        return ([expression], expression.depth)
    }

    /// The operands that `expression` adds to an intersection, and the levels of the deepest.
    private static func intersected(
        _ expression: ExpressionSyntax
    ) -> (operands: [ExpressionSyntax], depth: Int) {
        if case .intersection(let operands) = expression.kind { return (operands, expression.depth - 1) }
        return ([expression], expression.depth)
    }
}
