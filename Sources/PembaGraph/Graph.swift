// Pemba: all relation tuples in memory.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaSchema
package import PembaService

/// The relation tuples of a node and the evaluation of checks over them.
///
/// Confined to one thread.
///
/// Objects and subjects are entities, numbered when they get their first tuple and forgotten with their last
/// (`EntityStore`). Each entity has a forward row, the tuples whose resource it is, and a reverse row, those whose
/// subject it is (`Rows`), so that one object's relations lie together and visiting it costs one or two cache misses.
/// The schema is linked into a flat program over the same numbers (`LinkedSchema`).
package final class Graph {
    let entities: EntityStore
    let rows: Rows
    /// The present state, in the graph's numbers; without a schema before the first.
    let present: Basis
    let hot: UnsafeMutablePointer<Basis.Hot>
    /// The conditions and times of the tuples that have any.
    var traits = TraitTable()
    var conditions = ConditionStore()
    /// What changed before the present state.
    private(set) var history: History
    private let capacity: GraphCapacity
    /// Entities that overlays and evaluations use, perhaps without tuples, with how many of them do.
    private var pins: [UInt32: Int] = [:]
    /// Whether changes are kept in the history: from the first revision that begins.
    private(set) var isRecording = false
    /// The revision of the present state.
    package private(set) var revision = Revision.zero
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
    package init(capacity: GraphCapacity = .standard, hashSeed: UInt64 = 0, history: HistoryLimits = .none) {
        entities = EntityStore(capacity: capacity, seed: hashSeed)
        rows = Rows(bytes: capacity.rowBytes, hugePages: capacity.hugePages)
        self.capacity = capacity
        self.history = History(limits: history, capacity: capacity)
        spare = .allocate(capacity: 1)
        spare.initialize(to: nil)
        let linked = Linker.link(CompiledSchema(source: "", definitions: []), keeping: nil)
        let view = GraphView(entities, rows, linked, overlay: nil, wildcards: .copy([EntityNumber.none]))
        present = Basis(linked, view, time: 0, overlay: nil, hasSchema: false, typeCount: 1)
        hot = present.hot
        self.history.restart(at: .zero, time: 0, schema: linked)
    }

    deinit {
        spare.deinitialize(count: 1)
        spare.deallocate()
        entities.release()
        rows.release()
        batch.release()
    }

    /// The schema in the graph's numbers; an empty one before the first.
    var linked: LinkedSchema { present.linked }

    /// The log's time at the present state, in nanoseconds.
    var now: Int64 { present.time }

    /// How many objects and subjects have tuples.
    package var entityCount: Int { entities.count }

    /// Bytes in use for tuples, ids and indexes, free blocks included.
    package var memoryBytes: Int { entities.usedBytes + rows.arena.usedBytes }

    /// Puts a linked schema in place; the caller has made sure that it orphans nothing.
    func install(_ new: LinkedSchema) {
        let old = linked
        let wildcards = wildcards(of: new)
        let view = GraphView(entities, rows, new, overlay: nil, wildcards: .copy(wildcards))
        present.install(new, view, typeCount: wildcards.count)
        schema = new.schema
        order = nil
        conditions.relink(from: old, to: new)
        history.didInstall(new, at: revision)
    }

    // MARK: Revisions

    /// Changes that one revision forgets at most because they are too old.
    private static let forgottenPerRevision = 4_096

    /// Begins a revision: what is written from here on belongs to it, and time is the log's.
    package func begin(_ revision: Revision, time: Timestamp) {
        isRecording = history.isKept
        self.revision = revision
        present.time = time.nanoseconds
        history.begin(revision, time: time.nanoseconds)
        // A few at a time: when a million fall due together, nobody waits for it.
        var left = Graph.forgottenPerRevision
        while left > 0, history.isOverdue(now: now) {
            forgetOldestChange()
            left -= 1
        }
        history.trimTimes(now: now)
    }

    /// Says that the state is the one of a revision, with no history before it.
    package func restart(at revision: Revision, time: Timestamp) {
        self.revision = revision
        present.time = time.nanoseconds
        isRecording = false
        history.restart(at: revision, time: time.nanoseconds, schema: linked)
    }

    /// Says how much history is kept from here on; none may have been recorded.
    package func keepHistory(_ limits: HistoryLimits) {
        precondition(history.count == 0, "the history's limits were changed while it has changes")
        history = History(limits: limits, capacity: capacity)
        history.restart(at: revision, time: now, schema: linked)
        isRecording = false
    }

    /// Keeps what a writer said about the present revision.
    package func note(_ metadata: ContextObject) { history.note(metadata, at: revision) }

    /// The oldest revision whose state can be asked for.
    package var oldestRevision: Revision { history.isKept ? history.oldest : revision }

    /// How far back it can be asked, and what bounds that.
    package var historyStatus: HistoryStatus {
        HistoryStatus(
            oldest: oldestRevision,
            oldestTime: time(of: oldestRevision),
            changes: UInt64(history.count),
            changesMax: UInt64(history.limits.changes),
            bytes: UInt64(history.sizes.total),
            bytesMax: UInt64(history.limits.bytes),
            secondsMax: history.limits.span.nanoseconds / 1_000_000_000
        )
    }

    func forgetOldestChange() {
        let (change, freed) = history.forgetFirst()
        conditions.release(change.old.condition)
        conditions.release(change.new.condition)
        for entity in freed { reclaimIfUnused(entity) }
    }

    // MARK: Entities in use without tuples

    /// Keeps an entity's number while an overlay or an evaluation uses it.
    func pin(_ entity: UInt32) {
        if entity >= EntityNumber.first { pins[entity, default: 0] += 1 }
    }

    /// Lets an entity go.
    func unpin(_ entity: UInt32) {
        guard let count = pins[entity] else { return }
        pins[entity] = count > 1 ? count - 1 : nil
        if count == 1 { reclaimIfUnused(entity) }
    }

    /// Whether an entity has no tuples: only the history, or an overlay, knows it.
    func hasNoTuples(_ entity: UInt32) -> Bool {
        let record = entities.records[Int(entity)]
        return record.forward == 0 && record.reverse == 0
    }

    /// Forgets an entity that nothing refers to.
    func reclaimIfUnused(_ entity: UInt32) {
        let record = entities.records[Int(entity)]
        guard hasNoTuples(entity), pins[entity] == nil, !history.holds(entity) else { return }
        let id = entities.id(of: entity)
        let type = Int(record.type)
        if id.count == 1, id[0] == UInt8(ascii: "*"), type < present.typeCount {
            hot.pointee.view.wildcards[type] = EntityNumber.none
        }
        order?.willRemove(entity, entities)
        entities.reclaim(entity)
    }
}

extension GraphView {
    init(
        _ entities: EntityStore,
        _ rows: Rows,
        _ linked: LinkedSchema,
        overlay: RowOverlay?,
        wildcards: UnsafeMutablePointer<UInt32>
    ) {
        records = entities.records
        self.rows = rows
        nodeBase = linked.nodeBase
        nodes = linked.nodes
        ops = linked.ops
        operands = linked.operands
        targets = linked.targets
        reachability = linked.reachability
        self.wildcards = wildcards
        self.overlay = overlay.map { Unmanaged.passUnretained($0) }
    }
}
