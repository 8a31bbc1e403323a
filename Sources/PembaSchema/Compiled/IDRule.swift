// Pemba: the rules for ids that a schema can demand.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Which ids of objects and subjects relationships may have.
package enum IDRule: Sendable, Equatable {
    /// Any text of 1 to `Limits.objectIDBytes` bytes without control characters.
    case any
    /// SpiceDB's: letters, digits and `/ _ | - = +`; demanded by `use spicedb_ids`.
    case spiceDB

    /// Whether the rule admits the bytes of an id; of length and control characters others take care.
    ///
    /// The `*` of a wildcard is an id of every rule: where it may stand does not depend on the schema.
    package func admits(_ id: some Collection<UInt8>) -> Bool {
        switch self {
        case .any: true
        case .spiceDB: id.allSatisfy(IDRule.isOfSpiceDB) || id.elementsEqual(SubjectReference.wildcardID.utf8)
        }
    }

    /// What is wrong with an id, for people; nil if nothing is.
    package func problem(of id: String) -> String? {
        guard !admits(id.utf8) else { return nil }
        return "the schema demands SpiceDB's ids (`use spicedb_ids`), which take a-z, A-Z, 0-9 and `/ _ | - = +`; "
            + "encode the id, or take the flag out of the schema"
    }

    private static func isOfSpiceDB(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "|"),
            UInt8(ascii: "-"), UInt8(ascii: "="), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
