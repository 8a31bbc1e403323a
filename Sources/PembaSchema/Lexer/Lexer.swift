// Pemba: cuts the text of a schema into tokens.
// SPDX-License-Identifier: Apache-2.0

/// Cuts the text of a schema into tokens, one at a time, because `use` changes what is reserved from there on.
///
/// A statement ends at a `;`, at the end of the source, and at a line end after a name, a keyword, `}`, `)` or `*`.
/// So an expression may go on after an operator at the end of a line, never before one at the start of the next.
struct Lexer {
    private let bytes: [UInt8]
    private var offset = 0
    /// Whether a line end here ends a statement: the last token is one of those above.
    private var mayEndStatement = false
    /// Whether no token has begun on this line yet.
    private var isAtLineStart = true
    /// The words that `use` has reserved so far.
    private var contextual: [Keyword] = []
    /// Where the last token ended.
    private var previousEnd = 0
    /// Whether texts are those of the condition language: `\` escapes what follows it, unless the text is raw.
    var isInCondition = false
    /// The comments since they were last taken.
    private var comments: [CommentSyntax] = []

    init(_ text: SourceText) { bytes = text.bytes }

    /// Reserves the words of a flag from here on.
    mutating func enable(_ flag: UseFlag) {
        for keyword in flag.keywords where !contextual.contains(keyword) { contextual.append(keyword) }
    }

    /// The comments that were passed since the last call.
    mutating func takeComments() -> [CommentSyntax] {
        guard !comments.isEmpty else { return [] }
        defer { comments = [] }
        return comments
    }

    /// Goes on at a place that stands between two tokens.
    mutating func skip(to offset: Int) {
        self.offset = offset
        mayEndStatement = false
    }

