// Pemba: writing JSON.
// SPDX-License-Identifier: Apache-2.0

extension ContextObject {
    /// The one text of this object: no spaces, members by the bytes of their names, which reads back as the same object.
    public var json: String {
        var writer = ContextWriter()
        writer.object(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension ContextValue {
    /// The one text of this value, as in the text of an object.
    public var json: String {
        var writer = ContextWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// Writes JSON into bytes.
private struct ContextWriter {
    var bytes: [UInt8] = []

    mutating func value(_ value: ContextValue) {
        switch value {
        case .null: text("null")
        case .bool(let value): text(value ? "true" : "false")
        case .int(let value): text(String(value))
        case .double(let value):
            precondition(value.isFinite, "a number that JSON cannot write")
            // The shortest digits that read back as the same bits; always with a point or an exponent.
            text(value.description)
        case .string(let value): string(value)
        case .list(let values):
            text("[")
            for (place, value) in values.enumerated() {
                if place > 0 { text(",") }
                self.value(value)
            }
            text("]")
        case .object(let value): object(value)
        }
    }

    mutating func object(_ object: ContextObject) {
        text("{")
        for (place, entry) in object.entries.enumerated() {
            if place > 0 { text(",") }
            string(entry.key)
            text(":")
            value(entry.value)
        }
        text("}")
    }

    private mutating func string(_ string: String) {
        text("\"")
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): text("\\\"")
            case UInt8(ascii: "\\"): text("\\\\")
            case 0x0A: text("\\n")
            case 0x0D: text("\\r")
            case 0x09: text("\\t")
            case 0..<0x20: text("\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))")
            default: bytes.append(byte)
            }
        }
        text("\"")
    }

    private mutating func text(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
