// Pemba: reading the tuples of one state.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Reads stored tuples, as they are in one state, without evaluating anything.
struct StateReader {
    let graph: Graph
    let basis: Basis

    var linked: LinkedSchema { basis.linked }
    var entities: EntityStore { graph.entities }

    /// The traits of a stored tuple.
    func traits(_ end: TupleEnd) -> Traits {
        guard RowEntry.hasTraits(end.entry) else { return .none }
        let key = TupleKey(end.resource, end.entry)
        return basis.overlay?.traits(key) ?? graph.traits[key]
    }

    /// Whether a stored tuple has not expired; whether it counts yet does not matter.
    func isVisible(_ end: TupleEnd) -> Bool {
        !RowEntry.hasTraits(end.entry) || traits(end).expiresAt > basis.time
    }

    /// The row of an entity.
    func row(_ entity: UInt32) -> RowWord { RowWord(raw: basis.hot.pointee.view.forward(entity).pointee) }
}

extension Graph {
    /// Reads the present state.
    var reader: StateReader { StateReader(graph: self, basis: present) }

    /// The stored tuple of an entry.
    func tuple(_ end: TupleEnd) -> RelationTuple { reader.tuple(end) }

    /// Whether a stored tuple comes before another one in the order of reads.
    func precedes(_ left: TupleEnd, _ right: TupleEnd) -> Bool { reader.precedes(left, right) }
}
