// Pemba: tuples, checks and filters in frames.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

// An absent subject relation is the empty string: no relation has an empty name.

extension ByteWriter {
    mutating func subject(_ subject: SubjectReference) {
        string(subject.object.type)
        string(subject.object.id)
        string(subject.relation ?? "")
    }

    mutating func tuple(_ tuple: RelationTuple) {
        string(tuple.resource.type)
        string(tuple.resource.id)
        string(tuple.relation)
        subject(tuple.subject)
    }

    mutating func check(_ item: CheckItem) {
        string(item.resource.type)
        string(item.resource.id)
        string(item.permission)
        subject(item.subject)
    }

    /// Appends a byte that says which fields follow, and those, in the order of the bits.
    mutating func filter(_ filter: RelationshipFilter) {
        let optional = [
            filter.resourceType, filter.resourceID, filter.resourceIDPrefix, filter.relation, filter.subjectType,
            filter.subjectID,
        ]
        var mask: UInt8 = 0
        for (bit, field) in optional.enumerated() where field != nil { mask |= 1 << UInt8(bit) }
        switch filter.subjectRelation {
        case .any: break
        case .none: mask |= 1 << 6
        case .named: mask |= 2 << 6
        }
        integer(mask)
        for case let field? in optional { string(field) }
        if case .named(let name) = filter.subjectRelation { string(name) }
    }
}

extension ByteReader {
    mutating func object() throws(ByteError) -> ObjectReference {
        let type = try string(limit: Limits.definitionNameBytes)
        return ObjectReference(type: type, id: try string(limit: Limits.objectIDBytes))
    }

    mutating func subject() throws(ByteError) -> SubjectReference {
        let object = try object()
        let relation = try string(limit: Limits.relationNameBytes)
        return SubjectReference(object: object, relation: relation.isEmpty ? nil : relation)
    }

    mutating func tuple() throws(ByteError) -> RelationTuple {
        let resource = try object()
        let relation = try string(limit: Limits.relationNameBytes)
        return RelationTuple(resource: resource, relation: relation, subject: try subject())
    }

    mutating func filter() throws(ByteError) -> RelationshipFilter {
        let mask: UInt8 = try integer()
        guard mask >> 6 != 3, mask & 0b110 != 0b110 else {
            throw .invalidValue(field: "filter fields", value: UInt64(mask))
        }
        var filter = RelationshipFilter()
        if mask & 1 != 0 { filter.resourceType = try string(limit: Limits.definitionNameBytes) }
        if mask & 2 != 0 { filter.resourceID = try string(limit: Limits.objectIDBytes) }
        if mask & 4 != 0 { filter.resourceIDPrefix = try string(limit: Limits.objectIDBytes) }
        if mask & 8 != 0 { filter.relation = try string(limit: Limits.relationNameBytes) }
        if mask & 16 != 0 { filter.subjectType = try string(limit: Limits.definitionNameBytes) }
        if mask & 32 != 0 { filter.subjectID = try string(limit: Limits.objectIDBytes) }
        switch mask >> 6 {
        case 1: filter.subjectRelation = .none
        case 2: filter.subjectRelation = .named(try string(limit: Limits.relationNameBytes))
        default: filter.subjectRelation = .any
        }
        return filter
    }
}
