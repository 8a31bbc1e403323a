// Pemba: writes a schema in the one form that all schemas have.
// SPDX-License-Identifier: Apache-2.0

/// Formats schemas.
///
/// Works on tokens, so that comments stay where they are and nothing changes its meaning: one statement a line, tabs
/// as upstream's tools write them, one blank line at most, one between definitions. Line ends that somebody put
/// inside a statement stay. Formatting twice is formatting once.
package struct SchemaFormatter {
    /// A statement that has begun and not ended.
    private enum Statement {
        /// `use flag` and `import "path"`, which end with their second token.
        case line
        /// A definition, partial or caveat before its `{`.
        case header
        /// A member of a definition.
        case member
    }

    /// What stood last at the top level.
    private enum Last {
        case nothing
        case comment
        case line(String)
        case block
    }

    private let text: SourceText
    private var output = ""
    private var statement: Statement?
    private var isInBlock = false
    private var last = Last.nothing
    /// The piece that was written last.
    private var previous: FormatPiece?
    /// The token that was written last.
    private var lastToken: Token.Kind?

    /// The schema in its one form; the error says where it cannot be read.
    package static func format(_ source: String) throws(SchemaErrors) -> String {
        let (text, tree) = try SchemaCompiler.parse(source)
        var formatter = SchemaFormatter(text: text)
        for piece in FormatPiece.pieces(of: tree, in: text) { formatter.write(piece) }
        return formatter.output.isEmpty ? "" : formatter.output + "\n"
    }

    private init(text: SourceText) { self.text = text }

    private mutating func write(_ piece: FormatPiece) {
        switch piece.kind {
        case .comment: writeComment(piece)
        case .body: writeBody(piece)
        case .token(.lineEnd):
            if statement == .member { statement = nil }
            return
        case .token(.semicolon):
            writeSemicolon(piece)
        case .token(let kind):
            writeToken(kind, piece)
            lastToken = kind
        }
        previous = piece
    }

    // MARK: Tokens

    /// A line end does what a semicolon does, except after `...`.
    private mutating func writeSemicolon(_ piece: FormatPiece) {
        if statement == .member { statement = nil }
        guard lastToken == .ellipsis else { return }
        if piece.lineEndsBefore > 0 { breakLine(extra: 1) }
        output += ";"
        lastToken = .semicolon
    }

    private mutating func writeToken(_ kind: Token.Kind, _ piece: FormatPiece) {
        guard let statement else {
            if isInBlock, kind == .rightBrace { return closeBlock() }
            return beginStatement(piece)
        }
        if piece.lineEndsBefore > 0 {
            breakLine(extra: 1)
        } else if needsSpace(before: kind) {
            output += " "
        }
        output += text.string(piece.range)
        switch statement {
        case .line: self.statement = nil
        case .header:
            guard kind == .leftBrace else { return }
            self.statement = nil
            isInBlock = true
        case .member: break
        }
    }

    private mutating func beginStatement(_ piece: FormatPiece) {
        let word = text.string(piece.range)
        if isInBlock {
            beginLine(piece)
            statement = .member
        } else if word == "use" || word == "import" {
            beginLine(piece, as: .line(word))
            statement = .line
        } else {
            beginLine(piece, as: .block)
            statement = .header
        }
        output += word
    }

    private mutating func closeBlock() {
        isInBlock = false
        if case .token(.leftBrace) = previous?.kind {} else { breakLine(extra: 0) }
        output += "}"
    }

    /// Whether a space stands between the last piece and a token on the same line.
    private func needsSpace(before kind: Token.Kind) -> Bool {
        guard case .token(let last) = previous?.kind else { return true }
        switch (last, kind) {
        case (_, .rightParenthesis), (_, .comma), (_, .colon), (.leftParenthesis, _), (.colon, .star): return false
        case (.slash, _), (_, .slash), (.hash, _), (_, .hash), (.arrow, _), (_, .arrow): return false
        case (.period, _), (_, .period), (.ellipsis, .word), (.ellipsis, .keyword): return false
        case (.less, _), (_, .less), (_, .greater): return false
        case (.word, .leftParenthesis), (.keyword, .leftParenthesis): return false
        default: return true
        }
    }

    // MARK: Lines

    private mutating func breakLine(extra: Int) {
        output += "\n"
        output += String(repeating: "\t", count: (isInBlock ? 1 : 0) + extra)
    }

    /// Begins the line of a statement or comment inside a block.
    private mutating func beginLine(_ piece: FormatPiece) {
        var isFirst = false
        if case .token(.leftBrace) = previous?.kind { isFirst = true }
        if !isFirst, piece.lineEndsBefore > 1 { output += "\n" }
        breakLine(extra: 0)
    }

    /// Begins the line of a statement or comment at the top level.
    private mutating func beginLine(_ piece: FormatPiece, as next: Last) {
        defer { last = next }
        let hasBlank: Bool
        switch (last, next) {
        case (.nothing, _): return
        case (.comment, _), (.line, .comment): hasBlank = piece.lineEndsBefore > 1
        case (.line(let one), .line(let other)) where one == other: hasBlank = piece.lineEndsBefore > 1
        default: hasBlank = true
        }
        output += hasBlank ? "\n\n" : "\n"
    }

    // MARK: Comments and conditions

    private mutating func writeComment(_ piece: FormatPiece) {
        let beginsLine = piece.lineEndsBefore > 0 || output.isEmpty
        guard beginsLine else {
            output += " "
            return writeLines(of: piece, indentation: nil)
        }
        if statement != nil {
            breakLine(extra: 1)
        } else if isInBlock {
            beginLine(piece)
        } else {
            beginLine(piece, as: .comment)
        }
        let depth = (isInBlock ? 1 : 0) + (statement == nil ? 0 : 1)
        writeLines(of: piece, indentation: String(repeating: "\t", count: depth))
    }

    private mutating func writeBody(_ piece: FormatPiece) {
        breakLine(extra: 0)
        writeLines(of: piece, indentation: text.hasTextOverLines(in: piece.range) ? nil : "\t")
    }

    /// Writes a piece of several lines, each moved as far as the first one is; as it stands without an indentation.
    private mutating func writeLines(of piece: FormatPiece, indentation: String?) {
        let lines = text.bytes[piece.range].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let indentation else {
            output += text.string(text.trimmed(piece.range))
            return
        }
        let margin = text.margin(at: piece.range.lowerBound)
        for (number, line) in lines.enumerated() {
            let content = text.trimmed(line.startIndex..<line.endIndex)
            guard number > 0 else {
                output += text.string(content)
                continue
            }
            output += "\n"
            guard !content.isEmpty else { continue }
            let common = zip(line, margin).prefix { $0 == $1 }.count
            output += indentation + text.string((line.startIndex + common)..<content.upperBound)
        }
    }
}

extension SourceText {
    /// The spaces and tabs between the start of its line and a place, if nothing else stands there.
    fileprivate func margin(at offset: Int) -> ArraySlice<UInt8> {
        var start = offset
        while start > 0, bytes[start - 1] == UInt8(ascii: " ") || bytes[start - 1] == UInt8(ascii: "\t") { start -= 1 }
        let beginsLine = start == 0 || bytes[start - 1] == UInt8(ascii: "\n") || bytes[start - 1] == UInt8(ascii: "\r")
        return beginsLine ? bytes[start..<offset] : []
    }

    /// Whether a text in quotation marks goes over several lines: to move those would change it.
    fileprivate func hasTextOverLines(in body: Range<Int>) -> Bool {
        var lexer = Lexer(self)
        lexer.isInCondition = true
        lexer.skip(to: body.lowerBound)
        while true {
            let token = lexer.next()
            guard token.kind != .end, token.range.upperBound <= body.upperBound else { return false }
            if token.kind == .string, bytes[token.range].contains(UInt8(ascii: "\n")) { return true }
        }
    }
}