    /// The next token; `.end` for ever at the end.
    mutating func next() -> Token {
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                offset += 1
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                let ends = mayEndStatement
                offset += 1
                mayEndStatement = false
                if ends {
                    let token = Token(kind: .lineEnd, range: (offset - 1)..<offset, startsLine: isAtLineStart)
                    isAtLineStart = true
                    return token
                }
                isAtLineStart = true
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                let start = offset
                while offset < bytes.count, !isLineEnd(bytes[offset]) { offset += 1 }
                comments.append(CommentSyntax(range: start..<offset, startsLine: isAtLineStart))
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                if let unterminated = skipBlockComment() { return unterminated }
            default:
                return token()
            }
        }
        return Token(kind: .end, range: offset..<offset, startsLine: isAtLineStart)
    }

    private mutating func token() -> Token {
        let start = offset
        let startsLine = isAtLineStart
        isAtLineStart = false
        let kind = scan()
        switch kind {
        case .word, .keyword, .rightBrace, .rightParenthesis, .star: mayEndStatement = true
        default: mayEndStatement = false
        }
        previousEnd = offset
        return Token(kind: kind, range: start..<offset, startsLine: startsLine)
    }

    /// Scans the token that begins here and moves behind it.
    private mutating func scan() -> Token.Kind {
        let byte = bytes[offset]
        if skipWordScalar() {
            let start = offset - 1
            while skipWordScalar() {}
            return byte < 0x80 ? keywordOrWord(start..<offset) : .word
        }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return scanString(quote: byte) }
        if byte >= 0x80 {
            offset += scalar(at: offset).length
            return .invalid(.character)
        }
        offset += 1
        switch byte {
        case UInt8(ascii: "{"): return .leftBrace
        case UInt8(ascii: "}"): return .rightBrace
        case UInt8(ascii: "("): return .leftParenthesis
        case UInt8(ascii: ")"): return .rightParenthesis
        case UInt8(ascii: "+"): return .plus
        case UInt8(ascii: "/"): return .slash
        case UInt8(ascii: ":"): return .colon
        case UInt8(ascii: ";"): return .semicolon
        case UInt8(ascii: "#"): return .hash
        case UInt8(ascii: "*"): return .star
        case UInt8(ascii: "|"): return take("|") ? .conditionMark : .pipe
        case UInt8(ascii: "&"): return take("&") ? .conditionMark : .ampersand
        case UInt8(ascii: "="): return take("=") ? .conditionMark : .equals
        case UInt8(ascii: "-"): return take(">") ? .arrow : .minus
        case UInt8(ascii: "."): return takeTwoPeriods() ? .ellipsis : .period
        case UInt8(ascii: ","): return .comma
        case UInt8(ascii: "<"): return take("=") ? .conditionMark : .less
        case UInt8(ascii: ">"): return take("=") ? .conditionMark : .greater
        case UInt8(ascii: "!"):
            _ = take("=")
            return .conditionMark
        case UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"): return .conditionMark
        default: return .invalid(.character)
        }
    }

    private func keywordOrWord(_ range: Range<Int>) -> Token.Kind {
        let keyword: Keyword? =
            switch range.count {
            case 3: match(range, .nil)
            case 4: match(range, .with)
            case 6: match(range, .caveat)
            case 8: match(range, .relation)
            case 10: match(range, .definition) ?? match(range, .permission)
            default: nil
            }
        if let keyword { return .keyword(keyword) }
        for keyword in contextual where match(range, keyword) != nil { return .keyword(keyword) }
        return .word
    }

    private func match(_ range: Range<Int>, _ keyword: Keyword) -> Keyword? {
        bytes[range].elementsEqual(keyword.rawValue.utf8) ? keyword : nil
    }

    /// Skips a scalar that belongs to a word: `_`, a letter or a decimal digit of any script.
    private mutating func skipWordScalar() -> Bool {
        guard offset < bytes.count else { return false }
        let byte = bytes[offset]
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            offset += 1
            return true
        case 0x80...:
            let (scalar, length) = scalar(at: offset)
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber:
                offset += length
                return true
            default: return false
            }
        default: return false
        }
    }

    /// The scalar whose first byte is at `offset`; the source is valid UTF-8 because it came from a `String`.
    private func scalar(at offset: Int) -> (scalar: Unicode.Scalar, length: Int) {
        let length = bytes[offset] >= 0xF0 ? 4 : bytes[offset] >= 0xE0 ? 3 : 2
        let end = min(offset + length, bytes.count)
        let decoded = String(decoding: bytes[offset..<end], as: UTF8.self).unicodeScalars.first
        return (decoded ?? "\u{FFFD}", end - offset)
    }

    /// Skips a comment; what is returned says that it has no end.
    private mutating func skipBlockComment() -> Token? {
        let start = offset
        offset += 2
        while offset < bytes.count {
            if bytes[offset] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                offset += 2
                comments.append(CommentSyntax(range: start..<offset, startsLine: isAtLineStart))
                return nil
            }
            offset += 1
        }
        return Token(kind: .invalid(.comment), range: start..<offset, startsLine: isAtLineStart)
    }

    /// Scans a text in one or three quotation marks of either kind; only the latter may span lines.
    private mutating func scanString(quote: UInt8) -> Token.Kind {
        let isLong = peek(1) == quote && peek(2) == quote
        let quoteCount = isLong ? 3 : 1
        let hasEscapes = isInCondition && !hasRawPrefix
        offset += quoteCount
        while offset < bytes.count {
            if bytes[offset] == quote, !isLong || (peek(1) == quote && peek(2) == quote) {
                offset += quoteCount
                return .string
            }
            if !isLong, isLineEnd(bytes[offset]) { break }
            offset += hasEscapes && bytes[offset] == UInt8(ascii: "\\") && offset + 1 < bytes.count ? 2 : 1
        }
        return .invalid(.string)
    }

    /// Whether what stands directly before the quotation mark here makes the text raw: `r`, `rb` or `br`.
    private var hasRawPrefix: Bool {
        guard previousEnd == offset else { return false }
        var start = offset
        while start > 0, start + 3 > offset, [UInt8(ascii: "r"), UInt8(ascii: "b")].contains(bytes[start - 1] | 0x20) {
            start -= 1
        }
        let isWhole = start == 0 || !isWordByte(bytes[start - 1])
        return isWhole && bytes[start..<offset].contains { $0 | 0x20 == UInt8(ascii: "r") }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: byte >= 0x80 || byte == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        }
    }

    private func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

    private func peek(_ distance: Int) -> UInt8? {
        offset + distance < bytes.count ? bytes[offset + distance] : nil
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard peek(0) == UInt8(ascii: mark) else { return false }
        offset += 1
        return true
    }

    private mutating func takeTwoPeriods() -> Bool {
        guard peek(0) == UInt8(ascii: "."), peek(1) == UInt8(ascii: ".") else { return false }
        offset += 2
        return true
    }
}
