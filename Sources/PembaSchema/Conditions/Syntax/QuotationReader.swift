// Pemba: reads texts and bytes that a condition quotes.
// SPDX-License-Identifier: Apache-2.0

/// Reads one quotation, from its first quotation mark on.
struct QuotationReader {
    private let bytes: [UInt8]
    /// Where the token begins, which prefixes may come before.
    private let start: Int
    private(set) var position: Int

    init(_ bytes: [UInt8], at position: Int, start: Int) {
        self.bytes = bytes
        self.position = position
        self.start = start
    }

    mutating func read(isRaw: Bool, isBytes: Bool) throws(ConditionProblem) -> ConditionValue {
        let mark = bytes[position]
        let isTriple = bytes[position...].starts(with: [mark, mark, mark])
        let end = [UInt8](repeating: mark, count: isTriple ? 3 : 1)
        position += end.count
        var content: [UInt8] = []
        while position < bytes.count {
            let rest = bytes[position...]
            if rest.starts(with: end) {
                position += end.count
                if isBytes { return .bytes(content) }
                return .string(String(decoding: content, as: UTF8.self))
            }
            guard isTriple || (bytes[position] != 0x0A && bytes[position] != 0x0D) else { break }
            if bytes[position] == UInt8(ascii: "\\"), !isRaw {
                content.append(contentsOf: try escape(isBytes: isBytes))
            } else if bytes[position] == 0x0D {
                // A text means the same whatever ends the lines of its file.
                content.append(0x0A)
                position += bytes[position...].starts(with: [0x0D, 0x0A]) ? 2 : 1
            } else {
                content.append(bytes[position])
                position += 1
            }
        }
        throw ConditionProblem(
            .syntax,
            "this text does not end",
            at: start..<position,
            hint: isTriple ? "close it with the three quotation marks that open it" : "close it on its line"
        )
    }

    /// The bytes of an escape.
    ///
    /// In bytes, numbers up to 255 are single bytes; in texts they are characters.
    private mutating func escape(isBytes: Bool) throws(ConditionProblem) -> [UInt8] {
        let start = position
        position += 1
        guard position < bytes.count else { return [] }
        let letter = bytes[position]
        position += 1
        switch letter {
        case UInt8(ascii: "a"): return [0x07]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "v"): return [0x0B]
        case UInt8(ascii: "\\"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
            return [letter]
        case UInt8(ascii: "x"), UInt8(ascii: "X"):
            return try number(digits: 2, radix: 16, from: start, isBytes: isBytes)
        case UInt8(ascii: "u") where !isBytes: return try number(digits: 4, radix: 16, from: start, isBytes: false)
        case UInt8(ascii: "U") where !isBytes: return try number(digits: 8, radix: 16, from: start, isBytes: false)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            position -= 1
            return try number(digits: 3, radix: 8, from: start, isBytes: isBytes)
        default:
            throw badEscape(start..<position)
        }
    }

    private mutating func number(
        digits: Int,
        radix: Int,
        from start: Int,
        isBytes: Bool
    ) throws(ConditionProblem) -> [UInt8] {
        let end = min(position + digits, bytes.count)
        let written = bytes[position..<end]
        guard written.count == digits, written.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: written, as: UTF8.self), radix: radix)
        else { throw badEscape(start..<end) }
        position = end
        if isBytes { return [UInt8(truncatingIfNeeded: value)] }
        guard let scalar = Unicode.Scalar(value) else { throw badEscape(start..<end) }
        return Array(String(scalar).utf8)
    }

    private func badEscape(_ range: Range<Int>) -> ConditionProblem {
        ConditionProblem(
            .syntax,
            "this `\\` begins no character",
            at: range,
            hint: "write `\\\\` for the mark itself, or put `r` before the quotation mark, as in `r'\\d'`"
        )
    }
}
