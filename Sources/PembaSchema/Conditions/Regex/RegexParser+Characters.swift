// Pemba: reads characters and classes of them in regular expressions.
// SPDX-License-Identifier: Apache-2.0

extension RegexParser {
    mutating func escape() throws(RegularExpressionError) -> RegexSyntax {
        switch peek {
        case "A": return consumed(.position(.textStart))
        case "z": return consumed(.position(.textEnd))
        case "b": return consumed(.position(.wordBoundary))
        case "B": return consumed(.position(.noWordBoundary))
        case "Q":
            position += 1
            return quotation()
        default: break
        }
        if let known = takeEscapedClass() { return characters(known) }
        return characters(CharacterClass(try escapedScalar()))
    }

    mutating func consumed(_ syntax: RegexSyntax) -> RegexSyntax {
        position += 1
        return syntax
    }

    /// Everything up to `\E` as it stands.
    mutating func quotation() -> RegexSyntax {
        var parts: [RegexSyntax] = []
        while let scalar = peek {
            position += 1
            if scalar == "\\", take("E") { break }
            parts.append(characters(CharacterClass(scalar)))
        }
        return .sequence(parts)
    }

    /// The class of a letter after `\`.
    mutating func takeEscapedClass() -> CharacterClass? {
        let known: CharacterClass
        switch peek {
        case "d": known = .digit
        case "D": known = .digit.inverted
        case "w": known = .word
        case "W": known = .word.inverted
        case "s": known = .space
        case "S": known = .space.inverted
        default: return nil
        }
        position += 1
        return known
    }

    /// The character after `\`.
    mutating func escapedScalar() throws(RegularExpressionError) -> Unicode.Scalar {
        guard let scalar = peek else { throw error("a `\\` at the end escapes nothing") }
        position += 1
        switch scalar {
        case "a": return "\u{7}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{B}"
        case "x": return try hexadecimal()
        case "0"..."7":
            // One digit after 1 to 7 would be a reference back, which no linear search can follow.
            let digits = scalars[position...].prefix { ("0"..."7").contains($0) }.prefix(2)
            guard scalar == "0" || !digits.isEmpty else {
                throw error("there are no references back such as `\\1`", isUnsupported: true)
            }
            position += digits.count
            let value = digits.reduce(scalar.value - 0x30) { $0 * 8 + $1.value - 0x30 }
            guard let result = Unicode.Scalar(value) else { throw error("this is no character") }
            return result
        case "p", "P": throw error("classes of Unicode such as `\\p{L}` are not supported", isUnsupported: true)
        case "C": throw error("`\\C` is not supported", isUnsupported: true)
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
                throw error("`\\\(scalar)` means nothing")
            }
            return scalar
        }
    }

    /// Two hexadecimal digits, or any number of them in braces.
    mutating func hexadecimal() throws(RegularExpressionError) -> Unicode.Scalar {
        let isBraced = take("{")
        let digits = scalars[position...].prefix { $0.properties.isASCIIHexDigit }.prefix(isBraced ? 8 : 2)
        position += digits.count
        guard isBraced ? take("}") : digits.count == 2,
            let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16), let scalar = Unicode.Scalar(value)
        else { throw error("a character is written `\\x41` or `\\x{1F600}`") }
        return scalar
    }

    /// The characters between `[` and `]`.
    mutating func bracket() throws(RegularExpressionError) -> CharacterClass {
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while isFirst || peek != "]" {
            isFirst = false
            guard let scalar = peek else { throw error("a `[` is not closed") }
            if scalar == "[", position + 1 < scalars.count, scalars[position + 1] == ":" {
                ranges += try posixClass().ranges
                continue
            }
            position += 1
            if scalar == "\\", let known = takeEscapedClass() {
                ranges += known.ranges
                continue
            }
            let first = scalar == "\\" ? try escapedScalar() : scalar
            ranges.append(first.value...(try rangeEnd(after: first)).value)
        }
        position += 1
        let characters = CharacterClass(ranges)
        return isNegated ? characters.negated : characters
    }

    /// The last character of a range that may begin with `first`.
    mutating func rangeEnd(after first: Unicode.Scalar) throws(RegularExpressionError) -> Unicode.Scalar {
        guard peek == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else { return first }
        position += 1
        let scalar = scalars[position]
        position += 1
        if scalar == "\\", takeEscapedClass() != nil { throw error("a range ends with a character, not with a class") }
        let last = scalar == "\\" ? try escapedScalar() : scalar
        guard first.value <= last.value else { throw error("the range `\(first)-\(last)` is the wrong way round") }
        return last
    }

    /// `[:name:]` or `[:^name:]`.
    mutating func posixClass() throws(RegularExpressionError) -> CharacterClass {
        position += 2
        let isNegated = take("^")
        let start = position
        while let scalar = peek, scalar.properties.isAlphabetic { position += 1 }
        let name = String(String.UnicodeScalarView(scalars[start..<position]))
        guard take(":"), take("]"), let known = CharacterClass.posix(name) else {
            throw error("`[:\(name):]` is no class of characters")
        }
        return isNegated ? known.inverted : known
    }
}
