// Pemba: reads regular expressions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Reads RE2's syntax, by recursive descent bounded by `Limits.expressionDepth`.
struct RegexParser {
    /// The most times that a part may be repeated by number, as in RE2.
    static let repetitionMax = 1_000

    let pattern: String
    let scalars: [Unicode.Scalar]
    var position = 0
    var flags = Flags()
    var depth = 0

    /// What `(?…)` switches.
    struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotTakesLineFeed = false
    }

    init(_ pattern: String) {
        self.pattern = pattern
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(RegularExpressionError) -> RegexSyntax {
        let syntax = try alternatives()
        guard peek == nil else { throw error("this `)` closes nothing") }
        return syntax
    }

    // MARK: Structure

    mutating func alternatives() throws(RegularExpressionError) -> RegexSyntax {
        depth += 1
        guard depth <= Limits.expressionDepth else {
            throw error("groups stand at most \(Limits.expressionDepth) deep in each other")
        }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        depth -= 1
        return parts.count == 1 ? parts[0] : .alternatives(parts)
    }

    mutating func sequence() throws(RegularExpressionError) -> RegexSyntax {
        var parts: [RegexSyntax] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            guard let part = try atom() else { continue }
            parts.append(try repeated(part))
        }
        return .sequence(parts)
    }

    /// One part without what repeats it; nil for what only switches flags.
    mutating func atom() throws(RegularExpressionError) -> RegexSyntax? {
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case ".": return .characters(flags.dotTakesLineFeed ? .any : .notLineFeed)
        case "^": return .position(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .position(flags.isMultiline ? .lineEnd : .textEnd)
        case "(": return try group()
        case "[": return characters(try bracket())
        case "\\": return try escape()
        case "*", "+", "?": throw error("there is nothing that `\(scalar)` could repeat")
        default: return characters(CharacterClass(scalar))
        }
    }

    func characters(_ characters: CharacterClass) -> RegexSyntax {
        .characters(flags.ignoresCase ? characters.ignoringCase : characters)
    }

    // MARK: Repetition

    mutating func repeated(_ part: RegexSyntax) throws(RegularExpressionError) -> RegexSyntax {
        guard let (min, max) = try repetition() else { return part }
        // Laziness says which match is found first, which nobody asks.
        _ = take("?")
        guard try repetition() == nil else { throw error("one repetition follows another; put the first in `(?:…)`") }
        return .repeated(part, min: min, max: max)
    }

    mutating func repetition() throws(RegularExpressionError) -> (min: Int, max: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        return try counted()
    }

    /// `{n}`, `{n,}` or `{n,m}`; a `{` that begins none of them is a character like others.
    mutating func counted() throws(RegularExpressionError) -> (min: Int, max: Int?)? {
        let start = position
        guard take("{"), let min = number() else {
            position = start
            return nil
        }
        var max: Int? = min
        if take(",") { max = number() }
        guard take("}") else {
            position = start
            return nil
        }
        guard min <= RegexParser.repetitionMax, max ?? min <= RegexParser.repetitionMax else {
            throw error("a part is repeated at most \(RegexParser.repetitionMax) times")
        }
        guard max ?? min >= min else { throw error("a repetition has the smaller number first") }
        return (min, max)
    }

    /// A number, which stops growing beyond what is allowed anyway.
    mutating func number() -> Int? {
        var value: Int?
        while let scalar = peek, ("0"..."9").contains(scalar) {
            position += 1
            value = min((value ?? 0) * 10 + Int(scalar.value - 0x30), RegexParser.repetitionMax + 1)
        }
        return value
    }

    // MARK: Groups

    mutating func group() throws(RegularExpressionError) -> RegexSyntax? {
        let outer = flags
        if take("?") {
            if peek == "P" || peek == "<" {
                try groupName()
            } else if try !groupFlags() {
                // `(?i)` is in force up to the end of the group around it.
                return nil
            }
        }
        let syntax = try alternatives()
        guard take(")") else { throw error("a `(` is not closed") }
        flags = outer
        return syntax
    }

    /// `P<name>` or `<name>`.
    mutating func groupName() throws(RegularExpressionError) {
        _ = take("P")
        guard take("<") else { throw error("`(?P` is followed by `<name>`") }
        let start = position
        while let scalar = peek, scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
            position += 1
        }
        guard position > start else {
            throw error("a group's name consists of letters, digits and `_`; there is no looking ahead or behind")
        }
        guard take(">") else { throw error("a group's name ends with `>`") }
    }

    /// Flags up to `:`, after which a group follows, or up to `)`, after which none does (false).
    mutating func groupFlags() throws(RegularExpressionError) -> Bool {
        var isOn = true
        while let scalar = peek {
            position += 1
            switch scalar {
            case "i": flags.ignoresCase = isOn
            case "m": flags.isMultiline = isOn
            case "s": flags.dotTakesLineFeed = isOn
            // It swaps greedy and lazy, which makes no difference here.
            case "U": break
            case "-" where isOn: isOn = false
            case ":": return true
            case ")": return false
            default: throw error("`(?` is followed by `:`, a group's name or the flags `i`, `m`, `s` and `U`")
            }
        }
        throw error("a `(` is not closed")
    }

    // MARK: Scalars

    var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    func error(_ reason: String, isUnsupported: Bool = false) -> RegularExpressionError {
        RegularExpressionError(pattern: pattern, reason: reason, isUnsupported: isUnsupported)
    }
}
