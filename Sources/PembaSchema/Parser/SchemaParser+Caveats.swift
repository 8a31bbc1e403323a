// Pemba: reads caveats.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension SchemaParser {
    /// Reads `caveat path(name type, …) { condition }`.
    mutating func parseCaveat() {
        let (start, comments) = (token.range.lowerBound, comments)
        advance()
        guard let name = try? expectPath("the name of a caveat") else {
            tree.isIncomplete = true
            return skipCaveat()
        }
        var caveat = CaveatSyntax(name: name, range: start..<previousEnd, comments: comments)
        do throws(Abandoned) {
            let parameters = try parseParameters(of: name)
            caveat.body = try parseBody(of: name)
            caveat.parameters = parameters
        } catch {
            skipCaveat()
        }
        tree.caveats.append(caveat)
    }

    /// Skips what is left of a caveat, texts and all.
    private mutating func skipCaveat() {
        readTexts(ofConditions: true)
        skipBraces()
        readTexts(ofConditions: false)
    }

    // MARK: Parameters

    private mutating func parseParameters(of caveat: NameSyntax) throws(Abandoned) -> [ParameterSyntax] {
        let text = text
        try expect(.leftParenthesis, "(", "and parameters after the name of caveat \(text.quoted(caveat.range))")
        var parameters: [ParameterSyntax] = []
        repeat {
            let name = try expectName("the name of a parameter")
            parameters.append(ParameterSyntax(name: name, type: try parseParameterType(inside: 0)))
        } while take(.comma)
        try expect(.rightParenthesis, ")", "after the parameters of caveat \(text.quoted(caveat.range))")
        return parameters
    }

    /// A type with its arguments; recursion is bounded by `Limits.parameterTypeDepth`.
    private mutating func parseParameterType(inside levels: Int) throws(Abandoned) -> ParameterTypeSyntax {
        let name = try expectName("the type of a parameter, such as `int` or `list<string>`")
        guard token.kind == .less else { return ParameterTypeSyntax(name: name, arguments: []) }
        guard levels + 1 < Limits.parameterTypeDepth else {
            throw missing(
                .parameterTypeTooDeep,
                "the type of a parameter has at most \(Limits.parameterTypeDepth) levels",
                hint: "use `any` for what is further inside"
            )
        }
        advance()
        var arguments: [ParameterTypeSyntax] = []
        repeat { arguments.append(try parseParameterType(inside: levels + 1)) } while take(.comma)
        let text = text
        try expect(.greater, ">", "after the arguments of the type \(text.quoted(name.range))")
        return ParameterTypeSyntax(name: name, arguments: arguments)
    }

    // MARK: Condition

    /// The condition up to the `}` that closes the caveat, without the space around it; nil if it holds what is no
    /// token, which was reported.
    private mutating func parseBody(of caveat: NameSyntax) throws(Abandoned) -> Range<Int>? {
        let brace = token.range
        guard token.kind == .leftBrace else {
            throw missing(
                .expectedMark,
                "expected `{` and a condition after the parameters of caveat \(text.quoted(caveat.range)), "
                    + "found \(tokenDescription)"
            )
        }
        readTexts(ofConditions: true)
        defer { readTexts(ofConditions: false) }
        advance()
        var isReadable = !followsInvalid
        var depth = 0
        while token.kind != .end {
            if token.kind == .leftBrace { depth += 1 }
            if token.kind == .rightBrace {
                if depth == 0 { break }
                depth -= 1
            }
            advance()
            if followsInvalid { isReadable = false }
        }
        guard token.kind == .rightBrace else {
            tree.isIncomplete = true
            collector.report(
                .unclosedCaveat,
                "the schema ends before caveat \(text.quoted(caveat.range)) is closed",
                at: token.range,
                hint: "add the missing `}`",
                note: ("the `{` that is not closed", brace)
            )
            return nil
        }
        let body = text.trimmed(brace.upperBound..<token.range.lowerBound)
        if body.isEmpty {
            _ = missing(.expectedCondition, "expected a condition, found \(tokenDescription)")
            isReadable = false
        }
        // What follows is of the schema again.
        readTexts(ofConditions: false)
        advance()
        return isReadable ? body : nil
    }
}
