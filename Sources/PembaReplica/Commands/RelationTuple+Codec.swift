// Pemba: tuples as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// What a tuple has beside its key, by bit.
enum TraitFlags {
    /// A caveat: its name, and its context as JSON.
    static let caveat: UInt8 = 1
    /// An i64: when it stops to count.
    static let expiresAt: UInt8 = 2
    /// An i64: when it begins to count.
    static let notBefore: UInt8 = 4
    /// All of them.
    static let all: UInt8 = 7
}

extension RelationTuple {
    /// Appends the resource, the relation, the subject and the traits.
    func encode(into writer: inout ByteWriter) {
        resource.encode(into: &writer)
        writer.string(relation)
        subject.encode(into: &writer)
        encodeTraits(into: &writer)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let resource = try ObjectReference(reading: &reader)
        let relation = try reader.string(limit: Limits.relationNameBytes)
        self.init(resource: resource, relation: relation, subject: try SubjectReference(reading: &reader))
        try readTraits(&reader)
    }

    /// Appends a byte that says which traits follow, and those.
    func encodeTraits(into writer: inout ByteWriter) {
        writer.integer(traitFlags)
        encodeTraitFields(into: &writer)
    }

    /// Reads what `encodeTraits` writes.
    mutating func readTraits(_ reader: inout ByteReader) throws(ByteError) {
        let flags: UInt8 = try reader.integer()
        guard flags & ~TraitFlags.all == 0 else {
            throw .invalidValue(field: "tuple flags", value: UInt64(flags))
        }
        try readTraitFields(flags, &reader)
    }

    /// Which traits the tuple has.
    var traitFlags: UInt8 {
        guard !isPlain else { return 0 }
        return (caveat == nil ? 0 : TraitFlags.caveat) | (expiresAt == nil ? 0 : TraitFlags.expiresAt)
            | (notBefore == nil ? 0 : TraitFlags.notBefore)
    }

    /// Appends the traits that there are.
    func encodeTraitFields(into writer: inout ByteWriter) {
        if let caveat {
            writer.string(caveat.name)
            writer.context(caveat.context)
        }
        if let expiresAt { writer.integer(expiresAt.nanoseconds) }
        if let notBefore { writer.integer(notBefore.nanoseconds) }
    }

    /// Reads the traits that `flags` says.
    mutating func readTraitFields(_ flags: UInt8, _ reader: inout ByteReader) throws(ByteError) {
        if flags & TraitFlags.caveat != 0 {
            let name = try reader.string(limit: Limits.caveatNameBytes)
            let context = try reader.context(field: "caveat context", limit: Limits.storedContextBytes)
            caveat = CaveatReference(name: name, context: context)
        }
        if flags & TraitFlags.expiresAt != 0 { expiresAt = Timestamp(nanoseconds: try reader.integer()) }
        if flags & TraitFlags.notBefore != 0 { notBefore = Timestamp(nanoseconds: try reader.integer()) }
    }
}

extension ObjectReference {
    /// Appends the type and the id.
    func encode(into writer: inout ByteWriter) {
        writer.string(type)
        writer.string(id)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let type = try reader.string(limit: Limits.definitionNameBytes)
        self.init(type: type, id: try reader.string(limit: Limits.objectIDBytes))
    }
}

extension SubjectReference {
    /// Appends the object and the relation; empty means none.
    func encode(into writer: inout ByteWriter) {
        object.encode(into: &writer)
        writer.string(relation ?? "")
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let object = try ObjectReference(reading: &reader)
        let relation = try reader.string(limit: Limits.relationNameBytes)
        self.init(object: object, relation: relation.isEmpty ? nil : relation)
    }
}
