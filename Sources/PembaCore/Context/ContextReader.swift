// Pemba: reading JSON (RFC 8259).
// SPDX-License-Identifier: Apache-2.0

/// Why a text is not the context of a condition.
public struct ContextTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bytes before the place at which the text breaks the rule.
    public let offset: Int
    /// The rule, and what to write instead.
    public let reason: String

    /// Both, for people.
    public var description: String { "this context is not a JSON object: at byte \(offset), \(reason)" }
}

extension ContextObject {
    /// Reads a JSON object of at most `bytesMax` bytes, strictly as RFC 8259 has it; no name may occur twice in one object.
    public init(parsing json: String, bytesMax: Int = Limits.storedContextBytes) throws(ContextTextError) {
        var reader = ContextReader(json)
        guard reader.bytes.count <= bytesMax else {
            throw ContextTextError(
                offset: bytesMax,
                reason: "it goes on beyond its \(bytesMax) bytes; \(reader.bytes.count) were given"
            )
        }
        self = try reader.readDocument()
    }
}

/// Reads one JSON text from the left, by recursive descent bounded by `Limits.contextDepth`.
struct ContextReader {
    let bytes: [UInt8]
    private var position = 0

    init(_ json: String) { bytes = Array(json.utf8) }

    mutating func readDocument() throws(ContextTextError) -> ContextObject {
        skipSpace()
        guard peek == UInt8(ascii: "{") else { throw error("an object begins with `{`") }
        guard case .object(let object) = try value(depth: 1) else { throw error("an object begins with `{`") }
        skipSpace()
        guard position == bytes.count else { throw error("nothing follows the object") }
        return object
    }

    /// Reads a text that is one string and nothing else.
    mutating func readString() throws(ContextTextError) -> String {
        guard peek == UInt8(ascii: "\"") else { throw error("a string begins with `\"`") }
        let text = try string()
        guard position == bytes.count else { throw error("nothing follows the string") }
        return text
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(ContextTextError) -> ContextValue {
        switch peek {
        case UInt8(ascii: "{"):
            return .object(try object(depth: depth))
        case UInt8(ascii: "["):
            return .list(try list(depth: depth))
        case UInt8(ascii: "\""):
            return .string(try string())
        case .some(let byte) where byte == UInt8(ascii: "-") || ContextReader.isDigit(byte):
            return try number()
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default:
            throw error("a value is missing: a string, a number, an object, an array, `true`, `false` or `null`")
        }
    }

    private mutating func object(depth: Int) throws(ContextTextError) -> ContextObject {
        let start = position
        try enter(depth)
        var entries: [ContextObject.Entry] = []
        if !take("}") {
            repeat {
                skipSpace()
                guard peek == UInt8(ascii: "\"") else { throw error("the name of a member stands in `\"`") }
                let key = try string()
                skipSpace()
                guard take(":") else { throw error("a `:` follows the name of a member") }
                skipSpace()
                entries.append(ContextObject.Entry(key: key, value: try value(depth: depth + 1)))
                skipSpace()
            } while take(",")
            guard take("}") else { throw error("`,` or `}` follows a member") }
        }
        let object = ContextObject(sorting: entries)
        if let duplicate = object.firstDuplicate {
            throw ContextTextError(offset: start, reason: "the name `\(duplicate)` occurs twice; leave one of them out")
        }
        return object
    }

    private mutating func list(depth: Int) throws(ContextTextError) -> [ContextValue] {
        try enter(depth)
        var values: [ContextValue] = []
        guard !take("]") else { return values }
        repeat {
            skipSpace()
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw error("`,` or `]` follows an element") }
        return values
    }

    /// Takes the opening mark of an object or array.
    private mutating func enter(_ depth: Int) throws(ContextTextError) {
        guard depth <= Limits.contextDepth else {
            throw error("objects and arrays stand at most \(Limits.contextDepth) deep in each other")
        }
        position += 1
        skipSpace()
    }

    private mutating func word(_ word: String) throws(ContextTextError) {
        guard bytes[position...].starts(with: word.utf8) else {
            throw error("words other than `true`, `false` and `null` stand in `\"`")
        }
        position += word.utf8.count
    }

    private mutating func number() throws(ContextTextError) -> ContextValue {
        let start = position
        _ = take("-")
        let first = position
        try digits()
        guard bytes[first] != UInt8(ascii: "0") || position == first + 1 else {
            position = first
            throw error("a number does not begin with a needless 0")
        }
        var isIntegral = true
        if take(".") {
            isIntegral = false
            try digits()
        }
        if take("e") || take("E") {
            isIntegral = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isIntegral, let integer = Int64(text) { return .int(integer) }
        guard let double = Double(text), double.isFinite else {
            position = start
            throw error("this number is too large for 64 bits of floating point")
        }
        return .double(double)
    }

    private mutating func digits() throws(ContextTextError) {
        let start = position
        while let byte = peek, ContextReader.isDigit(byte) { position += 1 }
        guard position > start else { throw error("a digit is missing in this number") }
    }

    // MARK: Strings

    private mutating func string() throws(ContextTextError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20:
                throw error("a control character in a string is written as an escape, such as `\\n` or `\\u0000`")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw error("this string does not end")
    }

    private mutating func escape() throws(ContextTextError) -> Unicode.Scalar {
        position += 1
        guard let letter = peek else { throw error("this string does not end") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default:
            position -= 1
            throw error("after `\\` stands one of `\" \\ / b f n r t u`")
        }
    }

    /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair.
    private mutating func escapedScalar() throws(ContextTextError) -> Unicode.Scalar {
        let start = position - 2
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        if (0xD800..<0xDC00).contains(first), bytes[position...].starts(with: "\\u".utf8) {
            position += 2
            let second = try hexadecimal()
            if (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
            {
                return scalar
            }
        }
        position = start
        throw error("this is half of a surrogate pair and no character")
    }

    private mutating func hexadecimal() throws(ContextTextError) -> UInt32 {
        guard bytes.count - position >= 4, bytes[position..<position + 4].allSatisfy(Unicode.Scalar.isHexadecimal),
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits follow `\\u`") }
        position += 4
        return value
    }

    // MARK: Bytes

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func error(_ reason: String) -> ContextTextError { ContextTextError(offset: position, reason: reason) }
}

extension Unicode.Scalar {
    /// Whether a byte is a hexadecimal digit.
    fileprivate static func isHexadecimal(_ byte: UInt8) -> Bool { Unicode.Scalar(byte).properties.isASCIIHexDigit }
}
