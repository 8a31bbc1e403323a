// Pemba: the tokens of conditions.
// SPDX-License-Identifier: Apache-2.0

/// A token of an expression.
struct ConditionToken: Sendable {
    enum Kind: Sendable {
        case identifier
        /// `true`, `false`, `null` or `in`.
        case keyword
        /// A word that the language keeps for later.
        case reserved
        case mark(ConditionMark)
        /// Digits without a sign: whether they fit depends on the sign that may stand before them.
        case integer(magnitude: UInt64)
        /// A `uint`, a `double`, a `string` or `bytes`.
        case literal(ConditionValue)
        case end
    }

    let kind: Kind
    /// Where it stands, in bytes.
    let range: Range<Int>

    /// Whether it is this mark.
    func isMark(_ mark: ConditionMark) -> Bool {
        if case .mark(mark) = kind { return true }
        return false
    }
}

/// A mark; longer ones come before those that they begin with.
enum ConditionMark: String, Sendable, CaseIterable {
    case and = "&&"
    case or = "||"
    case equal = "=="
    case notEqual = "!="
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case less = "<"
    case greater = ">"
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case percent = "%"
    case not = "!"
    case question = "?"
    case colon = ":"
    case period = "."
    case comma = ","
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case leftBracket = "["
    case rightBracket = "]"
    case leftBrace = "{"
    case rightBrace = "}"
}
