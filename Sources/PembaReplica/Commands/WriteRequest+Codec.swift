// Pemba: writes as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

// `PembaWire` has encodings of the same values that look alike. They are kept apart on purpose: these bytes stay in logs
// and must be readable as long as a log lives, those are agreed on anew with every connection.

extension WriteRequest {
    /// Appends the layout of version 1.
    ///
    /// Flags u8 (bit 0: a key follows), key as three varints (session, sequence, first unacknowledged); count of
    /// preconditions, each kind u8 and filter; count of updates, each operation u8 and tuple.
    func encode(into writer: inout ByteWriter) {
        writer.integer(UInt8(idempotencyKey == nil ? 0 : 1))
        if let idempotencyKey {
            writer.varint(idempotencyKey.session)
            writer.varint(idempotencyKey.sequence)
            writer.varint(idempotencyKey.firstUnacknowledged)
        }
        writer.count(preconditions.count)
        for precondition in preconditions {
            writer.integer(precondition.kind.rawValue)
            precondition.filter.encode(into: &writer)
        }
        writer.count(updates.count)
        for update in updates {
            writer.integer(update.operation.rawValue)
            update.tuple.encode(into: &writer)
        }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let flags: UInt8 = try reader.integer()
        guard flags & ~1 == 0 else { throw .invalidValue(field: "write flags", value: UInt64(flags)) }
        var key: IdempotencyKey?
        if flags & 1 != 0 {
            let session = try reader.varint()
            let sequence = try reader.varint()
            key = IdempotencyKey(session: session, sequence: sequence, firstUnacknowledged: try reader.varint())
        }
        var preconditions: [Precondition] = []
        for _ in 0..<(try reader.count(limit: Limits.preconditionsPerWrite)) {
            let code: UInt8 = try reader.integer()
            guard let kind = Precondition.Kind(rawValue: code) else {
                throw .invalidValue(field: "precondition kind", value: UInt64(code))
            }
            preconditions.append(Precondition(kind, try RelationshipFilter(reading: &reader)))
        }
        let updateCount = try reader.count(limit: Limits.updatesPerWrite)
        var updates: [TupleUpdate] = []
        updates.reserveCapacity(updateCount)
        for _ in 0..<updateCount {
            let code: UInt8 = try reader.integer()
            guard let operation = TupleUpdate.Operation(rawValue: code) else {
                throw .invalidValue(field: "update operation", value: UInt64(code))
            }
            updates.append(TupleUpdate(operation, try RelationTuple(reading: &reader)))
        }
        self.init(updates: updates, preconditions: preconditions, idempotencyKey: key)
    }
}

extension RelationTuple {
    /// Appends five strings and the subject's relation; empty means none.
    func encode(into writer: inout ByteWriter) {
        writer.string(resource.type)
        writer.string(resource.id)
        writer.string(relation)
        writer.string(subject.object.type)
        writer.string(subject.object.id)
        writer.string(subject.relation ?? "")
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let resourceType = try reader.string(limit: Limits.definitionNameBytes)
        let resourceID = try reader.string(limit: Limits.objectIDBytes)
        let relation = try reader.string(limit: Limits.relationNameBytes)
        let subjectType = try reader.string(limit: Limits.definitionNameBytes)
        let subjectID = try reader.string(limit: Limits.objectIDBytes)
        let subjectRelation = try reader.string(limit: Limits.relationNameBytes)
        self.init(
            resource: ObjectReference(type: resourceType, id: resourceID),
            relation: relation,
            subject: SubjectReference(
                type: subjectType,
                id: subjectID,
                relation: subjectRelation.isEmpty ? nil : subjectRelation
            )
        )
    }
}

extension RelationshipFilter {
    /// Which fields follow, by bit.
    private struct Fields: OptionSet {
        let rawValue: UInt8
        static let resourceType = Fields(rawValue: 1)
        static let resourceID = Fields(rawValue: 2)
        static let resourceIDPrefix = Fields(rawValue: 4)
        static let relation = Fields(rawValue: 8)
        static let subjectType = Fields(rawValue: 16)
        static let subjectID = Fields(rawValue: 32)
        static let noSubjectRelation = Fields(rawValue: 64)
        static let subjectRelation = Fields(rawValue: 128)
    }

    /// Appends a byte of flags and the strings that are set, in the order of the flags.
    func encode(into writer: inout ByteWriter) {
        var fields: Fields = []
        var strings: [String] = []
        func add(_ value: String?, _ field: Fields) {
            guard let value else { return }
            fields.insert(field)
            strings.append(value)
        }
        add(resourceType, .resourceType)
        add(resourceID, .resourceID)
        add(resourceIDPrefix, .resourceIDPrefix)
        add(relation, .relation)
        add(subjectType, .subjectType)
        add(subjectID, .subjectID)
        switch subjectRelation {
        case .any: break
        case .none: fields.insert(.noSubjectRelation)
        case .named(let name): add(name, .subjectRelation)
        }
        writer.integer(fields.rawValue)
        for string in strings { writer.string(string) }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let fields = Fields(rawValue: try reader.integer())
        guard !fields.isSuperset(of: [.noSubjectRelation, .subjectRelation]) else {
            throw .invalidValue(field: "filter fields", value: UInt64(fields.rawValue))
        }
        self.init()
        if fields.contains(.resourceType) { resourceType = try reader.string(limit: Limits.definitionNameBytes) }
        if fields.contains(.resourceID) { resourceID = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.resourceIDPrefix) { resourceIDPrefix = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.relation) { relation = try reader.string(limit: Limits.relationNameBytes) }
        if fields.contains(.subjectType) { subjectType = try reader.string(limit: Limits.definitionNameBytes) }
        if fields.contains(.subjectID) { subjectID = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.noSubjectRelation) { subjectRelation = .none }
        if fields.contains(.subjectRelation) {
            subjectRelation = .named(try reader.string(limit: Limits.relationNameBytes))
        }
    }
}
