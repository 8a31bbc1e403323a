// Pemba: writes of tuples as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

// `PembaWire` has encodings of the same values that look alike. They are kept apart on purpose: these bytes stay in logs
// and must be readable as long as a log lives, those are agreed on anew with every connection.

extension WriteRequest {
    /// Appends the layout of version 1: head, preconditions, count of updates, each operation u8 and tuple.
    func encode(into writer: inout ByteWriter) {
        CommandHead(key: idempotencyKey, metadata: metadata).encode(into: &writer)
        Precondition.encode(preconditions, into: &writer)
        TupleUpdate.encode(updates, into: &writer)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let head = try CommandHead(reading: &reader)
        let preconditions = try Precondition.list(&reader)
        let updates = try TupleUpdate.list(&reader, limit: Limits.updatesPerWrite)
        self.init(
            updates: updates,
            preconditions: preconditions,
            metadata: head.metadata,
            idempotencyKey: head.key
        )
    }
}

extension DeleteRequest {
    /// What to do if more match, and where to begin.
    private enum Part: UInt8 {
        case none = 0
        case allowed = 1
        /// A part is enough, and only what comes after the tuple that follows is meant.
        case allowedAfter = 2
        /// All that comes after the tuple that follows, or nothing.
        case after = 3
    }

    private var part: Part {
        switch (allowsPartial, cursor) {
        case (false, nil): .none
        case (true, nil): .allowed
        case (true, _): .allowedAfter
        case (false, _): .after
        }
    }

    /// Appends the layout of version 1: head, preconditions, filter, limit as varint, what to do with a part u8, and the
    /// names and ids of the tuple after which it begins, if there is one.
    func encode(into writer: inout ByteWriter) {
        CommandHead(key: idempotencyKey, metadata: metadata).encode(into: &writer)
        Precondition.encode(preconditions, into: &writer)
        filter.encode(into: &writer)
        writer.count(limit)
        writer.integer(part.rawValue)
        cursor?.last.key.encode(into: &writer)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let head = try CommandHead(reading: &reader)
        self.init(
            filter: RelationshipFilter(),
            preconditions: try Precondition.list(&reader),
            metadata: head.metadata,
            idempotencyKey: head.key
        )
        filter = try RelationshipFilter(reading: &reader)
        limit = try reader.count(limit: Limits.tuplesPerDelete)
        let code: UInt8 = try reader.integer()
        guard let part = Part(rawValue: code) else {
            throw .invalidValue(field: "partial deletion allowed", value: UInt64(code))
        }
        allowsPartial = part == .allowed || part == .allowedAfter
        guard part == .allowedAfter || part == .after else { return }
        cursor = ReadCursor(last: try RelationTuple(reading: &reader).key)
    }
}

extension SetRequest {
    /// Appends the layout of version 1: head, preconditions, type, id and relation of the resource, count of tuples, each
    /// the subject as three strings and the traits.
    func encode(into writer: inout ByteWriter) {
        CommandHead(key: idempotencyKey, metadata: metadata).encode(into: &writer)
        Precondition.encode(preconditions, into: &writer)
        resource.encode(into: &writer)
        writer.string(relation)
        writer.count(tuples.count)
        for tuple in tuples {
            tuple.subject.encode(into: &writer)
            tuple.encodeTraits(into: &writer)
        }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let head = try CommandHead(reading: &reader)
        let preconditions = try Precondition.list(&reader)
        let resource = try ObjectReference(reading: &reader)
        let relation = try reader.string(limit: Limits.relationNameBytes)
        let count = try reader.count(limit: Limits.updatesPerWrite)
        var tuples: [RelationTuple] = []
        tuples.reserveCapacity(count)
        for _ in 0..<count {
            let subject = try SubjectReference(reading: &reader)
            var tuple = RelationTuple(resource: resource, relation: relation, subject: subject)
            try tuple.readTraits(&reader)
            tuples.append(tuple)
        }
        self.init(
            resource: resource,
            relation: relation,
            tuples: tuples,
            preconditions: preconditions,
            metadata: head.metadata,
            idempotencyKey: head.key
        )
    }
}
