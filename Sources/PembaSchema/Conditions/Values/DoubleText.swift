// Pemba: numbers with a fraction as texts.
// SPDX-License-Identifier: Apache-2.0

/// Numbers with a fraction as CEL writes and reads them, whose texts are those of Go.
enum DoubleText {
    /// Reads a decimal number, or a word for what is none; nil where the text is neither, or too large a number.
    static func parse(_ text: String) -> Double? {
        if isDecimal(text) { return decimal(text) }
        let word = text.lowercased()
        let unsigned = word.hasPrefix("-") || word.hasPrefix("+") ? word.dropFirst() : word[...]
        return unsigned == "inf" || unsigned == "infinity" || word == "nan" ? Double(text) : nil
    }

    /// Reads a decimal number; nil where the text is none, or too large a number.
    static func decimal(_ text: String) -> Double? {
        guard isDecimal(text), let number = Double(text), number.isFinite else { return nil }
        return number
    }

    /// Whether all of a text could belong to a decimal number: the standard library also reads words and hexadecimal.
    static func isDecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
    }

    /// The shortest text that is read as the number, without a fraction that is zero, and from a million on with an
    /// exponent: `1.5`, `100000`, `1.5e+06`.
    static func describe(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Inf" : "+Inf" }
        let shortest = number.description
        guard number.magnitude >= 1e6, !shortest.utf8.contains(UInt8(ascii: "e")) else {
            return shortest.hasSuffix(".0") ? String(shortest.dropLast(2)) : shortest
        }
        let parts = number.magnitude.description.split(separator: ".")
        var digits = Substring(parts.joined())
        while digits.last == "0" { digits.removeLast() }
        let exponent = parts[0].utf8.count - 1
        let fraction = digits.utf8.count > 1 ? "." + digits.dropFirst() : ""
        return (number < 0 ? "-" : "") + digits.prefix(1) + fraction + "e+" + (exponent < 10 ? "0" : "")
            + String(exponent)
    }
}
