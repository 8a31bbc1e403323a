// Pemba: many tuples in one piece of memory.
// SPDX-License-Identifier: Apache-2.0

/// Tuples packed as an import carries them, on the wire and in the log alike, so that no node takes them apart and puts
/// them together again on their way.
///
/// Names are written once, as a rule: a tuple begins with the number of its kind as a varint, from 0; the next number
/// that has not been used yet introduces a kind, whose four names follow it (resource type, relation, subject type,
/// subject relation, empty for none). Then flags u8 (`TraitFlags`; bit 3: the resource has the id of the resource before),
/// the resource's id unless that is so, the subject's id, and the traits.
public struct TupleBatch: Hashable, Sendable {
    /// How many tuples there are.
    public let count: Int
    /// The tuples, packed.
    package let bytes: [UInt8]

    /// In the flags of a tuple: its resource has the id of the tuple's before.
    static let sameResource: UInt8 = 8

    init(count: Int, bytes: [UInt8]) {
        self.count = count
        self.bytes = bytes
    }

    /// Packs tuples, whatever is in them.
    public init(_ tuples: some Sequence<RelationTuple>) {
        var packer = TuplePacker()
        for tuple in tuples { packer.append(tuple) }
        self = packer.batch
    }

    /// Appends the count as a varint and the packed tuples.
    package func encode(into writer: inout ByteWriter) {
        writer.count(count)
        writer.raw(bytes)
    }

    /// Reads what `encode` writes; what it gives can be unpacked.
    package init(reading reader: inout ByteReader, limit: Int) throws(ByteError) {
        let count = try reader.count(limit: limit)
        // Each tuple takes three bytes at least: the count is no promise of memory.
        guard count <= reader.remaining else { throw .truncated(needed: count, available: reader.remaining) }
        let start = reader
        var cursor = PackedTuples(reader, hasLimits: true)
        for _ in 0..<count { _ = try cursor.next().unpackUnlessASCII() }
        reader = cursor.reader
        var packed = start
        self.init(count: count, bytes: [UInt8](try packed.take(reader.offset - start.offset)))
    }

    /// Calls `body` with each tuple where it lies.
    package func forEachTuple<Failure: Error>(_ body: (PackedTuple) throws(Failure) -> Void) throws(Failure) {
        try bytes.withUnsafeBufferPointer { buffer throws(Failure) in
            var cursor = PackedTuples(ByteReader(UnsafeRawBufferPointer(buffer)), hasLimits: false)
            for _ in 0..<count {
                guard let tuple = try? cursor.next() else {
                    preconditionFailure("a batch of tuples is not packed right")
                }
                try body(tuple)
            }
        }
    }

    /// The tuples for themselves; throws for what exceeds a limit.
    public func unpack() throws(ByteError) -> [RelationTuple] {
        var tuples: [RelationTuple] = []
        tuples.reserveCapacity(count)
        try forEachTuple { packed throws(ByteError) in tuples.append(try packed.unpack()) }
        return tuples
    }
}

/// Packs tuples one after the other.
public struct TuplePacker: Sendable {
    private var writer = ByteWriter(capacity: 1_024)
    private var count = 0
    /// The four names of each kind, as they stand in the batch.
    private var kinds: [[UInt8]] = []
    /// The last kind with a checksum; only looked up, never iterated.
    private var numbers: [UInt32: Int] = [:]
    private var last = 0
    private var names = ByteWriter(capacity: 64)
    private var resource = ""

    /// Starts without tuples.
    public init() {}

    /// How many tuples there are.
    public var tupleCount: Int { count }

    /// How many bytes they take.
    public var byteCount: Int { writer.bytes.count }

    /// What was packed.
    public var batch: TupleBatch { TupleBatch(count: count, bytes: writer.bytes) }

    /// Adds a tuple, whatever is in it.
    public mutating func append(_ tuple: RelationTuple) {
        count += 1
        appendKind(tuple)
        let isSame = tuple.resource.id.hasSameBytes(as: resource)
        writer.integer(tuple.traitFlags | (isSame ? TupleBatch.sameResource : 0))
        if !isSame {
            resource = tuple.resource.id
            writer.string(resource)
        }
        writer.string(tuple.subject.object.id)
        tuple.encodeTraitFields(into: &writer)
    }

    /// Appends the number of the kind of `tuple`, and its names if it is new.
    private mutating func appendKind(_ tuple: RelationTuple) {
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
