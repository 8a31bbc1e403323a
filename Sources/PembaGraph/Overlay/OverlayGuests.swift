// Pemba: tuples that a request brings along, in the graph's numbers.
// SPDX-License-Identifier: Apache-2.0

/// The tuples that an overlay adds.
///
/// Their entities and conditions keep their numbers as long as this lives: longer than one overlay, if the request goes
/// on with another one after the graph has changed.
final class OverlayGuests {
    /// One tuple.
    struct Guest {
        var resource: UInt32
        var entry: UInt64
        var traits: Traits
    }

    private let graph: Graph
    private(set) var tuples: [Guest] = []

    init(_ graph: Graph) { self.graph = graph }

    deinit {
        for guest in tuples {
            if guest.traits.condition != 0 { graph.conditions.release(guest.traits.condition) }
            graph.unpin(guest.resource)
            graph.unpin(RowEntry.entity(guest.entry))
        }
    }

    /// Takes a tuple in, and over its condition.
    func add(_ guest: Guest) {
        graph.pin(guest.resource)
        graph.pin(RowEntry.entity(guest.entry))
        tuples.append(guest)
    }
}
