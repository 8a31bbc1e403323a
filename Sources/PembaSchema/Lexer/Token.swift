// Pemba: the tokens of the schema language.
// SPDX-License-Identifier: Apache-2.0

/// A word, mark or end of statement, and where it stands.
struct Token {
    enum Kind: Equatable {
        /// A name: letters, digits and `_`.
        case word
        case keyword(Keyword)
        /// Text in quotation marks; only imports and conditions have it.
        case string
        /// A line end that ends a statement.
        case lineEnd
        /// The end of the source.
        case end
        case semicolon
        case leftBrace
        case rightBrace
        case leftParenthesis
        case rightParenthesis
        case pipe
        case plus
        case minus
        case ampersand
        case slash
        case equals
        case colon
        case hash
        case star
        case period
        case ellipsis
        case arrow
        /// Only lists of parameters and conditions have these three.
        case comma
        case less
        case greater
        /// Any other mark that only conditions have.
        case conditionMark
        case invalid(LexicalProblem)
    }

    let kind: Kind
    /// The bytes of it.
    let range: Range<Int>
    /// Whether only spaces and comments stand before it on its line.
    let startsLine: Bool
}

/// Why a stretch of the source is no token.
enum LexicalProblem: Equatable {
    case character
    case comment
    case string
}

/// The reserved words.
///
/// Those of a `use` flag are names until the flag is set.
enum Keyword: String {
    case definition
    case caveat
    case relation
    case permission
    case `nil`
    case with
    case expiration
    case and
    case typechecking
    case `self`
    case partial
    case `import`
}

/// The flags that `use` sets, each with the words that it reserves from there on.
enum UseFlag: String, CaseIterable {
    case expiration
    case `import`
    case partial
    case `self`
    /// The schema's cluster takes only ids that SpiceDB takes (`IDRule`).
    case spiceDBIDs = "spicedb_ids"
    case typechecking

    var keywords: [Keyword] {
        switch self {
        case .expiration: [.expiration, .and]
        case .import: [.import]
        case .partial: [.partial]
        case .self: [.self]
        case .spiceDBIDs: []
        case .typechecking: [.typechecking]
        }
    }
}
