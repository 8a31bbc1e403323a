// Pemba: a consistent cut while writes go on.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The state of writing out the tuples as they were when it began.
///
/// Entities are walked by number and their forward rows by entry. A change at a place that the walk has passed does not
/// matter. At a place still ahead, a tuple that is added is noted, so that the walk leaves it out; a tuple that is
/// removed is written out at once, so that the walk need not find it. Both take constant time, whatever the row.
final class SnapshotCut {
    private struct Place: Hashable {
        var resource: UInt32
        var entry: UInt64
    }

    /// Entities from here on are newer than the cut.
    private let end: UInt32
    /// The walk has passed all entries of entities before this one, and those of it below `nextEntry`.
    private(set) var resource = EntityNumber.first
    private(set) var nextEntry: UInt64 = 0
    /// Stored tuples ahead of the walk that are newer than the cut; only asked for membership.
    private var newer: Set<Place> = []
    /// Tuples of the cut that were removed before the walk came to them.
    private var removed: [RelationTuple] = []

    init(end: UInt32) { self.end = end }

    private func isAhead(_ resource: UInt32, _ entry: UInt64) -> Bool {
        resource < end && (resource > self.resource || (resource == self.resource && entry >= nextEntry))
    }

    func didInsert(_ resource: UInt32, _ entry: UInt64) {
        if isAhead(resource, entry) { newer.insert(Place(resource: resource, entry: entry)) }
    }

    func didRemove(_ resource: UInt32, _ entry: UInt64, _ tuple: RelationTuple) {
        guard isAhead(resource, entry) else { return }
        if newer.remove(Place(resource: resource, entry: entry)) == nil { removed.append(tuple) }
    }

    /// Takes a removed tuple.
    func takeRemoved() -> RelationTuple? { removed.popLast() }

    /// Whether the walk is through.
    var isComplete: Bool { resource >= end && removed.isEmpty }

    /// Whether the walk has passed every entity of the cut.
    var hasPassedAll: Bool { resource >= end }

    /// Moves the walk behind an entry of the current entity; false if the entry is newer than the cut.
    func pass(_ entry: UInt64) -> Bool {
        nextEntry = entry + RowEntry.step
        guard !newer.isEmpty else { return true }
        return newer.remove(Place(resource: resource, entry: entry)) == nil
    }

    /// Moves the walk to the next entity.
    func passEntity() {
        resource += 1
        nextEntry = 0
    }
}
