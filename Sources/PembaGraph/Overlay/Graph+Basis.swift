// Pemba: states other than the present one.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
internal import PembaSchema

extension Graph {
    /// The present state.
    package var presentBasis: Basis { present }

    /// The state at a revision of the past, if one is given, with tuples added that count as if they were stored, and
    /// stored ones hidden.
    ///
    /// It must end before the graph changes: before anything is written, and before another revision begins; `hold`
    /// notes what it is made of again afterwards.
    package func basis(
        at revision: Revision? = nil,
        adding tuples: [RelationTuple] = [],
        hiding hidden: [RelationTuple] = []
    ) throws(GraphError) -> Basis {
        let basis = try basis(of: Basis.Origin(revision: revision, added: tuples, hidden: hidden), guests: nil)
        guard let overlay = basis.overlay else { return basis }
        for tuple in hidden { try hide(tuple, in: basis, overlay) }
        for tuple in tuples { try add(tuple, to: basis, overlay) }
        return basis
    }

    /// The state that an origin says, with the tuples that an overlay of it has added, if there was one before.
    func basis(of origin: Basis.Origin, guests: OverlayGuests?) throws(GraphError) -> Basis {
        let isPast = !planted("past-is-present") && origin.revision.map { $0 != self.revision } ?? false
        guard isPast || !origin.added.isEmpty || !origin.hidden.isEmpty else { return present }
        var linked = linked
        var time = now
        var hasSchema = hot.pointee.hasSchema
        if isPast, let revision = origin.revision {
            guard revision <= self.revision else { throw .notYet(newest: self.revision) }
            guard history.isKept, let past = history.time(of: revision), let schema = history.schema(at: revision)
            else { throw .tooOld(oldest: oldestRevision) }
            time = past
            if !planted("past-under-present-schema") { linked = schema }
            hasSchema = !schema.schema.definitions.isEmpty
        }
        let overlay = RowOverlay(graph: self, revision: isPast ? origin.revision : nil, guests: guests)
        return Basis(
            linked,
            GraphView(entities, rows, linked, overlay: overlay, wildcards: .copy(wildcards(of: linked))),
            time: time,
            overlay: overlay,
            hasSchema: hasSchema,
            typeCount: linked.types.count,
            origin: Basis.Origin(revision: isPast ? origin.revision : nil, added: origin.added, hidden: origin.hidden)
        )
    }

    /// A state with further tuples added or hidden; those that the state itself had added can be hidden, too.
    func basis(
        on basis: Basis,
        adding tuples: [RelationTuple],
        hiding hidden: [RelationTuple]
    ) throws(GraphError) -> Basis {
        let origin = basis.origin
        let replaced = Set((tuples + hidden).map(\.key))
        return try self.basis(
            at: origin.revision,
            adding: origin.added.filter { !replaced.contains($0.key) } + tuples,
            hiding: origin.hidden + hidden
        )
    }

    /// The last revision whose time is not after `time`.
    package func revision(at time: Timestamp) throws(GraphError) -> Revision {
        if time.nanoseconds >= now { return revision }
        guard history.isKept, let revision = history.revision(at: time.nanoseconds) else {
            throw .tooOld(oldest: oldestRevision)
        }
        return revision
    }

    /// The entity `*` of each type of a schema.
    func wildcards(of linked: LinkedSchema) -> [UInt32] {
        let star = [UInt8(ascii: "*")]
        return linked.types.indices.map { type in
            if linked === self.linked { return hot.pointee.view.wildcards[type] }
            return star.withUnsafeBytes { entities.find(type: UInt32(type), id: $0) }
        }
    }

    private func add(_ tuple: RelationTuple, to basis: Basis, _ overlay: RowOverlay) throws(GraphError) {
        try validate(tuple, in: basis)
        let traits = hold(tuple)
        try tuple.withView { view throws(GraphError) in
            let numbers = try locate(view, kindOf: tuple, basis.linked, basis.hot)
            let resource = borrow(numbers.type, view.resourceID, basis)
            let subject = borrow(numbers.subjectType, view.subjectID, basis)
            let entry = RowEntry.make(
                relation: numbers.relation,
                subjectRelation: numbers.subjectRelation,
                entity: subject
            )
            overlay.add(resource, entry, traits)
        }
    }

    /// The number of an entity, which gets one if it has none; the overlay pins it at once.
    private func borrow(_ type: UInt32, _ id: UnsafeRawBufferPointer, _ basis: Basis) -> UInt32 {
        let (entity, isNew) = entities.intern(type: type, id: id)
        if isNew { order?.didAdd(entity, entities) }
        if id.count == 1, id[0] == UInt8(ascii: "*") {
            basis.hot.pointee.view.wildcards[Int(type)] = entity
            if isNew, Int(type) < present.typeCount { hot.pointee.view.wildcards[Int(type)] = entity }
        }
        return entity
    }

    private func hide(_ tuple: RelationTuple, in basis: Basis, _ overlay: RowOverlay) throws(GraphError) {
        try tuple.withView { view throws(GraphError) in
            let numbers = try locate(view, nil, basis.linked, basis.hot)
            let resource = entities.find(type: numbers.type, id: view.resourceID)
            let subject = entities.find(type: numbers.subjectType, id: view.subjectID)
            guard resource != EntityNumber.none, subject != EntityNumber.none else { return }
            let entry = RowEntry.make(
                relation: numbers.relation,
                subjectRelation: numbers.subjectRelation,
                entity: subject
            )
            overlay.hide(resource, entry)
        }
    }
}
