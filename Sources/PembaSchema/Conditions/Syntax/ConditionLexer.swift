// Pemba: splits conditions into tokens.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Reads one token after the other.
struct ConditionLexer {
    /// Words that cannot be names, so that CEL can be put into other languages.
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    ]

    let source: SourceText
    private var position = 0

    init(_ text: String) { source = SourceText(text) }

    private var bytes: [UInt8] { source.bytes }

    mutating func next() throws(ConditionProblem) -> ConditionToken {
        skipSpace()
        let start = position
        guard let byte = peek() else { return ConditionToken(kind: .end, range: start..<start) }
        let kind: ConditionToken.Kind
        if let quotation = quotationAhead() {
            position += quotation.prefixCount
            var reader = QuotationReader(bytes, at: position, start: start)
            kind = .literal(try reader.read(isRaw: quotation.isRaw, isBytes: quotation.isBytes))
            position = reader.position
        } else if ConditionLexer.isNameStart(byte) {
            kind = name()
        } else if ConditionLexer.isDigit(byte)
            || byte == UInt8(ascii: ".") && peek(1).map(ConditionLexer.isDigit) == true
        {
            kind = try number()
        } else {
            kind = try mark()
        }
        return ConditionToken(kind: kind, range: start..<position)
    }

    /// Space and comments, which run to the end of their lines.
    private mutating func skipSpace() {
        while let byte = peek() {
            switch byte {
            case 0x09, 0x0A, 0x0C, 0x0D, 0x20: position += 1
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                while let byte = peek(), byte != 0x0A { position += 1 }
            default: return
            }
        }
    }

    // MARK: Names and marks

    private mutating func name() -> ConditionToken.Kind {
        let start = position
        while let byte = peek(), ConditionLexer.isNameStart(byte) || ConditionLexer.isDigit(byte) { position += 1 }
        switch source.string(start..<position) {
        case "true", "false", "null", "in": return .keyword
        case let word where ConditionLexer.reserved.contains(word): return .reserved
        default: return .identifier
        }
    }

    private mutating func mark() throws(ConditionProblem) -> ConditionToken.Kind {
        let rest = bytes[position...]
        if let mark = ConditionMark.allCases.first(where: { rest.starts(with: $0.rawValue.utf8) }) {
            position += mark.rawValue.utf8.count
            return .mark(mark)
        }
        var end = position + 1
        while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
        let hint: String?
        switch bytes[position] {
        case UInt8(ascii: "="): hint = "equality is written `==`"
        case UInt8(ascii: "&"): hint = "both is written `&&`"
        case UInt8(ascii: "|"): hint = "either is written `||`"
        default: hint = nil
        }
        throw ConditionProblem(
            .syntax,
            "the character \(source.quoted(position..<end)) means nothing in a condition",
            at: position..<end,
            hint: hint
        )
    }

    // MARK: Numbers

    private mutating func number() throws(ConditionProblem) -> ConditionToken.Kind {
        let start = position
        if peek() == UInt8(ascii: "0"), peek(1) == UInt8(ascii: "x") || peek(1) == UInt8(ascii: "X") {
            position += 2
            let first = position
            skip { Unicode.Scalar($0).properties.isASCIIHexDigit }
            return try integer(start, UInt64(source.string(first..<position), radix: 16))
        }
        skip(while: ConditionLexer.isDigit)
        var isDouble = false
        if peek() == UInt8(ascii: "."), peek(1).map(ConditionLexer.isDigit) == true {
            isDouble = true
            position += 1
            skip(while: ConditionLexer.isDigit)
        }
        if exponentAhead() {
            isDouble = true
            position += ConditionLexer.isDigit(bytes[position + 1]) ? 1 : 2
            skip(while: ConditionLexer.isDigit)
        }
        guard isDouble else { return try integer(start, UInt64(source.string(start..<position))) }
        try requireEnd(of: start)
        guard let double = Double(source.string(start..<position)), double.isFinite else { throw badNumber(start) }
        return .literal(.double(double))
    }

    private func exponentAhead() -> Bool {
        guard peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E"), let next = peek(1) else { return false }
        if ConditionLexer.isDigit(next) { return true }
        return (next == UInt8(ascii: "+") || next == UInt8(ascii: "-")) && peek(2).map(ConditionLexer.isDigit) == true
    }

    /// Digits that have been read, with the `u` that may follow.
    private mutating func integer(
        _ start: Int,
        _ magnitude: UInt64?
    ) throws(ConditionProblem) -> ConditionToken.Kind {
        let isUnsigned = peek() == UInt8(ascii: "u") || peek() == UInt8(ascii: "U")
        if isUnsigned { position += 1 }
        try requireEnd(of: start)
        guard let magnitude else { throw badNumber(start) }
        return isUnsigned ? .literal(.uint(magnitude)) : .integer(magnitude: magnitude)
    }

    /// A number ends before letters.
    private mutating func requireEnd(of start: Int) throws(ConditionProblem) {
        guard let byte = peek(), ConditionLexer.isNameStart(byte) else { return }
        skip { ConditionLexer.isNameStart($0) || ConditionLexer.isDigit($0) }
        throw badNumber(start)
    }

    private func badNumber(_ start: Int) -> ConditionProblem {
        ConditionProblem(
            .syntax,
            "\(source.quoted(start..<position)) is no number, or does not fit 64 bits",
            at: start..<position
        )
    }

    // MARK: Bytes

    /// What introduces a text or bytes: at most one `r` and one `b` before a quotation mark.
    private func quotationAhead() -> (prefixCount: Int, isRaw: Bool, isBytes: Bool)? {
        var isRaw = false
        var isBytes = false
        for count in 0...2 {
            switch peek(count) {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): return (count, isRaw, isBytes)
            case UInt8(ascii: "r"), UInt8(ascii: "R"):
                if isRaw { return nil }
                isRaw = true
            case UInt8(ascii: "b"), UInt8(ascii: "B"):
                if isBytes { return nil }
                isBytes = true
            default: return nil
            }
        }
        return nil
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    private mutating func skip(while belongs: (UInt8) -> Bool) {
        while let byte = peek(), belongs(byte) { position += 1 }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
