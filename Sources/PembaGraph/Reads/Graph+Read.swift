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
    /// Checks that a filter's names exist and that it does not contradict itself.
    package func validate(_ filter: RelationshipFilter, in basis: Basis? = nil) throws(GraphError) {
        let basis = basis ?? present
        guard basis.hot.pointee.hasSchema else { throw .noSchema }
        if filter.resourceID != nil && filter.resourceIDPrefix != nil {
            throw .invalidArgument("a filter has a resource id or a prefix of it, not both")
        }
        try requireRelation(filter.relation, of: filter.resourceType, basis.linked)
        if case .named(let name) = filter.subjectRelation {
            try requireRelation(name, of: filter.subjectType, basis.linked)
        } else {
            try requireRelation(nil, of: filter.subjectType, basis.linked)
        }
    }

    /// Checks that a definition exists and has a relation, as far as they are named.
    private func requireRelation(
        _ relation: String?,
        of type: String?,
        _ linked: LinkedSchema
    ) throws(GraphError) {
        guard let type else { return }
        let number = linked.names.find(type, scope: 0)
        guard number != 0 else { throw .unknownDefinition(type) }
        guard let relation, linked.names.find(relation, scope: number) == 0 else { return }
        throw .unknownRelation(definition: type, relation: relation)
    }

    /// A page of the tuples that a filter means: those after `after`, at most `limit`; in the present state unless
    /// another is given.
    ///
    /// A filter with a resource, or with a subject, reads one row: time in the length of the row. Any other filter walks
    /// the resources in order: about `work` entities and entries are looked at in one call. The first such read makes
    /// the order of entities, `work` entities in a call. Whoever reads all pages of one revision gives `progress`, so that
    /// a long row is put in order once, `work` entries in a call.
    package func read(
        _ filter: RelationshipFilter,
        in basis: Basis? = nil,
        after: RelationTuple? = nil,
        limit: Int,
        work: Int = Limits.readWork,
        progress: ReadProgress? = nil
    ) -> ReadStep {
        StateReader(graph: self, basis: basis ?? present)
            .read(filter, after: after, limit: limit, work: work, progress)
    }

    /// Whether any stored tuple is meant.
    ///
    /// Takes the length of a row if the filter has a resource or a subject; nothing but the schema if it has no id;
    /// and in the worst case the number of entities if it has only an id without its type, or a prefix.
    package func matches(_ filter: RelationshipFilter) -> Bool { reader.matches(filter) }
}

extension StateReader {
    /// Comes after every relation name: where a page ended that finished a resource.
    private static let afterAllRelations = "\u{10FFFF}"

    func read(
        _ filter: RelationshipFilter,
        after: RelationTuple?,
        limit: Int,
        work: Int,
        _ progress: ReadProgress?
    ) -> ReadStep {
        precondition(limit > 0 && work > 0, "a read asks for at least one tuple")
        guard let linkedFilter = LinkedFilter(filter, linked, entities) else { return .page([], next: nil) }
        let isForward = linkedFilter.resource != EntityNumber.none
        if isForward || linkedFilter.subject != EntityNumber.none {
            let entity = isForward ? linkedFilter.resource : linkedFilter.subject
            if let progress, progress.row?.entity == entity || isLong(entity, isForward: isForward) {
                var left = work
                let taken = take(limit, of: entity, isForward: isForward, linkedFilter, after, progress, work: &left)
                guard let ends = taken else { return .again }
                let tuples = ends.map { tuple($0) }
                return .page(tuples, next: progress.row == nil ? nil : tuples.last)
            }
            var first = FirstTuples(limit: limit + 1)
            offerRow(linkedFilter, after, to: &first)
            let ends = first.sorted(self)
            let tuples = ends.prefix(limit).map { tuple($0) }
            return .page(tuples, next: ends.count > limit ? tuples.last : nil)
        }
        var order = graph.order ?? EntityOrder(typeCount: linked.types.count)
        // Taken out while it changes, so that it is not copied.
        graph.order = nil
        let isComplete = order.extend(entities, work: work)
        graph.order = order
        guard isComplete else { return .again }
        return walk(order, linkedFilter, after, limit, work, progress)
    }

    func matches(_ filter: RelationshipFilter) -> Bool {
        guard let linkedFilter = LinkedFilter(filter, linked, entities) else { return false }
        var found = false
        let body = { (end: TupleEnd) -> Bool in
            found = linkedFilter.matches(end, self)
            return !found
        }
        if linkedFilter.resource != EntityNumber.none {
            visit(resource: linkedFilter.resource, linkedFilter.relation, body)
        } else if linkedFilter.subject != EntityNumber.none {
            visit(subject: linkedFilter.subject, linkedFilter.relation, body)
        } else if filter.resourceID == nil, filter.resourceIDPrefix == nil, filter.subjectID == nil,
            !graph.hasUncollected
        {
            return isAnyCounted(filter)
        } else {
            for entity in EntityNumber.first..<max(entities.end, EntityNumber.first) where !found {
                // In a record that is not in use `forward` is no row but the next such record.
                let record = entities.records[Int(entity)]
                if record.type != 0, !row(entity).isEmpty { visit(resource: entity, linkedFilter.relation, body) }
            }
        }
        return found
    }

