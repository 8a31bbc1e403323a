// Pemba: what a tuple has beside its key, as it stands in the log and in imports.
// SPDX-License-Identifier: Apache-2.0

/// What a tuple has beside its key, by bit.
package enum TraitFlags {
    /// A caveat: its name, and its context as JSON.
    package static let caveat: UInt8 = 1
    /// An i64: when it stops to count.
    package static let expiresAt: UInt8 = 2
    /// An i64: when it begins to count.
    package static let notBefore: UInt8 = 4
    /// All of them.
    package static let all: UInt8 = 7
}

extension RelationTuple {
    /// Which traits the tuple has.
    package var traitFlags: UInt8 {
        guard !isPlain else { return 0 }
        return (caveat == nil ? 0 : TraitFlags.caveat) | (expiresAt == nil ? 0 : TraitFlags.expiresAt)
            | (notBefore == nil ? 0 : TraitFlags.notBefore)
    }

    /// Appends the traits that there are.
    package func encodeTraitFields(into writer: inout ByteWriter) {
        if let caveat {
            writer.string(caveat.name)
            writer.context(caveat.context)
        }
        if let expiresAt { writer.integer(expiresAt.nanoseconds) }
        if let notBefore { writer.integer(notBefore.nanoseconds) }
    }

    /// Reads the traits that `flags` says.
    package mutating func readTraitFields(_ flags: UInt8, _ reader: inout ByteReader) throws(ByteError) {
        if flags & TraitFlags.caveat != 0 {
            let name = try reader.string(limit: Limits.caveatNameBytes)
            let context = try reader.context(field: "caveat context", limit: Limits.storedContextBytes)
            caveat = CaveatReference(name: name, context: context)
        }
        if flags & TraitFlags.expiresAt != 0 { expiresAt = Timestamp(nanoseconds: try reader.integer()) }
        if flags & TraitFlags.notBefore != 0 { notBefore = Timestamp(nanoseconds: try reader.integer()) }
    }
}
