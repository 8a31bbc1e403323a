// Pemba: tuples, checks and filters in frames.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

// An absent subject relation is the empty string: no relation has an empty name.

/// What follows the six strings of a tuple, by bit.
private enum TupleFlags {
    static let caveat: UInt8 = 1
    static let expiresAt: UInt8 = 2
    static let notBefore: UInt8 = 4

    static func check(_ flags: UInt8) throws(ByteError) {
        guard flags & ~(caveat | expiresAt | notBefore) == 0 else {
            throw .invalidValue(field: "tuple flags", value: UInt64(flags))
        }
    }
}

/// The name of the contexts of caveats in errors.
private let caveatContext = "caveat context"

extension ByteWriter {
    mutating func object(_ object: ObjectReference) {
        string(object.type)
        string(object.id)
    }

    mutating func subject(_ subject: SubjectReference) {
        object(subject.object)
        string(subject.relation ?? "")
    }

    mutating func tuple(_ tuple: RelationTuple) {
        tupleKey(tuple)
        var flags: UInt8 = 0
        if tuple.caveat != nil { flags |= TupleFlags.caveat }
        if tuple.expiresAt != nil { flags |= TupleFlags.expiresAt }
        if tuple.notBefore != nil { flags |= TupleFlags.notBefore }
        integer(flags)
        if let caveat = tuple.caveat {
            string(caveat.name)
            context(caveat.context)
        }
        if let time = tuple.expiresAt { integer(time.nanoseconds) }
        if let time = tuple.notBefore { integer(time.nanoseconds) }
    }

    /// Appends a tuple's six strings.
    mutating func tupleKey(_ tuple: RelationTuple) {
        object(tuple.resource)
        string(tuple.relation)
        subject(tuple.subject)
    }

    mutating func tuples(_ tuples: some Collection<RelationTuple>) {
        count(tuples.count)
        for tuple in tuples { self.tuple(tuple) }
    }

    mutating func strings(_ strings: some Collection<String>) {
        count(strings.count)
        for text in strings { string(text) }
    }

    mutating func check(_ item: CheckItem) {
        object(item.resource)
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
        var tuple = try tupleKey()
        let flags: UInt8 = try integer()
        guard flags != 0 else { return tuple }
        try TupleFlags.check(flags)
        if flags & TupleFlags.caveat != 0 {
            let name = try string(limit: Limits.caveatNameBytes)
            let context = try context(field: caveatContext, limit: Limits.storedContextBytes)
            tuple.caveat = CaveatReference(name: name, context: context)
        }
        if flags & TupleFlags.expiresAt != 0 { tuple.expiresAt = Timestamp(nanoseconds: try integer()) }
        if flags & TupleFlags.notBefore != 0 { tuple.notBefore = Timestamp(nanoseconds: try integer()) }
        return tuple
    }

    /// Reads a tuple's six strings.
    mutating func tupleKey() throws(ByteError) -> RelationTuple {
        let resource = try object()
        let relation = try string(limit: Limits.relationNameBytes)
        return RelationTuple(resource: resource, relation: relation, subject: try subject())
    }

    /// Passes over a tuple, checking its lengths and flags only.
    mutating func skipTuple() throws(ByteError) {
        _ = try check()
        let flags: UInt8 = try integer()
        try TupleFlags.check(flags)
        if flags & TupleFlags.caveat != 0 {
            _ = try slice(limit: Limits.caveatNameBytes)
            _ = try contextSlice(field: caveatContext, limit: Limits.storedContextBytes)
        }
        if flags & TupleFlags.expiresAt != 0 { _ = try take(MemoryLayout<Int64>.size) }
        if flags & TupleFlags.notBefore != 0 { _ = try take(MemoryLayout<Int64>.size) }
    }

    mutating func tuples(limit: Int) throws(ByteError) -> [RelationTuple] {
        try list(limit: limit) { reader throws(ByteError) in try reader.tuple() }
    }

    mutating func strings(limit: Int, bytes: Int) throws(ByteError) -> [String] {
        try list(limit: limit) { reader throws(ByteError) in try reader.string(limit: bytes) }
    }

    /// Reads a count of at most `limit` and that many elements, each of which takes a byte at least: the count is no
    /// promise of memory.
    mutating func list<Element>(
        limit: Int,
        _ element: (inout ByteReader) throws(ByteError) -> Element
    ) throws(ByteError) -> [Element] {
        let count = try count(limit: limit)
        guard count <= remaining else { throw .truncated(needed: count, available: remaining) }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, Limits.tuplesPerImport))
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    mutating func filter() throws(ByteError) -> RelationshipFilter {
        let mask: UInt8 = try integer()
        // An id beside a prefix of one is refused with a sentence by whoever reads the filter.
        guard mask >> 6 != 3 else { throw .invalidValue(field: "filter fields", value: UInt64(mask)) }
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

extension RelationTuple {
    /// Bytes of the encoding in a frame, at most.
    var encodedBytesMax: Int {
        let strings = [
            resource.type, resource.id, relation, subject.object.type, subject.object.id, subject.relation ?? "",
        ]
        // Two bytes for the length of each string, one for the flags.
        let key = strings.reduce(13) { $0 + $1.utf8.count }
        guard !isPlain else { return key }
        let caveatBytes = caveat.map { $0.name.utf8.count + $0.context.json.utf8.count + 5 } ?? 0
        return key + caveatBytes + 2 * MemoryLayout<Int64>.size
    }
}
