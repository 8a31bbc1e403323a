// Pemba: the order of reads.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// A stored tuple in the graph's numbers: its resource and its forward entry with flags.
struct TupleEnd {
    var resource: UInt32
    var entry: UInt64
}

extension StateReader {
    /// Whether an entity comes before another one: by the names of their types, then by id, by bytes.
    func precedes(_ left: UInt32, _ right: UInt32) -> Bool { StateReader.order(entities, linked, left, right) < 0 }

    private static func order(_ entities: EntityStore, _ linked: LinkedSchema, _ left: UInt32, _ right: UInt32) -> Int {
        if left == right { return 0 }
        let leftType = Int(entities.records[Int(left)].type)
        let rightType = Int(entities.records[Int(right)].type)
        if leftType != rightType { return linked.types[leftType].rank - linked.types[rightType].rank }
        return StateReader.order(entities.id(of: left), entities.id(of: right))
    }

    /// The order of bytes: negative, zero or positive.
    static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let common = min(left.count, right.count)
        var offset = 0
        while offset + 8 <= common {
            let ours = UInt64(bigEndian: left.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let theirs = UInt64(bigEndian: right.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            if ours != theirs { return ours < theirs ? -1 : 1 }
            offset += 8
        }
        while offset < common {
            if left[offset] != right[offset] { return left[offset] < right[offset] ? -1 : 1 }
            offset += 1
        }
        return left.count - right.count
    }

    /// Whether a tuple comes before another one in the order of reads.
    func precedes(_ left: TupleEnd, _ right: TupleEnd) -> Bool {
        StateReader.precedes(entities, linked, left, right)
    }

    /// The same without a reader: this order outlives the basis.
    static func precedes(
        _ entities: EntityStore,
        _ linked: LinkedSchema,
        _ left: TupleEnd,
        _ right: TupleEnd
    ) -> Bool {
        let resources = StateReader.order(entities, linked, left.resource, right.resource)
        if resources != 0 { return resources < 0 }
        let ranks = linked.types[Int(entities.records[Int(left.resource)].type)].relationRanks
        let leftRank = ranks[Int(RowEntry.relation(left.entry))]
        let rightRank = ranks[Int(RowEntry.relation(right.entry))]
        if leftRank != rightRank { return leftRank < rightRank }
        let leftSubject = RowEntry.entity(left.entry)
        let rightSubject = RowEntry.entity(right.entry)
        let subjects = StateReader.order(entities, linked, leftSubject, rightSubject)
        if subjects != 0 { return subjects < 0 }
        let subjectRanks = linked.types[Int(entities.records[Int(leftSubject)].type)].relationRanks
        return rank(subjectRanks, left.entry) < rank(subjectRanks, right.entry)
    }

    /// The rank of a subject relation; a plain subject comes first.
    private static func rank(_ ranks: [Int], _ entry: UInt64) -> Int {
        let relation = RowEntry.subjectRelation(entry)
        return relation == 0 ? -1 : ranks[Int(relation)]
    }

    /// A stored tuple.
    func tuple(_ end: TupleEnd) -> RelationTuple {
        let type = UInt32(entities.records[Int(end.resource)].type)
        let subject = RowEntry.entity(end.entry)
        let subjectType = UInt32(entities.records[Int(subject)].type)
        let subjectRelation = RowEntry.subjectRelation(end.entry)
        let traits = traits(end)
        return RelationTuple(
            resource: ObjectReference(
                type: linked.types[Int(type)].name,
                id: String(decoding: entities.id(of: end.resource), as: UTF8.self)
            ),
            relation: linked.relationName(type: type, relation: RowEntry.relation(end.entry)),
            subject: SubjectReference(
                type: linked.types[Int(subjectType)].name,
                id: String(decoding: entities.id(of: subject), as: UTF8.self),
                relation: subjectRelation == 0
                    ? nil : linked.relationName(type: subjectType, relation: subjectRelation)
            ),
            caveat: traits.condition == 0 ? nil : graph.conditions[traits.condition].reference,
            expiresAt: traits.expiresAt == .max ? nil : Timestamp(nanoseconds: traits.expiresAt),
            notBefore: traits.notBefore == .min ? nil : Timestamp(nanoseconds: traits.notBefore)
        )
    }

    /// Where a stored tuple is in the order of reads, relative to any tuple: negative if before.
    func order(_ end: TupleEnd, _ other: RelationTuple) -> Int {
        let type = UInt32(entities.records[Int(end.resource)].type)
        let subject = RowEntry.entity(end.entry)
        let subjectType = UInt32(entities.records[Int(subject)].type)
        let subjectRelation = RowEntry.subjectRelation(end.entry)
        var order = StateReader.order(linked.types[Int(type)].name, other.resource.type)
        if order == 0 { order = StateReader.order(entities.id(of: end.resource), other.resource.id) }
        if order == 0 {
            order = StateReader.order(
                linked.relationName(type: type, relation: RowEntry.relation(end.entry)),
                other.relation
            )
        }
        if order == 0 { order = StateReader.order(linked.types[Int(subjectType)].name, other.subject.object.type) }
        if order == 0 { order = StateReader.order(entities.id(of: subject), other.subject.object.id) }
        guard order == 0 else { return order }
        let name = subjectRelation == 0 ? "" : linked.relationName(type: subjectType, relation: subjectRelation)
        return StateReader.order(name, other.subject.relation ?? "")
    }

    static func order(_ left: UnsafeRawBufferPointer, _ right: String) -> Int {
        var copy = right
        return copy.withUTF8 { order(left, UnsafeRawBufferPointer($0)) }
    }

    static func order(_ left: String, _ right: String) -> Int {
        var copy = left
        return copy.withUTF8 { order(UnsafeRawBufferPointer($0), right) }
    }
}
