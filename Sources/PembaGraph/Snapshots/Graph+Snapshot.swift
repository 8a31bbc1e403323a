// Pemba: writing the tuples out and reading them in.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension Graph {
    /// Entities that one block may pass over without finding a tuple.
    private static let mostEntitiesPerBlock = 1 << 16

    /// Takes the cut: the blocks that follow hold the tuples as they are now, whatever is written meanwhile.
    package func beginSnapshot() { snapshot = SnapshotCut(end: entities.end) }

    /// Gives the cut up, complete or not.
    package func endSnapshot() { snapshot = nil }

    /// The next block of the cut, of about `maxBytes` at most, perhaps without tuples; nil when it is complete.
    package func nextSnapshotBlock(maxBytes: Int) -> [UInt8]? {
        guard let cut = snapshot else { preconditionFailure("a block was asked for without a cut") }
        guard !cut.isComplete else { return nil }
        var block = TupleBlockWriter(capacity: maxBytes, linked: linked)
        let full = max(maxBytes - TupleBlock.mostBytesPerTuple, 1)
        while block.count < full, let tuple = cut.takeRemoved() { block.removed(tuple) }
        var entitiesLeft = Graph.mostEntitiesPerBlock
        while block.count < full, entitiesLeft > 0, !cut.hasPassedAll {
            if write(cut, into: &block, full: full) { cut.passEntity() }
            entitiesLeft -= 1
        }
        return block.writer.bytes
    }

    /// Writes the current entity's tuples as far as they fit; true if all are passed.
    private func write(_ cut: SnapshotCut, into block: inout TupleBlockWriter, full: Int) -> Bool {
        let resource = cut.resource
        let record = entities.records[Int(resource)]
        guard record.type != 0, record.forward != 0 else { return true }
        var isNamed = false
        while true {
            let run = rows.run(forward(resource), from: cut.nextEntry)
            if run.isEmpty { return true }
            var cursor = run.start
            while cursor < run.end {
                guard block.count < full else { return false }
                let entry = RowEntry.key(cursor.pointee)
                cursor += 1
                guard cut.pass(entry) else { continue }
                if !isNamed { block.resource(type: UInt32(record.type), id: entities.id(of: resource)) }
                isNamed = true
                let subject = RowEntry.entity(entry)
                block.tuple(
                    entry,
                    type: UInt32(record.type),
                    subjectType: UInt32(entities.records[Int(subject)].type),
                    subjectID: entities.id(of: subject)
                )
            }
        }
    }

    /// Adds the tuples of a block; the schema must be set, and no tuple of the block may be there yet.
    ///
    /// Nothing of a damaged block is to be relied on: the graph is then thrown away.
    package func load(block: UnsafeRawBufferPointer) throws(GraphError) {
        do throws(BlockProblem) {
            var loader = try TupleBlockReader(block)
            var known: (names: TupleNames, numbers: TupleNumbers)?
            while let (view, names) = try loader.next() {
                let numbers: TupleNumbers
                // Neighbours mostly have the same names: they are looked up once.
                if let known, known.names == names {
                    numbers = known.numbers
                } else {
                    do throws(GraphError) { numbers = try locate(view) } catch { throw .refused(error) }
                    known = names.isWildcard ? nil : (names, numbers)
                }
                guard insert(view, numbers) else {
                    throw .bytes(.invalidValue(field: "tuple that is there already", value: UInt64(tupleCount)))
                }
            }
        } catch {
            switch error {
            case .bytes(let error): throw .damagedBlock(error)
            case .refused(let error): throw error
            }
        }
    }
}

/// Why a block could not be loaded.
private enum BlockProblem: Error {
    case bytes(ByteError)
    case refused(GraphError)
}

/// The numbers that a tuple's names have in its block, and whether it is about a wildcard.
private struct TupleNames: Equatable {
    var type: Int
    var relation: Int
    var subjectType: Int
    var subjectRelation: Int
    var isWildcard: Bool
}

/// Reads a block.
private struct TupleBlockReader {
    private var reader: ByteReader
    private var names: [UnsafeRawBufferPointer] = []
    private var resourceType: Int?
    private var resourceID: UnsafeRawBufferPointer?

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
    mutating func next() throws(BlockProblem) -> (CheckView, TupleNames)? {
        do throws(ByteError) { return try nextTuple() } catch { throw .bytes(error) }
    }

    private mutating func nextTuple() throws(ByteError) -> (CheckView, TupleNames)? {
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
                return try tuple()
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
