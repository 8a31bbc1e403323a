// Pemba: rows that differ from the stored ones, for one request.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Rows as they were at a revision of the past, with tuples added or hidden: what past reads, contextual tuples and
/// explanations see instead of the stored rows.
///
/// Only rows that differ are made: those that tuples are added to or hidden from at once, those that history has
/// changed when they are first asked for. A changed row shares with the stored one whatever did not change (`Rows`
/// copies on write); the arena's journal says what is the overlay's own. An overlay ends before the graph changes.
final class RowOverlay {
    // Unsafe, because a checked reference would count on every row: a basis, and with it the overlay, ends before its
    // graph changes and so before it goes.
    private unowned(unsafe) let graph: Graph
    /// The revision whose rows are shown; nil for those of the present.
    private let revision: Revision?
    /// The rows that differ, by entity and end.
    private var slots: [UInt64: UnsafeMutablePointer<UInt64>] = [:]
    /// Entities whose later changes have been looked at, and those changes as long as nobody has asked for their rows.
    private var noted: Set<UInt32> = []
    private var later: [UInt32: LaterChanges] = [:]
    /// The traits of tuples that differ from the stored ones.
    private var changedTraits: [TupleKey: Traits] = [:]
    /// The tuples that were added.
    let guests: OverlayGuests
    private var blocks = ArenaJournal()

    /// Shows a revision's rows, or those of the present, with the tuples that another overlay had added, if any.
    init(graph: Graph, revision: Revision?, guests: OverlayGuests? = nil) {
        self.graph = graph
        self.revision = revision
        self.guests = guests ?? OverlayGuests(graph)
        for guest in self.guests.tuples { place(guest) }
    }

    deinit {
        for slot in slots.values { slot.deallocate() }
        graph.rows.arena.free(blocks)
    }

    private static func key(_ entity: UInt32, _ isForward: Bool) -> UInt64 { UInt64(entity) << 1 | (isForward ? 1 : 0) }

    /// Where an entity's row is.
    func slot(_ entity: UInt32, isForward: Bool) -> UnsafePointer<UInt64> {
        prepare(entity)
        if let slot = slots[RowOverlay.key(entity, isForward)] { return UnsafePointer(slot) }
        return UnsafePointer(isForward ? graph.forward(entity) : graph.reverse(entity))
    }

    /// The traits of a tuple, if they differ from the stored ones.
    func traits(_ tuple: TupleKey) -> Traits? {
        note(tuple.resource)
        return changedTraits[tuple]
    }

    /// Adds a tuple, or gives one that is there these traits; the overlay holds the condition from now on.
    func add(_ resource: UInt32, _ entry: UInt64, _ traits: Traits) {
        let guest = OverlayGuests.Guest(resource: resource, entry: entry, traits: traits)
        guests.add(guest)
        place(guest)
    }

    private func place(_ guest: OverlayGuests.Guest) {
        let (resource, entry, traits) = (guest.resource, guest.entry, guest.traits)
        let subject = RowEntry.entity(entry)
        prepare(resource)
        prepare(subject)
        let flagged = traits.isNone ? RowEntry.key(entry) : RowEntry.key(entry) | RowEntry.hasTraits
        changedTraits[TupleKey(resource, entry)] = traits
        journaled {
            put(own(resource, isForward: true), flagged)
            put(own(subject, isForward: false), RowEntry.mirror(flagged, naming: resource))
        }
    }

    /// Hides a tuple, if it is there.
    func hide(_ resource: UInt32, _ entry: UInt64) {
        let subject = RowEntry.entity(entry)
        prepare(resource)
        prepare(subject)
        journaled {
            _ = graph.rows.remove(own(resource, isForward: true), entry)
            _ = graph.rows.remove(own(subject, isForward: false), RowEntry.mirror(entry, naming: resource))
        }
    }

    // MARK: Parts

    private func journaled(_ body: () -> Void) {
        graph.rows.arena.beginJournal(&blocks)
        body()
        graph.rows.arena.endJournal(&blocks)
    }

    private func put(_ slot: UnsafeMutablePointer<UInt64>, _ entry: UInt64) {
        _ = graph.rows.remove(slot, entry)
        _ = graph.rows.insert(slot, entry)
    }

    /// A row of the overlay's own; the entity is prepared, the journal open.
    private func own(_ entity: UInt32, isForward: Bool) -> UnsafeMutablePointer<UInt64> {
        let key = RowOverlay.key(entity, isForward)
        if let slot = slots[key] { return slot }
        let slot = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        slot.initialize(to: (isForward ? graph.forward(entity) : graph.reverse(entity)).pointee)
        graph.rows.makeOwn(slot)
        slots[key] = slot
        return slot
    }

    /// Changes of one row up to which they are taken back one by one; above, the row is made anew.
    private static let changesOneByOne = 64

    /// The changes of an entity's rows after the revision, by their entries' keys.
    ///
    /// Of several changes of one tuple only the first after the revision matters: it knows what was there before.
    private struct LaterChanges {
        var forward: [UInt64: HistoryChange] = [:]
        var reverse: [UInt64: HistoryChange] = [:]

        var isEmpty: Bool { forward.isEmpty && reverse.isEmpty }
    }

    /// Looks at an entity's later changes: what traits its tuples had is known from here on.
    private func note(_ entity: UInt32) {
        guard let revision, noted.insert(entity).inserted else { return }
        var changes = LaterChanges()
        let shown = planted("past-is-one-off") ? Revision(revision.rawValue + 1) : revision
        graph.history.walkBack(entity, after: shown) { change in
            if change.resource == entity { changes.forward[RowEntry.key(change.entry)] = change }
            if RowEntry.entity(change.entry) == entity {
                changes.reverse[RowEntry.key(RowEntry.mirror(change.entry, naming: change.resource))] = change
            }
            if change.kind != .created { changedTraits[TupleKey(change.resource, change.entry)] = change.old }
        }
        if !changes.isEmpty { later[entity] = changes }
    }

    /// Makes an entity's rows what they were at the revision, by taking its later changes back.
    private func prepare(_ entity: UInt32) {
        note(entity)
        guard !later.isEmpty, let changes = later.removeValue(forKey: entity) else { return }
        takeBack(changes.forward, entity, isForward: true)
        takeBack(changes.reverse, entity, isForward: false)
    }

    /// Makes a row what it was before these changes, by their entries' keys.
    private func takeBack(_ changes: [UInt64: HistoryChange], _ entity: UInt32, isForward: Bool) {
        guard !changes.isEmpty else { return }
        var former: [UInt64] = []
        for (key, change) in changes where change.kind != .created {
            former.append(change.old.isNone ? key : key | RowEntry.hasTraits)
        }
        journaled {
            let slot = own(entity, isForward: isForward)
            guard changes.count > RowOverlay.changesOneByOne else {
                for key in changes.keys { _ = graph.rows.remove(slot, key) }
                for entry in former { _ = graph.rows.insert(slot, entry) }
                return
            }
            var entries = former
            graph.rows.forEach(slot) { if changes[RowEntry.key($0)] == nil { entries.append($0) } }
            entries.sort()
            slot.pointee = RowWord.empty.raw
            entries.withUnsafeBufferPointer { graph.rows.fill(slot, $0) }
        }
    }
}
