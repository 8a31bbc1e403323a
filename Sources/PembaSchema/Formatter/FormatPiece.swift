// Pemba: the pieces of a schema that a formatter puts in order.
// SPDX-License-Identifier: Apache-2.0

/// A token, a comment or the body of a caveat: together the pieces are all of a source but its spaces.
struct FormatPiece {
    enum Kind {
        case token(Token.Kind)
        case comment
        /// The condition of a caveat, which is not ours to take apart.
        case body
    }

    let kind: Kind
    let range: Range<Int>
    /// How many lines end between the piece before and this one.
    let lineEndsBefore: Int

    /// The pieces of a source that was read without an error, in its order.
    static func pieces(of tree: SyntaxTree, in text: SourceText) -> [FormatPiece] {
        var pieces: [FormatPiece] = []
        var end = 0
        func append(_ kind: Kind, _ range: Range<Int>) {
            let lineEnds = text.lineEnds(in: end..<max(end, range.lowerBound))
            pieces.append(FormatPiece(kind: kind, range: range, lineEndsBefore: lineEnds))
            // The end of a line is only said to end a statement; it stays among the lines before the next piece.
            if case .token(.lineEnd) = kind { return }
            end = range.upperBound
        }
        var bodies = tree.caveats.compactMap(\.body)[...]
        var lexer = Lexer(text)
        while true {
            let token = lexer.next()
            for comment in lexer.takeComments() { append(.comment, comment.range) }
            guard token.kind != .end else { return pieces }
            append(.token(token.kind), token.range)
            guard token.kind == .leftBrace, let body = bodies.first,
                text.trimmed(token.range.upperBound..<max(body.lowerBound, token.range.upperBound)).isEmpty
            else { continue }
            append(.body, body)
            lexer.skip(to: body.upperBound)
            bodies.removeFirst()
        }
    }
}

extension SourceText {
    /// How many lines end in a stretch: at a line feed, or at a carriage return without one.
    fileprivate func lineEnds(in range: Range<Int>) -> Int {
        var count = 0
        for offset in range {
            if bytes[offset] == UInt8(ascii: "\n") { count += 1 }
            let isAlone = offset + 1 == bytes.count || bytes[offset + 1] != UInt8(ascii: "\n")
            if bytes[offset] == UInt8(ascii: "\r"), isAlone { count += 1 }
        }
        return count
    }
}
