// Pemba: reads relations and permissions.
// SPDX-License-Identifier: Apache-2.0

extension SchemaParser {
    /// Reads one member, or what separates members; false at the end of the definition.
    mutating func parseMember(of definition: inout DefinitionSyntax, openedAt brace: Range<Int>) -> Bool {
        switch token.kind {
        case .rightBrace:
            advance()
            return false
        case .lineEnd, .semicolon:
            advance()
            return true
        case .end, .keyword(.definition), .keyword(.caveat), .keyword(.partial):
            reportUnclosed(definition, openedAt: brace)
            return false
        default: break
        }
        let count = definition.members.count
        do throws(Abandoned) {
            switch token.kind {
            case .keyword(.relation): try parseRelation(into: &definition)
            case .keyword(.permission): try parsePermission(into: &definition)
            case .ellipsis: try parseSplice(into: &definition)
            default: throw unexpectedMember()
            }
            try expectEndOfStatement()
        } catch {
            // What has a name is declared, however it goes on: who uses it makes no second mistake.
            if definition.members.count == count { definition.isIncomplete = true }
            skipStatement()
        }
        return true
    }

    /// Reads `...name`.
    private mutating func parseSplice(into definition: inout DefinitionSyntax) throws(Abandoned) {
        let start = token.range.lowerBound
        advance()
        let name = try expectName("the name of a partial after `...`")
        definition.splices.append(
            SpliceSyntax(name: name, range: start..<previousEnd, place: definition.members.count)
        )
    }

    /// Reads `relation name: type | type`.
    private mutating func parseRelation(into definition: inout DefinitionSyntax) throws(Abandoned) {
        let (start, comments) = (token.range.lowerBound, comments)
        advance()
        let name = try expectName("the name of a relation")
        let range = start..<previousEnd
        let text = text
        var types: [TypeSyntax] = []
        defer {
            definition.members.append(
                MemberSyntax(
                    name: name,
                    range: range,
                    kind: .relation(types),
                    annotation: nil,
                    comments: comments,
                    byteCount: previousEnd - (comments.first?.range.lowerBound ?? start)
                )
            )
        }
        try expect(.colon, ":", "and the types that relation \(text.quoted(name.range)) admits")
        repeat { types.append(try parseType(of: name)) } while take(.pipe)
    }

    /// A type with what a tuple with such a subject must carry.
    private mutating func parseType(of relation: NameSyntax) throws(Abandoned) -> TypeSyntax {
        let text = text
        let path = try expectPath("a type that relation \(text.quoted(relation.range)) admits")
        var form = TypeSyntax.Form.object
        if take(.colon) {
            try expect(.star, "*", "after the `:` that follows \(text.quoted(path.range))")
            form = .wildcard
        } else if take(.hash), !take(.ellipsis) {
            form = .userset(try expectName("the name of a relation or `...` after `#`"))
        }
        let (caveat, hasExpiration) = try parseTraits()
        return TypeSyntax(
            path: path,
            form: form,
            caveat: caveat,
            hasExpiration: hasExpiration,
            range: path.range.lowerBound..<previousEnd
        )
    }

    /// Reads `with caveat`, `with caveat and expiration` or `with expiration`, if one of them is here.
    private mutating func parseTraits() throws(Abandoned) -> (caveat: NameSyntax?, hasExpiration: Bool) {
        guard take(.keyword(.with)) else { return (nil, false) }
        guard !take(.keyword(.expiration)) else {
            guard token.kind == .keyword(.and) else { return (nil, true) }
            throw missing(
                .expectedEnd,
                "expected the end of the relation, found `and`: a caveat stands before expiration",
                hint: "write `with a_caveat and expiration`"
            )
        }
        let caveat = try expectPath("the name of a caveat after `with`")
        guard take(.keyword(.and)) else { return (caveat, false) }
        try expect(.keyword(.expiration), "expiration", "after `and`")
        return (caveat, true)
    }

