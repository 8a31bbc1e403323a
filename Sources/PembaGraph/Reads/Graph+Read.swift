// Pemba: reading tuples by filter.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What a read gives.
package enum ReadStep {
    /// Tuples in the order of reads, fewer than asked for if the work was used up, perhaps none; and where to go on,
    /// nil at the end. `next` is a position, not always a stored tuple.
    case page([RelationTuple], next: RelationTuple?)
    /// The order of entities, or of a long row, is still being made: ask again, with the same arguments, whatever is
    /// written meanwhile.
    case again
}

extension Graph {
    /// Checks that a filter's names exist, that its relation holds tuples, and that it does not contradict itself.
    package func validate(_ filter: RelationshipFilter, in basis: Basis? = nil) throws(GraphError) {
        let basis = basis ?? present
        guard basis.hot.pointee.hasSchema else { throw .noSchema }
        if filter.resourceID != nil && filter.resourceIDPrefix != nil { throw .invalidFilter(filter) }
        try requireRelation(filter.relation, of: filter.resourceType, holdsTuples: true, basis.linked)
        var subjectRelation: String?
        if case .named(let name) = filter.subjectRelation { subjectRelation = name }
        try requireRelation(subjectRelation, of: filter.subjectType, holdsTuples: false, basis.linked)
    }

    /// Checks that a definition exists and has a relation, as far as they are named; without a definition, that one has
    /// the relation.
    private func requireRelation(
        _ relation: String?,
        of type: String?,
        holdsTuples: Bool,
        _ linked: LinkedSchema
    ) throws(GraphError) {
        func node(_ type: UInt32, _ relation: String) -> LinkedNode? {
            let number = linked.names.find(relation, scope: type)
            return number == 0 ? nil : linked.nodes[Int(linked.node(type: type, relation: number))]
        }
        if let type {
            let number = linked.names.find(type, scope: 0)
            guard number != 0 else { throw .unknownDefinition(type) }
            guard let relation else { return }
            guard let node = node(number, relation) else {
                throw .unknownRelation(definition: type, relation: relation)
            }
            guard !holdsTuples || node.kind == .relation else {
                throw .cannotWritePermission(definition: type, permission: relation)
            }
        } else if let relation {
            let found = linked.types.indices.dropFirst().compactMap { node(UInt32($0), relation) }
            guard let first = found.first else { throw .unknownEverywhere(relation: relation) }
            guard !holdsTuples || found.contains(where: { $0.kind == .relation }) else {
                throw .cannotWritePermission(definition: linked.types[Int(first.type)].name, permission: relation)
            }
        }
    }

    /// A page of the tuples that a filter means: those after `after`, at most `limit`; in the present state unless
    /// another is given.
    ///
    /// A filter with the id of a resource or a subject reads the rows that it names: time in their length. Any other
    /// filter walks the resources in order: about `work` entities and entries are looked at in one call. The first such
    /// read makes the order of entities, `work` entities in a call. Whoever gives a `progress` has `work` entries of a long
    /// row looked at in a call, and for all pages of one revision the row is put in order once.
    package func read(
        _ filter: RelationshipFilter,
        in basis: Basis? = nil,
        after: RelationTuple? = nil,
        limit: Int,
        work: Int = Limits.readWork,
        progress: ReadProgress? = nil
    ) -> ReadStep {
        let reader = StateReader(graph: self, basis: basis ?? present)
        guard let linked = LinkedFilter(filter, reader.linked, entities) else { return .page([], next: nil) }
        guard linked.namesRows || extendOrder(work: work) else { return .again }
        let work = ReadWork(left: work, isReplicated: false)
        return reader.page(linked, after: after, limit: limit, work: work, progress)
    }

    // MARK: On behalf of commands

    /// Makes the order of entities as far as `work` goes, if a search for what a filter means takes it; true once such a
    /// search takes no more work than it is given.
    package func prepareSearch(_ filter: RelationshipFilter, work: Int = Limits.readWork) -> Bool {
        guard let linked = LinkedFilter(filter, self.linked, entities), !linked.namesRows else { return true }
        return extendOrder(work: work)
    }

    /// Makes ready, in the same way, what `matches` takes at a time that is to come.
    package func prepareMatch(_ filter: RelationshipFilter, at time: Timestamp) -> Bool {
        filter.resourceIDPrefix == nil && !hasUncollected(at: time.nanoseconds) || prepareSearch(filter)
    }

    /// The first tuples after `after` that a filter means, at most `limit`, and where to go on: the same on every node
    /// with the same tuples, however it came by them.
    ///
    /// `work` tuples, and entities that have any, are looked at, and then the rest of the row that was begun; but the
    /// rows that an id names are looked at whole.
    package func search(
        _ filter: RelationshipFilter,
        after: RelationTuple? = nil,
        limit: Int,
        work: Int
    ) -> (tuples: [RelationTuple], next: RelationTuple?) {
        guard let linked = LinkedFilter(filter, self.linked, entities) else { return ([], nil) }
        while !linked.namesRows, !extendOrder(work: Limits.readWork) {}
        let step = reader.page(linked, after: after, limit: limit, work: ReadWork(left: work, isReplicated: true))
        guard case .page(let tuples, let next) = step else { preconditionFailure("an order that is made is not made") }
        return (tuples, next)
    }

    /// Whether any stored tuple is meant; nil if that is not known after so much work, on every node alike.
    ///
    /// Takes the length of the rows that an id names; nothing but the schema if there is neither an id nor a prefix; and
    /// otherwise what `search` takes.
    package func matches(_ filter: RelationshipFilter, work: Int) -> Bool? {
        guard let linked = LinkedFilter(filter, self.linked, entities) else { return false }
        if linked.namesRows { return reader.hasMatch(inRowsOf: linked) }
        let isCounted = self.linked.types.indices.contains { self.linked.hasCounted(type: $0, filter) }
        // Those that have expired are counted until they are collected.
        if !isCounted || (filter.resourceIDPrefix == nil && !hasUncollected(at: now)) { return isCounted }
        let (tuples, next) = search(filter, limit: 1, work: work)
        return tuples.isEmpty && next != nil ? nil : !tuples.isEmpty
    }

    /// Takes entities into the order of reads; true once all are in.
    private func extendOrder(work: Int) -> Bool {
        var order = order ?? EntityOrder(typeCount: linked.types.count)
        // Taken out while it changes, so that it is not copied.
        self.order = nil
        let isComplete = order.extend(entities, work: work)
        self.order = order
        return isComplete
    }
}
