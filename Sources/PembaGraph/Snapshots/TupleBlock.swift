// Pemba: tuples as bytes.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The encoding of a block of tuples in a snapshot.
///
/// Every block can be read by itself.
///
/// After the version byte follow items until the end of the block, each a kind byte and its fields; strings have their
/// length in front, numbers are varints:
/// - name (1): a string; the first name of a block is number 1, the next 2, and so on;
/// - resource (2): the name number of its type, its id; the tuples that follow are on it;
/// - tuple (3): the name numbers of the relation, the subject's type and the subject's relation (0: none), the
///   subject's id;
/// - traits (4): of the tuple that follows: a byte of flags; with bit 0 the name number of its caveat and the context as
///   JSON, empty for none; with bit 1 when it expires, with bit 2 when it begins, each i64 nanoseconds since 1970.
enum TupleBlock {
    static let version: UInt8 = 1
    static let name: UInt8 = 1
    static let resource: UInt8 = 2
    static let tuple: UInt8 = 3
    static let traits: UInt8 = 4
    /// Bytes that one tuple can take with its resource, five new names and its traits.
    static let mostBytesPerTuple =
        2 * (Limits.objectIDBytes + 16) + 5 * (Limits.definitionNameBytes + 16) + Limits.storedContextBytes + 64
    /// Names that one block can have.
    static let mostNames = 1 << 20
}

/// Writes a block.
struct TupleBlockWriter {
    private(set) var writer: ByteWriter
    private let linked: LinkedSchema
    private var nameCount: UInt64 = 0
    /// The numbers of the names of nodes, 0 if not written yet; a type's name is at its relation number 0.
    private var nodeNames: [UInt64]
    /// The numbers of the names of caveats.
    private var caveatNames: [String: UInt64] = [:]

    init(capacity: Int, linked: LinkedSchema) {
        writer = ByteWriter(capacity: capacity)
        writer.integer(TupleBlock.version)
        self.linked = linked
        nodeNames = [UInt64](repeating: 0, count: linked.nodeCount)
    }

    /// Bytes so far.
    var count: Int { writer.bytes.count }

    /// Writes a name out and returns its number.
    private mutating func add(_ name: String) -> UInt64 {
        writer.integer(TupleBlock.name)
        writer.string(name)
        nameCount += 1
        return nameCount
    }

    /// The number of the name of a relation, or of a type (relation 0).
    private mutating func number(type: UInt32, relation: UInt32) -> UInt64 {
        let node = Int(linked.node(type: type, relation: relation))
        if nodeNames[node] != 0 { return nodeNames[node] }
        let name = relation == 0 ? linked.types[Int(type)].name : linked.relationName(type: type, relation: relation)
        nodeNames[node] = add(name)
        return nodeNames[node]
    }

    private mutating func id(_ bytes: UnsafeRawBufferPointer) {
        writer.count(bytes.count)
        writer.raw(bytes)
    }

    /// Starts a resource.
    mutating func resource(type: UInt32, id bytes: UnsafeRawBufferPointer) {
        let type = number(type: type, relation: 0)
        writer.integer(TupleBlock.resource)
        writer.varint(type)
        id(bytes)
    }

    /// Adds a tuple on the resource: a forward entry whose subject is known.
    mutating func tuple(
        _ entry: UInt64,
        type: UInt32,
        subjectType: UInt32,
        subjectID: UnsafeRawBufferPointer,
        traitsOf tuple: RelationTuple?
    ) {
        let relation = number(type: type, relation: RowEntry.relation(entry))
        let subject = number(type: subjectType, relation: 0)
        let subjectRelation = RowEntry.subjectRelation(entry)
        let userset = subjectRelation == 0 ? 0 : number(type: subjectType, relation: subjectRelation)
        if let tuple { traits(tuple) }
        writer.integer(TupleBlock.tuple)
        writer.varint(relation)
        writer.varint(subject)
        writer.varint(userset)
        id(subjectID)
    }

    /// Adds a tuple that is not stored any more; its names may have left the schema with it.
    mutating func removed(_ tuple: RelationTuple) {
        let type = add(tuple.resource.type)
        let relation = add(tuple.relation)
        let subjectType = add(tuple.subject.object.type)
        let subjectRelation = tuple.subject.relation.map { add($0) } ?? 0
        if !tuple.isPlain { traits(tuple) }
        writer.integer(TupleBlock.resource)
        writer.varint(type)
        writer.string(tuple.resource.id)
        writer.integer(TupleBlock.tuple)
        writer.varint(relation)
        writer.varint(subjectType)
        writer.varint(subjectRelation)
        writer.string(tuple.subject.object.id)
    }

    /// Says what the tuple that follows carries.
    private mutating func traits(_ tuple: RelationTuple) {
        var caveat: UInt64 = 0
        if let reference = tuple.caveat {
            caveat = caveatNames[reference.name] ?? add(reference.name)
            caveatNames[reference.name] = caveat
        }
        writer.integer(TupleBlock.traits)
        let flags = (tuple.caveat == nil ? 0 : 1) | (tuple.expiresAt == nil ? 0 : 2) | (tuple.notBefore == nil ? 0 : 4)
        writer.integer(UInt8(flags))
        if let reference = tuple.caveat {
            writer.varint(caveat)
            writer.string(reference.context.isEmpty ? "" : reference.context.json)
        }
        if let expiresAt = tuple.expiresAt { writer.integer(expiresAt.nanoseconds) }
        if let notBefore = tuple.notBefore { writer.integer(notBefore.nanoseconds) }
    }
}