    /// Reads `permission name = expression` or `permission name: type | type = expression`.
    private mutating func parsePermission(into definition: inout DefinitionSyntax) throws(Abandoned) {
        let (start, comments) = (token.range.lowerBound, comments)
        advance()
        let name = try expectName("the name of a permission")
        let range = start..<previousEnd
        let text = text
        var annotation: [NameSyntax]?
        var expression: ExpressionSyntax?
        defer {
            definition.members.append(
                MemberSyntax(
                    name: name,
                    range: range,
                    kind: .permission(expression),
                    annotation: annotation,
                    comments: comments,
                    byteCount: previousEnd - (comments.first?.range.lowerBound ?? start)
                )
            )
        }
        annotation = try parseTypeAnnotation()
        try expect(.equals, "=", "and an expression after permission \(text.quoted(name.range))")
        expression = try parseExpression()
    }

    /// Reads `: type | type` after the name of a permission; it counts under `use typechecking` alone.
    private mutating func parseTypeAnnotation() throws(Abandoned) -> [NameSyntax]? {
        let start = token.range.lowerBound
        guard take(.colon) else { return nil }
        var types: [NameSyntax] = []
        repeat { types.append(try expectPath("a type that the permission leads to")) } while take(.pipe)
        if tree.enabled.contains(.typechecking) { return types }
        collector.report(
            .ignoredTypeAnnotation,
            "the types that a permission leads to are not checked without `use typechecking`",
            at: start..<previousEnd,
            hint: "put `use typechecking` at the top of the schema"
        )
        return nil
    }

    // MARK: Ends

    private mutating func expectEndOfStatement() throws(Abandoned) {
        switch token.kind {
        case .lineEnd, .semicolon: advance()
        case .end: break
        default: throw unexpectedEnd()
        }
    }

    private mutating func unexpectedEnd() -> Abandoned {
        let hint: String? =
            switch token.kind {
            case .rightBrace: "put the `}` on a line of its own, or a `;` before it"
            case .arrow, .period: "on the left of an arrow stands the name of a relation"
            case .keyword where token.startsLine:
                "end the line above with `;`: a line end after `...` ends no statement"
            case .word where isWord("and"): "caveats with expiration need `use expiration` at the top of the schema"
            case .word, .comma, .conditionMark:
                "between two names stands `+`, `&` or `-` in an expression and `|` in a list of types"
            default: nil
            }
        return missing(.expectedEnd, "expected the end of the line or `;`, found \(tokenDescription)", hint: hint)
    }

    private mutating func unexpectedMember() -> Abandoned {
        let hint: String? =
            switch token.kind {
            case .plus, .minus, .ampersand, .pipe, .arrow:
                "a line end ends a statement: put \(text.quoted(token.range)) at the end of the line above"
            case .word: NameSuggestion.hint(for: text.string(token.range), among: ["relation", "permission"])
            default: nil
            }
        return missing(
            .expectedMember,
            "expected `relation`, `permission` or `}`, found \(tokenDescription)",
            hint: hint
        )
    }

    private mutating func reportUnclosed(_ definition: DefinitionSyntax, openedAt brace: Range<Int>) {
        // At the end of the source the finding is about all of it and stands, as upstream's, at its start.
        let place = token.kind == .end ? 0..<0 : token.range
        let found = token.kind == .end ? "the schema ends" : "\(tokenDescription) follows"
        collector.report(
            .unclosedDefinition,
            "\(found) before \(text.quoted(definition.range)) is closed",
            at: place,
            hint: "add the missing `}`",
            note: ("the `{` that is not closed", brace)
        )
    }

    /// Skips what is left of a statement, up to what can begin or end another.
    mutating func skipStatement() {
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .lineEnd, .semicolon:
                if depth == 0 { return }
            case .leftBrace: depth += 1
            case .rightBrace:
                if depth == 0 { return }
                depth -= 1
            case .keyword(.relation) where token.startsLine && depth == 0,
                .keyword(.permission) where token.startsLine && depth == 0,
                .keyword(.definition) where token.startsLine, .keyword(.caveat) where token.startsLine,
                .keyword(.partial) where token.startsLine:
                return
            default: break
            }
            advance()
        }
    }
}
