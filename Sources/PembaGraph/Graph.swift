// Pemba: all relation tuples in memory.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaSchema

/// The relation tuples of a node and the evaluation of checks over them.
///
/// Confined to one thread.
///
/// Objects and subjects are entities, numbered when they get their first tuple and forgotten with their last
/// (`EntityStore`). Each entity has a forward row, the tuples whose resource it is, and a reverse row, those whose
/// subject it is (`Rows`), so that one object's relations lie together and visiting it costs one or two cache misses.
/// The schema is linked into a flat program over the same numbers (`LinkedSchema`).
package final class Graph {
    /// What the hot path reads, behind a pointer so that reading it takes no reference and no access check.
    struct Hot {
        var view: GraphView
        var names: NameIndex
        var hasSchema: Bool
        /// How many types `view.wildcards` has room for.
        var typeCount: Int
    }

    let entities: EntityStore
    let rows: Rows
    let hot: UnsafeMutablePointer<Hot>
    /// The schema in the graph's numbers; an empty one before the first.
    ///
    /// Keeps alive what `hot` points to.
    private(set) var linked: LinkedSchema
    /// The schema; nil before the first.
    package private(set) var schema: CompiledSchema?
    /// How many tuples there are.
    package internal(set) var tupleCount = 0
    /// The fingerprint of the tuples.
    package internal(set) var contentHash = ContentHash.zero
    /// An evaluation that is not in use, behind a pointer for the same reasons as `hot`.
    let spare: UnsafeMutablePointer<Evaluation?>
    /// The cut being written, if one is.
    var snapshot: SnapshotCut?
    /// Entities in the order of reads, as far as a read has asked for it.
    var order: EntityOrder?
    let batch = BatchScratch()

    /// Makes an empty graph without a schema.
    ///
    /// `hashSeed` keys the index of ids; a node that serves strangers gives a random one. No result depends on it.
    package init(capacity: GraphCapacity = .standard, hashSeed: UInt64 = 0) {
        entities = EntityStore(capacity: capacity, seed: hashSeed)
        rows = Rows(bytes: capacity.rowBytes, hugePages: capacity.hugePages)
        linked = Linker.link(CompiledSchema(source: "", definitions: []), keeping: nil)
        spare = .allocate(capacity: 1)
        spare.initialize(to: nil)
        let wildcards = UnsafeMutablePointer<UInt32>.copy([EntityNumber.none])
        hot = .allocate(capacity: 1)
        let view = GraphView(records: entities.records, rows: rows, linked: linked, wildcards: wildcards)
        hot.initialize(to: Hot(view: view, names: linked.names, hasSchema: false, typeCount: 1))
    }

    deinit {
        hot.pointee.view.wildcards.deallocate()
        hot.deallocate()
        spare.deinitialize(count: 1)
        spare.deallocate()
        entities.release()
        rows.release()
        batch.release()
    }

    /// How many objects and subjects have tuples.
    package var entityCount: Int { entities.count }

    /// Bytes in use for tuples, ids and indexes, free blocks included.
    package var memoryBytes: Int { entities.usedBytes + rows.arena.usedBytes }

    /// Puts a linked schema in place; the caller has made sure that it orphans nothing.
    func install(_ new: LinkedSchema) {
        let old = hot.pointee
        var wildcards = [UInt32](repeating: EntityNumber.none, count: new.types.count)
        for type in 0..<min(old.typeCount, wildcards.count) { wildcards[type] = old.view.wildcards[type] }
        let view = GraphView(records: entities.records, rows: rows, linked: new, wildcards: .copy(wildcards))
        hot.pointee = Hot(view: view, names: new.names, hasSchema: true, typeCount: wildcards.count)
        old.view.wildcards.deallocate()
        linked = new
        schema = new.schema
        order = nil
    }
}

extension GraphView {
    init(
        records: UnsafeMutablePointer<EntityRecord>,
        rows: Rows,
        linked: LinkedSchema,
        wildcards: UnsafeMutablePointer<UInt32>
    ) {
        self.records = records
        self.rows = rows
        nodeBase = linked.nodeBase
        nodes = linked.nodes
        ops = linked.ops
        operands = linked.operands
        targets = linked.targets
        reachability = linked.reachability
        self.wildcards = wildcards
    }
}
