// Pemba: ids in quotes, and the marks of relationship text around them.
// SPDX-License-Identifier: Apache-2.0

/// Ids as relationship text has them: as they are, or, where they hold what marks the parts of a text, in quotes as a JSON
/// string (`document:"a#b"`).
enum QuotedID {
    /// What begins and ends an id in quotes.
    static let quote = UInt8(ascii: "\"")

    /// An id as it is written: in quotes only where it has to be, and where it holds `mark`.
    static func text(of id: String, quoting mark: Unicode.Scalar? = nil) -> String {
        guard needsQuotes(id) || id.unicodeScalars.contains(where: { $0 == mark }) else { return id }
        var text = "\""
        for scalar in id.unicodeScalars {
            switch scalar {
            case "\"", "\\": text.unicodeScalars.append(contentsOf: ["\\", scalar])
            case " ": text.unicodeScalars.append(scalar)
            case _ where isEscaped(scalar): text += scalar.jsonEscape
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// The id that is written so.
    static func id(of text: Substring) throws(ContextTextError) -> String {
        guard text.utf8.first == quote else { return String(text) }
        var reader = ContextReader(String(text))
        return try reader.readString()
    }

    private static func needsQuotes(_ id: String) -> Bool {
        var isASCII = true
        for byte in id.utf8 {
            switch byte {
            case 0...0x20, 0x7F, quote, UInt8(ascii: "#"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
                UInt8(ascii: "}"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: ","):
                return true
            case 0x80...: isASCII = false
            default: break
            }
        }
        return !isASCII && id.unicodeScalars.contains { $0.value >= 0x80 && isEscaped($0) }
    }

    /// Whether a scalar is written as an escape: nobody would see it, or a validation file cannot hold it.
    private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isForbiddenInYAML || scalar.properties.isWhitespace
    }
}

extension Unicode.Scalar {
    /// Whether it ends a line of YAML, or may not stand there.
    package var isForbiddenInYAML: Bool {
        switch value {
        case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    /// `\uXXXX`, for one of the first 65,536.
    package var jsonEscape: String {
        precondition(value <= 0xFFFF, "an escape of JSON has four digits")
        let digits = String(value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension Substring {
    /// Where the first of `marks` stands outside of quotes; nil for nowhere.
    ///
    /// Quotes begin right behind a `:`. Those that do not end are none: what reads the id says so.
    package func firstMark(_ marks: String...) -> Range<Index>? {
        var place = startIndex
        var isAfterColon = false
        while place < endIndex {
            let byte = utf8[place]
            if isAfterColon, byte == QuotedID.quote, let end = endOfQuotes(from: place) {
                place = end
                isAfterColon = false
                continue
            }
            let rest = utf8[place...]
            for mark in marks where rest.starts(with: mark.utf8) {
                return place..<utf8.index(place, offsetBy: mark.utf8.count)
            }
            isAfterColon = byte == UInt8(ascii: ":")
            place = utf8.index(after: place)
        }
        return nil
    }

    /// The parts between all marks that stand outside of quotes.
    package func parts(at mark: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self
        while let found = rest.firstMark(mark) {
            parts.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return parts + [rest]
    }

    /// Behind the quotes that begin at a place; nil if they do not end.
    private func endOfQuotes(from start: Index) -> Index? {
        var place = utf8.index(after: start)
        while place < endIndex {
            switch utf8[place] {
            case QuotedID.quote: return utf8.index(after: place)
            case UInt8(ascii: "\\"): place = utf8.index(after: place)
            default: break
            }
            guard place < endIndex else { return nil }
            place = utf8.index(after: place)
        }
        return nil
    }
}
