// Pemba: reads a schema into its syntax tree.
// SPDX-License-Identifier: Apache-2.0

/// Reads a schema into its syntax tree, by recursive descent with one token of lookahead.
///
/// What cannot be read is reported once and skipped: to the end of a statement inside a definition, to the next
/// definition outside. What was skipped is marked in the tree, so that later stages do not report its absence.
struct SchemaParser {
    /// A statement or block that was reported and is to be skipped.
    struct Abandoned: Error {}

    let text: SourceText
    /// The token that is looked at; never an invalid one.
    private(set) var token: Token
    /// Where the last token ended that was taken.
    private(set) var previousEnd = 0
    /// The comments on lines of their own between the last word or mark and the token.
    private(set) var comments: [CommentSyntax] = []
    var tree = SyntaxTree()
    var collector: DiagnosticCollector
    private var lexer: Lexer
    /// The start of a token that follows something invalid: what is missing there was reported with it.
    private var excusedOffset: Int?

    init(_ text: SourceText, collector: DiagnosticCollector) {
        self.text = text
        self.collector = collector
        lexer = Lexer(text)
        token = Token(kind: .end, range: 0..<0, startsLine: true)
        advance()
    }

    /// Reads the whole source.
    static func parse(_ text: SourceText, into collector: inout DiagnosticCollector) -> SyntaxTree {
        var parser = SchemaParser(text, collector: collector)
        parser.parseFile()
        collector = parser.collector
        return parser.tree
    }

    private mutating func parseFile() {
        var hasDefinition = false
        while token.kind != .end {
            switch token.kind {
            case .lineEnd, .semicolon:
                advance()
            case .keyword(.definition):
                hasDefinition = true
                if let definition = parseDefinition("definition") {
                    tree.definitions.append(definition)
                } else {
                    tree.isIncomplete = true
                }
            case .keyword(.partial):
                hasDefinition = true
                if let partial = parseDefinition("partial") {
                    tree.partials.append(partial)
                } else {
                    tree.isIncomplete = true
                }
            case .keyword(.caveat):
                hasDefinition = true
                parseCaveat()
            case .keyword(.import):
                parseImport()
            case .word where isWord("use"):
                parseUse(afterDefinition: hasDefinition)
            default:
                tree.isIncomplete = true
                reportUnexpectedAtTopLevel()
                skipToTopLevel()
            }
        }
    }

    // MARK: Tokens

    /// Goes to the next token; what is none is reported here.
    mutating func advance() {
        passToken()
        excusedOffset = nil
        var isRepeated = false
        while true {
            token = lexer.next()
            guard case .invalid(let problem) = token.kind else { break }
            // A run of unknown characters is one finding.
            if !isRepeated { report(problem, at: token.range) }
            isRepeated = true
        }
        comments += lexer.takeComments().filter(\.startsLine)
        if isRepeated { excusedOffset = token.range.lowerBound }
    }

    /// Goes to the next token without a look at what is none: for what is skipped anyway.
    mutating func advanceQuietly() {
        passToken()
        repeat { token = lexer.next() } while token.isInvalid
        comments += lexer.takeComments().filter(\.startsLine)
    }

    private mutating func passToken() {
        previousEnd = token.range.upperBound
        if token.kind != .lineEnd, !comments.isEmpty { comments = [] }
    }

    /// Whether something that is no token stood directly before the token.
    var followsInvalid: Bool { excusedOffset == token.range.lowerBound }

    /// Reads texts from here on as the schema has them, or as conditions do.
    mutating func readTexts(ofConditions: Bool) { lexer.isInCondition = ofConditions }

    mutating func enable(_ flag: UseFlag) { lexer.enable(flag) }

    func isWord(_ word: String) -> Bool {
        token.kind == .word && text.bytes[token.range].elementsEqual(word.utf8)
    }

    /// Takes the token if it is of the kind.
    mutating func take(_ kind: Token.Kind) -> Bool {
        guard token.kind == kind else { return false }
        advance()
        return true
    }

    /// Takes the mark `mark` or abandons.
    mutating func expect(_ kind: Token.Kind, _ mark: String, _ place: @autoclosure () -> String) throws(Abandoned) {
        guard !take(kind) else { return }
        throw missing(.expectedMark, "expected `\(mark)` \(place()), found \(tokenDescription)")
    }

    /// Takes a name or abandons.
    mutating func expectName(_ what: @autoclosure () -> String) throws(Abandoned) -> NameSyntax {
        guard token.kind == .word else {
            if case .keyword = token.kind {
                throw missing(
                    .expectedName,
                    "expected \(what()), found the keyword \(text.quoted(token.range))",
                    hint: "a keyword is no name; choose another"
                )
            }
            throw missing(.expectedName, "expected \(what()), found \(tokenDescription)")
        }
        let name = NameSyntax(text: text.string(token.range), range: token.range)
        advance()
        return name
    }

    /// Takes names with `/` between them, or abandons.
    mutating func expectPath(_ what: @autoclosure () -> String) throws(Abandoned) -> NameSyntax {
        let first = try expectName(what())
        guard token.kind == .slash else { return first }
        var path = first.text
        while take(.slash) { path += "/" + (try expectName("a name after `/`").text) }
        return NameSyntax(text: path, range: first.range.lowerBound..<previousEnd)
    }

    // MARK: Findings

    /// Reports that something is missing at the token, unless something invalid stood there, and abandons.
    mutating func missing(
        _ code: DiagnosticCode,
        _ message: String,
        at range: Range<Int>? = nil,
        hint: String? = nil
    ) -> Abandoned {
        if !followsInvalid {
            collector.report(code, message, at: range ?? token.range, hint: hint)
        }
        return Abandoned()
    }

    /// The token for people.
    var tokenDescription: String {
        switch token.kind {
        case .end: "the end of the schema"
        case .lineEnd: "the end of the line"
        case .keyword: "the keyword \(text.quoted(token.range))"
        default: text.quoted(token.range)
        }
    }

    private mutating func report(_ problem: LexicalProblem, at range: Range<Int>) {
        switch problem {
        case .character:
            let isMark = text.string(range) == "\u{FEFF}"
            collector.report(
                .invalidCharacter,
                "the character \(text.quoted(range)) means nothing in a schema",
                at: range,
                hint: isMark ? "save the file as UTF-8 without a byte order mark" : nil
            )
        case .comment:
            collector.report(
                .unterminated,
                "this comment does not end",
                at: range.lowerBound..<(range.lowerBound + 2),
                hint: "close it with `*/`"
            )
        case .string:
            collector.report(
                .unterminated,
                "this text does not end on its line",
                at: range,
                hint: "close it with the quotation mark that opens it"
            )
        }
    }
}

extension Token {
    /// Whether it is none.
    var isInvalid: Bool {
        if case .invalid = kind { return true }
        return false
    }
}