    /// Whether there is a tuple of names that a filter without ids means.
    private func isAnyCounted(_ filter: RelationshipFilter) -> Bool {
        for node in 0..<linked.nodeCount where linked.nodes[node].kind == .relation {
            let relation = linked.nodes[node]
            let type = linked.types[Int(relation.type)]
            if let name = filter.resourceType, !name.hasSameBytes(as: type.name) { continue }
            if let name = filter.relation, !name.hasSameBytes(as: type.relationNames[Int(relation.number)]) { continue }
            for place in Int(relation.admittedStart)..<Int(relation.admittedStart + relation.admittedCount)
            where linked.admittedTuples[place] > 0 {
                if isMeant(linked.admitted[place], by: filter) { return true }
            }
        }
        return false
    }

    private func isMeant(_ kind: AdmittedKind, by filter: RelationshipFilter) -> Bool {
        let type = kind.type
        if let name = filter.subjectType, !name.hasSameBytes(as: linked.types[Int(type)].name) { return false }
        let relation = kind.relation
        let isUserset = relation != 0 && relation != AdmittedKind.wildcard
        switch filter.subjectRelation {
        case .any: return true
        case .none: return !isUserset
        case .named(let name):
            return isUserset && linked.relationName(type: type, relation: relation).hasSameBytes(as: name)
        }
    }

    // MARK: One row

    /// Whether a row is put in order once for all pages, if they have one progress.
    private func isLong(_ entity: UInt32, isForward: Bool) -> Bool {
        let view = basis.hot.pointee.view
        let slot = isForward ? view.forward(entity) : view.reverse(entity)
        return RowWord(raw: slot.pointee).count > LongRow.lengthMin
    }

    /// The next tuples of a long row after `after`, at most `most`; nil if its order is still being made.
    ///
    /// The row stays in `progress` as long as it has more.
    private func take(
        _ most: Int,
        of entity: UInt32,
        isForward: Bool,
        _ filter: LinkedFilter,
        _ after: RelationTuple?,
        _ progress: ReadProgress,
        work: inout Int
    ) -> [TupleEnd]? {
        var row: LongRow
        if let open = progress.row, open.entity == entity, open.isForward == isForward, open.place == after {
            row = open
        } else {
            row = LongRow(entity, isForward: isForward, filter, after: after, self)
        }
        // Taken out while it changes, so that it is not copied.
        progress.row = nil
        guard row.extend(filter, self, work: &work) else {
            progress.row = row
            return nil
        }
        let ends = row.take(most, self)
        if !row.isEmpty { progress.row = row }
        return ends
    }

    /// Offers the tuples after `after` in the row that the filter's resource or subject names.
    private func offerRow(_ filter: LinkedFilter, _ after: RelationTuple?, to first: inout FirstTuples) {
        var offered = first
        let body = { (end: TupleEnd) -> Bool in
            guard filter.matches(end, self) else { return true }
            if let after, self.order(end, after) <= 0 { return true }
            offered.offer(end, self)
            return true
        }
        if filter.resource != EntityNumber.none {
            visit(resource: filter.resource, filter.relation, body)
        } else {
            visit(subject: filter.subject, filter.relation, body)
        }
        first = offered
    }

    /// Calls `body` with the tuples of a resource (of one relation, unless it is 0) until it gives false.
    private func visit(resource: UInt32, _ relation: UInt32, _ body: (TupleEnd) -> Bool) {
        visit(basis.hot.pointee.view.forward(resource), relation) { body(TupleEnd(resource: resource, entry: $0)) }
    }

    /// Calls `body` with the tuples of a subject (of one relation, unless it is 0) until it gives false.
    private func visit(subject: UInt32, _ relation: UInt32, _ body: (TupleEnd) -> Bool) {
        visit(basis.hot.pointee.view.reverse(subject), relation) { mirror in
            let entry = RowEntry.mirror(mirror, naming: subject)
            return body(TupleEnd(resource: RowEntry.entity(mirror), entry: entry))
        }
    }

