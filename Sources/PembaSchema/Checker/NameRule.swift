// Pemba: the rules for names in schemas.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// The rules for names in schemas: SpiceDB's, and for parameters that of the condition language.
enum NameRule {
    /// One or more parts of 3 to 64 characters with `/` between them.
    case definition
    /// One part of 3 to 64 characters.
    case relation
    /// Letters, digits and `_`, in parts with `/` between them.
    case caveat
    /// A name that conditions can write.
    case parameter

    /// The rule for people.
    var text: String {
        let part = "3 to \(Limits.relationNameBytes) of a-z, 0-9 and `_`, a letter first, no `_` last"
        return switch self {
        case .definition: "it takes \(part), or several such parts with `/` between them, \(bytesMax) bytes in all"
        case .relation: "it takes \(part)"
        case .caveat: "it takes a-z, A-Z, 0-9, `_` and `/`, \(bytesMax) bytes in all"
        case .parameter: "it takes a-z, A-Z, 0-9 and `_`, no digit first, \(bytesMax) bytes in all"
        }
    }

    /// Whether a name follows the rule.
    func admits(_ name: String) -> Bool {
        guard name.utf8.count <= bytesMax else { return false }
        switch self {
        case .relation: return NameRule.isPart(name.utf8[...])
        case .definition:
            return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                .allSatisfy(NameRule.isPart)
        case .caveat:
            return name.utf8.first != UInt8(ascii: "/")
                && name.utf8.allSatisfy { NameRule.isWord($0) || $0 == UInt8(ascii: "/") }
        case .parameter:
            let startsWithDigit = name.utf8.first.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? true
            return !startsWithDigit && name.utf8.allSatisfy(NameRule.isWord)
        }
    }

    private var bytesMax: Int {
        switch self {
        case .definition: Limits.definitionNameBytes
        case .relation: Limits.relationNameBytes
        case .caveat, .parameter: Limits.caveatNameBytes
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isPart(_ part: Substring.UTF8View) -> Bool {
        guard 3...Limits.relationNameBytes ~= part.count, let first = part.first, let last = part.last else {
            return false
        }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters ~= first && last != UInt8(ascii: "_")
            && part.allSatisfy { letters ~= $0 || digits ~= $0 || $0 == UInt8(ascii: "_") }
    }
}
