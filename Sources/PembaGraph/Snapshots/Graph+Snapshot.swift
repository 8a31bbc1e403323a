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
    ///
    /// It ends with the tuple with which it has `target` bytes, if it has not ended before.
    package func nextSnapshotBlock(maxBytes: Int, target: Int = .max) -> [UInt8]? {
        guard let cut = snapshot else { preconditionFailure("a block was asked for without a cut") }
        guard !cut.isComplete else { return nil }
        var block = TupleBlockWriter(capacity: min(maxBytes, target), linked: linked)
        let full = max(min(maxBytes - TupleBlock.mostBytesPerTuple, target), 2)
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
                let entry = cursor.pointee & ~1
                cursor += 1
                guard cut.pass(RowEntry.key(entry)) else { continue }
                if !isNamed { block.resource(type: UInt32(record.type), id: entities.id(of: resource)) }
                isNamed = true
                let subject = RowEntry.entity(entry)
                block.tuple(
                    entry,
                    type: UInt32(record.type),
                    subjectType: UInt32(entities.records[Int(subject)].type),
                    subjectID: entities.id(of: subject),
                    traitsOf: RowEntry.hasTraits(entry) ? tuple(TupleEnd(resource: resource, entry: entry)) : nil
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
            while let (view, names, loaded) = try loader.next() {
                let traits = try loaded.map { traits throws(BlockProblem) in try hold(traits, of: view) } ?? .none
                let numbers: TupleNumbers
                // Neighbours mostly have the same names: they are looked up once.
                if let known, loaded == nil, known.names == names {
                    numbers = known.numbers
                } else {
                    do throws(GraphError) { numbers = try locate(view, traits) } catch { throw .refused(error) }
                    known = names.isWildcard || loaded != nil ? nil : (names, numbers)
                }
                guard put(view, numbers, traits) == .created else {
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

    /// The traits of a loaded tuple, as far as the schema knows them.
    private func hold(_ loaded: LoadedTraits, of view: CheckView) throws(BlockProblem) -> Traits {
        var tuple = RelationTuple(view)
        tuple.caveat = loaded.caveat
        tuple.expiresAt = loaded.expiresAt
        tuple.notBefore = loaded.notBefore
        do throws(GraphError) { try validate(tuple) } catch { throw .refused(error) }
        return hold(tuple)
    }
}
