// Pemba: reading blocks of tuples.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Why a block could not be loaded.
enum BlockProblem: Error {
    case bytes(ByteError)
    case refused(GraphError)
}

/// The numbers that a tuple's names have in its block, and whether it is about a wildcard.
struct TupleNames: Equatable {
    var type: Int
    var relation: Int
    var subjectType: Int
    var subjectRelation: Int
    var isWildcard: Bool
}

/// What a tuple of a block carries.
struct LoadedTraits {
    var caveat: CaveatReference?
    var expiresAt: Timestamp?
    var notBefore: Timestamp?
}

/// Reads a block.
struct TupleBlockReader {
    private var reader: ByteReader
    private var names: [UnsafeRawBufferPointer] = []
    private var resourceType: Int?
    private var resourceID: UnsafeRawBufferPointer?
    private var traits: LoadedTraits?

    init(_ block: UnsafeRawBufferPointer) throws(BlockProblem) {
        reader = ByteReader(block)
        do throws(ByteError) {
            let version: UInt8 = try reader.integer()
            guard version == TupleBlock.version else {
                throw .invalidValue(field: "block version", value: UInt64(version))
            }
        } catch { throw .bytes(error) }
    }

    /// The next tuple; nil at the end.
    mutating func next() throws(BlockProblem) -> (CheckView, TupleNames, LoadedTraits?)? {
        do throws(ByteError) { return try nextTuple() } catch { throw .bytes(error) }
    }

    private mutating func nextTuple() throws(ByteError) -> (CheckView, TupleNames, LoadedTraits?)? {
        while !reader.isAtEnd {
            let kind: UInt8 = try reader.integer()
            switch kind {
            case TupleBlock.name:
                guard names.count < TupleBlock.mostNames else {
                    throw .exceedsLimit(value: UInt64(names.count), limit: UInt64(TupleBlock.mostNames))
                }
                names.append(try reader.slice(limit: Limits.definitionNameBytes))
            case TupleBlock.resource:
                resourceType = try name()
                resourceID = try id()
            case TupleBlock.tuple:
                let (view, names) = try tuple()
                defer { traits = nil }
                return (view, names, traits)
            case TupleBlock.traits:
                traits = try readTraits()
            default:
                throw .invalidValue(field: "block item", value: UInt64(kind))
            }
        }
        return nil
    }

    private mutating func tuple() throws(ByteError) -> (CheckView, TupleNames) {
        guard let resourceType, let resourceID else {
            throw .invalidValue(field: "tuple before its resource", value: 0)
        }
        let relation = try name()
        let subjectType = try name()
        let subjectRelation = try reader.count(limit: names.count)
        let subjectID = try id()
        let view = CheckView(
            resourceType: names[resourceType - 1],
            resourceID: resourceID,
            permission: names[relation - 1],
            subjectType: names[subjectType - 1],
            subjectID: subjectID,
            subjectRelation: subjectRelation == 0
                ? UnsafeRawBufferPointer(start: nil, count: 0) : names[subjectRelation - 1]
        )
        let numbers = TupleNames(
            type: resourceType,
            relation: relation,
            subjectType: subjectType,
            subjectRelation: subjectRelation,
            isWildcard: subjectID.count == 1 && subjectID[0] == UInt8(ascii: "*")
        )
        return (view, numbers)
    }

    private mutating func readTraits() throws(ByteError) -> LoadedTraits {
        let flags: UInt8 = try reader.integer()
        guard flags & ~7 == 0, flags != 0 else { throw .invalidValue(field: "tuple traits", value: UInt64(flags)) }
        var traits = LoadedTraits()
        if flags & 1 != 0 {
            let number = try name()
            let json = try reader.string(limit: Limits.storedContextBytes)
            var context = ContextObject.empty
            if !json.isEmpty {
                do { context = try ContextObject(parsing: json) } catch {
                    throw .invalidValue(field: "stored context", value: UInt64(json.utf8.count))
                }
            }
            traits.caveat = CaveatReference(name: String(decoding: names[number - 1], as: UTF8.self), context: context)
        }
        if flags & 2 != 0 { traits.expiresAt = Timestamp(nanoseconds: try reader.integer()) }
        if flags & 4 != 0 { traits.notBefore = Timestamp(nanoseconds: try reader.integer()) }
        return traits
    }

    /// The number of a name that was written before.
    private mutating func name() throws(ByteError) -> Int {
        let number = try reader.count(limit: names.count)
        guard number > 0 else { throw .invalidValue(field: "name number", value: 0) }
        return number
    }

    private mutating func id() throws(ByteError) -> UnsafeRawBufferPointer {
        let id = try reader.slice(limit: Limits.objectIDBytes)
        guard !id.isEmpty else { throw .invalidValue(field: "id length", value: 0) }
        return id
    }
}
