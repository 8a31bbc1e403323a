// Pemba: tuples as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

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
