// Pemba: reads constants, names, lists and maps of conditions.
// SPDX-License-Identifier: Apache-2.0

extension ConditionParser {
    mutating func primary() throws(ConditionProblem) -> ConditionExpression {
        let start = token.range.lowerBound
        switch token.kind {
        case .integer(let magnitude): return try integer(magnitude, isNegative: false, from: start)
        case .literal(let value): return try taken(.literal(value))
        case .keyword:
            switch lexer.source.string(token.range) {
            case "true": return try taken(.literal(.bool(true)))
            case "false": return try taken(.literal(.bool(false)))
            case "null": return try taken(.literal(.null))
            default: throw unexpected("an operand")
            }
        case .identifier: return try name(isAbsolute: false, from: start)
        case .mark(.period):
            try advance()
            guard case .identifier = token.kind else { throw unexpected("a name after `.`") }
            return try name(isAbsolute: true, from: start)
        case .mark(.leftParenthesis):
            try advance()
            let inner = try expression()
            try expect(.rightParenthesis, "to close the `(`")
            return ConditionExpression(kind: inner.kind, range: start..<previousEnd, depth: inner.depth)
        case .mark(.leftBracket): return try list()
        case .mark(.leftBrace): return try map()
        case .reserved:
            throw ConditionProblem(
                .syntax,
                "`\(lexer.source.string(token.range))` is a word that the language keeps for later",
                at: token.range,
                hint: "choose another name"
            )
        default: throw unexpected("an operand")
        }
    }

    mutating func name(isAbsolute: Bool, from start: Int) throws(ConditionProblem) -> ConditionExpression {
        let range = token.range
        let text = lexer.source.string(range)
        try advance()
        if token.isMark(.leftParenthesis) { return try call(text, nameRange: range, target: nil, from: start) }
        return try node(.name(text, isAbsolute: isAbsolute), from: start, over: [])
    }

    mutating func list() throws(ConditionProblem) -> ConditionExpression {
        let start = token.range.lowerBound
        try advance()
        var elements: [(isOptional: Bool, value: ConditionExpression)] = []
        while try !take(.rightBracket) {
            if !elements.isEmpty {
                try expect(.comma, "or `]` after an element")
                if try take(.rightBracket) { break }
            }
            elements.append((try take(.question), try expression()))
        }
        return try node(.list(elements), from: start, over: elements.map(\.value))
    }

    mutating func map() throws(ConditionProblem) -> ConditionExpression {
        let start = token.range.lowerBound
        try advance()
        var entries: [(isOptional: Bool, key: ConditionExpression, value: ConditionExpression)] = []
        while try !take(.rightBrace) {
            if !entries.isEmpty {
                try expect(.comma, "or `}` after an entry")
                if try take(.rightBrace) { break }
            }
            let isOptional = try take(.question)
            let key = try expression()
            try expect(.colon, "between key and value")
            entries.append((isOptional, key, try expression()))
        }
        return try node(.map(entries), from: start, over: entries.flatMap { [$0.key, $0.value] })
    }

    mutating func integer(
        _ magnitude: UInt64,
        isNegative: Bool,
        from start: Int
    ) throws(ConditionProblem) -> ConditionExpression {
        let value = isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
        guard let value else {
            throw ConditionProblem(
                .syntax,
                "this number does not fit an int of 64 bits",
                at: start..<token.range.upperBound,
                hint: isNegative ? nil : "a `uint` is written with a `u`, as in `18446744073709551615u`"
            )
        }
        try advance()
        return ConditionExpression(kind: .literal(.int(value)), range: start..<previousEnd, depth: 1)
    }
}
