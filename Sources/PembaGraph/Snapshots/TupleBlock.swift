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
///   subject's id.
enum TupleBlock {
    static let version: UInt8 = 1
    static let name: UInt8 = 1
    static let resource: UInt8 = 2
    static let tuple: UInt8 = 3
    /// Bytes that one tuple can take with its resource and four new names.
    static let mostBytesPerTuple = 2 * (Limits.objectIDBytes + 16) + 4 * (Limits.definitionNameBytes + 16)
    /// Names that one block can have.
    static let mostNames = 1 << 20
}

/// Writes a block.
struct TupleBlockWriter {
    private(set) var writer: ByteWriter
    private var names: [[UInt8]: UInt64] = [:]

    init(capacity: Int) {
        writer = ByteWriter(capacity: capacity)
        writer.integer(TupleBlock.version)
    }

    /// Bytes so far.
    var count: Int { writer.bytes.count }

    /// The number of a name, which is written out the first time.
    private mutating func number(_ name: String) -> UInt64 {
        let bytes = [UInt8](name.utf8)
        if let known = names[bytes] { return known }
        writer.integer(TupleBlock.name)
        writer.lengthPrefixed(bytes)
        let number = UInt64(names.count + 1)
        names[bytes] = number
        return number
    }

    mutating func resource(type: String, id: UnsafeRawBufferPointer) {
        let type = number(type)
        writer.integer(TupleBlock.resource)
        writer.varint(type)
        writer.lengthPrefixed(id)
    }

    mutating func tuple(
        relation: String,
        subjectType: String,
        subjectRelation: String?,
        subjectID: UnsafeRawBufferPointer
    ) {
        let relation = number(relation)
        let subjectType = number(subjectType)
        let subjectRelation = subjectRelation.map { number($0) } ?? 0
        writer.integer(TupleBlock.tuple)
        writer.varint(relation)
        writer.varint(subjectType)
        writer.varint(subjectRelation)
        writer.lengthPrefixed(subjectID)
    }
}