    private func visit(_ slot: UnsafePointer<UInt64>, _ relation: UInt32, _ body: (UInt64) -> Bool) {
        let rows = graph.rows
        var next = RowEntry.start(ofRelation: relation)
        while true {
            let run = rows.run(slot, from: next)
            if run.isEmpty { return }
            var cursor = run.start
            while cursor < run.end {
                let entry = cursor.pointee & ~1
                if relation != 0, RowEntry.relation(entry) != relation { return }
                guard body(entry) else { return }
                cursor += 1
            }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
    }

    // MARK: Many rows

    /// Walks the resources in order until there are more than `limit` tuples or the work is used up.
    private func walk(
        _ order: EntityOrder,
        _ filter: LinkedFilter,
        _ after: RelationTuple?,
        _ limit: Int,
        _ work: Int,
        _ progress: ReadProgress?
    ) -> ReadStep {
        var found: [TupleEnd] = []
        var left = work
        var last: UInt32?
        var isOut = false
        var isCut = false
        for type in resourceTypes(filter, after) {
            let done = finishedID(type, after)
            order.walk(UInt32(type), from: start(type, filter, after), entities) { entity in
                if let prefix = filter.filter.resourceIDPrefix, !entities.id(of: entity).starts(with: prefix.utf8) {
                    return false
                }
                // Passed already: looking at it again would leave no work for the next one.
                if let done, entities.id(of: entity).elementsEqual(done.utf8) { return true }
                if left <= 0 {
                    isOut = true
                    return false
                }
                if let progress, progress.row?.entity == entity || isLong(entity, isForward: true) {
                    let room = limit - found.count
                    let bound = after.flatMap { isBound($0, entity) ? $0 : nil }
                    let ends =
                        room == 0
                        ? [] : take(room, of: entity, isForward: true, filter, bound, progress, work: &left)
                    found.append(contentsOf: ends ?? [])
                    isOut = ends == nil
                    isCut = room == 0 || progress.row != nil
                    if !isOut, !isCut { last = entity }
                    return !isOut && !isCut
                }
                left -= 1 + row(entity).count
                var first = FirstTuples(limit: limit + 1 - found.count)
                offer(resource: entity, filter, after, to: &first)
                found.append(contentsOf: first.sorted(self))
                last = entity
                return found.count <= limit
            }
            if isOut || isCut || found.count > limit { break }
        }
        // The page would end where it began.
        if isOut, last == nil { return .again }
        let tuples = found.prefix(limit).map { tuple($0) }
        if isCut, !isOut { return .page(tuples, next: tuples.last) }
        if found.count >= limit, isOut || found.count > limit { return .page(tuples, next: tuples.last) }
        return .page(tuples, next: isOut ? last.map { position(after: $0) } : nil)
    }

    private func offer(resource: UInt32, _ filter: LinkedFilter, _ after: RelationTuple?, to first: inout FirstTuples) {
        var offered = first
        // Only the resource where the page before this one ended can have tuples that were read already.
        let bound = after.flatMap { isBound($0, resource) ? $0 : nil }
        visit(resource: resource, filter.relation) { end in
            guard filter.matches(end, self) else { return true }
            if let bound, self.order(end, bound) <= 0 { return true }
            offered.offer(end, self)
            return true
        }
        first = offered
    }

    /// Whether a page ended within a resource.
    private func isBound(_ after: RelationTuple, _ resource: UInt32) -> Bool {
        StateReader.order(entities.id(of: resource), after.resource.id) == 0
    }

    /// The types whose objects the rest of the read may have as resources, in order.
    private func resourceTypes(_ filter: LinkedFilter, _ after: RelationTuple?) -> [Int] {
        let types = linked.types.indices.filter { type in
            guard linked.types[type].holdsTuples else { return false }
            if filter.resourceType != 0 { return type == Int(filter.resourceType) }
            guard let after else { return true }
            return !linked.types[type].name.precedesByBytes(after.resource.type)
        }
        return types.sorted { linked.types[$0].rank < linked.types[$1].rank }
    }

    /// The id from which on a type's objects are walked.
    private func start(_ type: Int, _ filter: LinkedFilter, _ after: RelationTuple?) -> String {
        let prefix = filter.filter.resourceIDPrefix ?? filter.filter.resourceID ?? ""
        guard let after, linked.types[type].name.hasSameBytes(as: after.resource.type) else { return prefix }
        return after.resource.id.precedesByBytes(prefix) ? prefix : after.resource.id
    }

    /// The id of the resource of a type that the page before this one finished.
    private func finishedID(_ type: Int, _ after: RelationTuple?) -> String? {
        guard let after, after.relation.hasSameBytes(as: StateReader.afterAllRelations) else { return nil }
        return linked.types[type].name.hasSameBytes(as: after.resource.type) ? after.resource.id : nil
    }

    /// The position after all tuples of a resource.
    private func position(after resource: UInt32) -> RelationTuple {
        let object = ObjectReference(
            type: linked.types[Int(entities.records[Int(resource)].type)].name,
            id: String(decoding: entities.id(of: resource), as: UTF8.self)
        )
        return RelationTuple(
            resource: object,
            relation: StateReader.afterAllRelations,
            subject: SubjectReference(object: object)
        )
    }
}
