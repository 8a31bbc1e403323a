// Pemba: a tuple of a batch, where it lies.
// SPDX-License-Identifier: Apache-2.0

/// A tuple of a batch; nothing is copied, so it ends with the batch's bytes.
package struct PackedTuple {
    /// The number of its four names in the batch, from 0 in the order of their first use.
    package let kind: Int
    /// Its names and ids.
    package let view: CheckView
    /// What it has beside them (`TraitFlags`).
    let flags: UInt8
    /// The encoded caveat and times.
    let traits: UnsafeRawBufferPointer

    /// Whether it has neither caveat nor times.
    @inline(__always)
    package var isPlain: Bool { flags & TraitFlags.all == 0 }

    /// Whether its subject is `type:*`.
    @inline(__always)
    package var isWildcard: Bool { view.subjectID.count == 1 && view.subjectID[0] == UInt8(ascii: "*") }

    /// Whether nothing is wrong with a plain tuple of printable ASCII; if not, something may be.
    package var isWellFormed: Bool {
        guard isPlain, PackedTuple.isName(view.resourceType, Limits.definitionNameBytes),
            PackedTuple.isName(view.permission, Limits.relationNameBytes),
            PackedTuple.isName(view.subjectType, Limits.definitionNameBytes),
            view.subjectRelation.count <= Limits.relationNameBytes
        else { return false }
        guard PackedTuple.isID(view.resourceID), PackedTuple.isID(view.subjectID) else { return false }
        if isWildcard && !view.subjectRelation.isEmpty { return false }
        return view.resourceID.count > 1 || view.resourceID[0] != UInt8(ascii: "*")
    }

    /// The tuple for itself; throws for what is not UTF-8 or exceeds a limit.
    package func unpack() throws(ByteError) -> RelationTuple {
        var tuple = RelationTuple(
            resource: ObjectReference(type: try text(view.resourceType), id: try text(view.resourceID)),
            relation: try text(view.permission),
            subject: SubjectReference(
                type: try text(view.subjectType),
                id: try text(view.subjectID),
                relation: view.subjectRelation.isEmpty ? nil : try text(view.subjectRelation)
            )
        )
        guard !isPlain else { return tuple }
        var reader = ByteReader(traits)
        try tuple.readTraitFields(flags, &reader)
        return tuple
    }

    /// The tuple for itself, unless it is so simple that nothing can be wrong with how it is encoded.
    func unpackUnlessASCII() throws(ByteError) -> RelationTuple? { isWellFormed ? nil : try unpack() }

    private func text(_ bytes: UnsafeRawBufferPointer) throws(ByteError) -> String {
        guard let text = String(utf8: bytes) else { throw .invalidUTF8 }
        return text
    }

    @inline(__always)
    private static func isName(_ name: UnsafeRawBufferPointer, _ limit: Int) -> Bool {
        !name.isEmpty && name.count <= limit
    }

    @inline(__always)
    private static func isID(_ id: UnsafeRawBufferPointer) -> Bool {
        !id.isEmpty && id.count <= Limits.objectIDBytes && isPrintableASCII(id)
    }

    @inline(__always)
    private static func isPrintableASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where byte < 0x20 || byte >= 0x7F { return false }
        return true
    }
}

/// A cursor over packed tuples.
struct PackedTuples {
    private(set) var reader: ByteReader
    /// Whether lengths are bounded: they are in what somebody else packed.
    private let hasLimits: Bool
    /// The names of each kind so far.
    private var kinds: [CheckView] = []
    private var resource = UnsafeRawBufferPointer(start: nil, count: 0)

    /// Starts at the reader's place.
    init(_ reader: ByteReader, hasLimits: Bool) {
        self.reader = reader
        self.hasLimits = hasLimits
    }

    @inline(__always)
    private mutating func slice(_ limit: Int) throws(ByteError) -> UnsafeRawBufferPointer {
        try reader.slice(limit: hasLimits ? limit : .max)
    }

    /// The next tuple, whose ids and traits are not looked at.
    mutating func next() throws(ByteError) -> PackedTuple {
        let number = try reader.count(limit: kinds.count)
        if number == kinds.count { kinds.append(try readKind()) }
        let flags: UInt8 = try reader.integer()
        guard flags & ~(TraitFlags.all | TupleBatch.sameResource) == 0 else {
            throw .invalidValue(field: "tuple flags", value: UInt64(flags))
        }
        if flags & TupleBatch.sameResource == 0 { resource = try slice(Limits.objectIDBytes) }
        var view = kinds[number]
        view.resourceID = resource
        view.subjectID = try slice(Limits.objectIDBytes)
        let traits = flags & TraitFlags.all == 0 ? nil : try readTraits(flags)
        return PackedTuple(
            kind: number,
            view: view,
            flags: flags,
            traits: traits ?? UnsafeRawBufferPointer(start: nil, count: 0)
        )
    }

    private mutating func readKind() throws(ByteError) -> CheckView {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let names = (
            try slice(Limits.definitionNameBytes), try slice(Limits.relationNameBytes),
            try slice(Limits.definitionNameBytes), try slice(Limits.relationNameBytes)
        )
        for name in [names.0, names.1, names.2, names.3] {
            guard String(validating: name, as: UTF8.self) != nil else { throw .invalidUTF8 }
        }
        return CheckView(
            resourceType: names.0,
            resourceID: none,
            permission: names.1,
            subjectType: names.2,
            subjectID: none,
            subjectRelation: names.3
        )
    }

    private mutating func readTraits(_ flags: UInt8) throws(ByteError) -> UnsafeRawBufferPointer {
        var start = reader
        if flags & TraitFlags.caveat != 0 {
            _ = try slice(Limits.caveatNameBytes)
            _ = try reader.contextSlice(
                field: "caveat context",
                limit: hasLimits ? Limits.storedContextBytes : .max
            )
        }
        if flags & TraitFlags.expiresAt != 0 { _ = try reader.take(MemoryLayout<Int64>.size) }
        if flags & TraitFlags.notBefore != 0 { _ = try reader.take(MemoryLayout<Int64>.size) }
        return try start.take(reader.offset - start.offset)
    }
}
