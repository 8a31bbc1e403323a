// Pemba: imports as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// The names of a tuple: what is left of it without ids and traits.
private struct TupleKind {
    let resourceType: String
    let relation: String
    let subjectType: String
    let subjectRelation: String

    init(reading reader: inout ByteReader) throws(ByteError) {
        resourceType = try reader.string(limit: Limits.definitionNameBytes)
        relation = try reader.string(limit: Limits.relationNameBytes)
        subjectType = try reader.string(limit: Limits.definitionNameBytes)
        subjectRelation = try reader.string(limit: Limits.relationNameBytes)
    }

    func tuple(resource: String, subject: String) -> RelationTuple {
        RelationTuple(
            resource: ObjectReference(type: resourceType, id: resource),
            relation: relation,
            subject: SubjectReference(
                type: subjectType,
                id: subject,
                relation: subjectRelation.isEmpty ? nil : subjectRelation
            )
        )
    }
}

/// Numbers the kinds of an import while it is written.
private struct KindNumbers {
    /// The four names of each kind as they stand in the log.
    private var kinds: [[UInt8]] = []
    /// The last kind with a checksum; only looked up, never iterated.
    private var numbers: [UInt32: Int] = [:]
    private var last = 0
    private var names = ByteWriter(capacity: 64)

    /// Appends the number of the kind of `tuple`, and its names if it is new.
    mutating func encode(_ tuple: RelationTuple, into writer: inout ByteWriter) {
        names.bytes.removeAll(keepingCapacity: true)
        names.string(tuple.resource.type)
        names.string(tuple.relation)
        names.string(tuple.subject.object.type)
        names.string(tuple.subject.relation ?? "")
        // Neighbours are mostly of one kind.
        if last < kinds.count, kinds[last] == names.bytes { return writer.count(last) }
        let checksum = CRC32C.checksum(names.bytes)
        if let number = numbers[checksum], kinds[number] == names.bytes {
            last = number
            return writer.count(last)
        }
        // Of two kinds with one checksum the earlier is written again when it comes back: longer, but right.
        last = kinds.count
        numbers[checksum] = last
        kinds.append(names.bytes)
        writer.count(last)
        writer.raw(names.bytes)
    }
}

extension ImportRequest {
    /// In the flags of a tuple: its resource has the id of the tuple's before.
    private static let sameResource: UInt8 = 8

    /// Appends the layout of version 1: head, mode u8, count of tuples, and each tuple.
    ///
    /// Names are written once, as a rule: a tuple begins with the number of its kind as a varint, from 0; the next number that has
    /// not been used yet introduces a kind, whose four names follow it (resource type, relation, subject type, subject
    /// relation, empty for none). Then flags u8 (traits as in a tuple; bit 3: the resource has the id of the resource
    /// before), the resource's id unless that is so, the subject's id, and the traits.
    func encode(into writer: inout ByteWriter) {
        CommandHead(key: idempotencyKey).encode(into: &writer)
        writer.integer(mode.rawValue)
        writer.count(tuples.count)
        var kinds = KindNumbers()
        var resource = ""
        for tuple in tuples {
            kinds.encode(tuple, into: &writer)
            let isSame = tuple.resource.id.hasSameBytes(as: resource)
            writer.integer(tuple.traitFlags | (isSame ? ImportRequest.sameResource : 0))
            if !isSame {
                resource = tuple.resource.id
                writer.string(resource)
            }
            writer.string(tuple.subject.object.id)
            tuple.encodeTraitFields(into: &writer)
        }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let head = try CommandHead(reading: &reader)
        guard head.metadata.isEmpty else { throw .invalidValue(field: "import flags", value: 2) }
        let code: UInt8 = try reader.integer()
        guard let mode = Mode(rawValue: code) else { throw .invalidValue(field: "import mode", value: UInt64(code)) }
        let count = try reader.count(limit: Limits.tuplesPerImport)
        // Each tuple takes three bytes at least: the count is no promise of memory.
        guard count <= reader.remaining else { throw .truncated(needed: count, available: reader.remaining) }
        var tuples: [RelationTuple] = []
        tuples.reserveCapacity(count)
        var kinds: [TupleKind] = []
        var resource = ""
        for _ in 0..<count {
            let number = try reader.count(limit: kinds.count)
            if number == kinds.count { kinds.append(try TupleKind(reading: &reader)) }
            let flags: UInt8 = try reader.integer()
            guard flags & ~(TraitFlags.all | ImportRequest.sameResource) == 0 else {
                throw .invalidValue(field: "tuple flags", value: UInt64(flags))
            }
            if flags & ImportRequest.sameResource == 0 { resource = try reader.string(limit: Limits.objectIDBytes) }
            let subject = try reader.string(limit: Limits.objectIDBytes)
            var tuple = kinds[number].tuple(resource: resource, subject: subject)
            if flags & TraitFlags.all != 0 { try tuple.readTraitFields(flags, &reader) }
            tuples.append(tuple)
        }
        self.init(tuples: tuples, mode: mode, idempotencyKey: head.key)
    }
}
