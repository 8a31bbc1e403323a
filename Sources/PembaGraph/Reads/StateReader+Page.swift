// Pemba: pages of the tuples that a filter means.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// How much a read may look at.
struct ReadWork {
    /// Entities and tuples that may still be looked at.
    var left: Int
    /// Whether all nodes must come to the same end.
    ///
    /// Then entities without tuples do not count: which of them a node still knows depends on its history.
    let isReplicated: Bool
}

extension StateReader {
    /// Comes after every relation name: where a page ended that finished a resource.
    private static let afterAllRelations = "\u{10FFFF}"

    /// A page of what a filter means; if it does not name rows, the order of entities must have been made.
    func page(
        _ filter: LinkedFilter,
        after: RelationTuple?,
        limit: Int,
        work: ReadWork,
        _ progress: ReadProgress? = nil
    ) -> ReadStep {
        precondition(limit > 0 && work.left > 0, "a read asks for at least one tuple")
        guard filter.namesRows else { return walk(filter, after, limit, work, progress) }
        let (entities, isForward) = shorterRows(of: filter)
        if let progress, entities.count == 1, isLong(entities[0], isForward: isForward, progress) {
            var left = work.left
            let taken = take(limit, of: entities[0], isForward: isForward, filter, after, progress, work: &left)
            guard let ends = taken else { return .again }
            let tuples = ends.map { tuple($0) }
            return .page(tuples, next: progress.row == nil ? nil : tuples.last)
        }
        var first = FirstTuples(limit: limit + 1)
        visitRows(of: filter) { end in
            if let after, order(end, after) <= 0 { return true }
            first.offer(end, self)
            return true
        }
        let ends = first.sorted(self)
        let tuples = ends.prefix(limit).map { tuple($0) }
        return .page(tuples, next: ends.count > limit ? tuples.last : nil)
    }

    /// Whether there is a tuple in the rows that a filter names.
    func hasMatch(inRowsOf filter: LinkedFilter) -> Bool {
        var found = false
        visitRows(of: filter) { _ in
            found = true
            return false
        }
        return found
    }

    // MARK: Rows that are named

    /// The resources of a filter, or its subjects, whichever have the shorter rows.
    private func shorterRows(of filter: LinkedFilter) -> (entities: [UInt32], isForward: Bool) {
        let view = basis.hot.pointee.view
        func length(_ entities: [UInt32], _ slot: (UInt32) -> UnsafePointer<UInt64>) -> Int {
            entities.reduce(0) { $0 + RowWord(raw: slot($1).pointee).count }
        }
        let byResource = filter.resources.map { length($0, view.forward) } ?? .max
        let bySubject = filter.subjects.map { length($0, view.reverse) } ?? .max
        let isForward = byResource <= bySubject
        return ((isForward ? filter.resources : filter.subjects) ?? [], isForward)
    }

    /// Calls `body` with the tuples that a filter means, in any order, until it gives false.
    private func visitRows(of filter: LinkedFilter, _ body: (TupleEnd) -> Bool) {
        let (entities, isForward) = shorterRows(of: filter)
        var goesOn = true
        let visited = { (end: TupleEnd) -> Bool in
            if filter.matches(end, self) { goesOn = body(end) }
            return goesOn
        }
        for entity in entities where goesOn {
            if isForward {
                visit(resource: entity, filter.relation, visited)
            } else {
                visit(subject: entity, filter.relation, visited)
            }
        }
    }

    /// Whether a row is put in order once for all pages that have one progress.
    private func isLong(_ entity: UInt32, isForward: Bool, _ progress: ReadProgress) -> Bool {
        if progress.row?.entity == entity { return true }
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
            // One more, which tells whether there is anything after the page.
            let wanted = progress.isOnePage ? most + 1 : nil
            row = LongRow(entity, isForward: isForward, filter, after: after, most: wanted, self)
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

    // MARK: All rows

    /// Walks the resources in order until there are more than `limit` tuples or the work is used up.
    private func walk(
        _ filter: LinkedFilter,
        _ after: RelationTuple?,
        _ limit: Int,
        _ work: ReadWork,
        _ progress: ReadProgress?
    ) -> ReadStep {
        guard let order = graph.order else { preconditionFailure("entities are read in an order that is not made") }
        var found: [TupleEnd] = []
        var left = work.left
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
                if work.isReplicated, graph.hasNoTuples(entity) { return true }
                if left <= 0 {
                    isOut = true
                    return false
                }
                if let progress, isLong(entity, isForward: true, progress) {
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
        if found.count > limit || (isCut && !isOut) { return .page(tuples, next: tuples.last) }
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
        // The tuples of each kind are counted in the present state only.
        let isCounted = basis === graph.present
        let types = linked.types.indices.filter { type in
            guard linked.types[type].holdsTuples else { return false }
            if isCounted, !linked.hasCounted(type: type, filter.filter) { return false }
            if filter.resourceType != 0 { return type == Int(filter.resourceType) }
            guard let after else { return true }
            return !linked.types[type].name.precedesByBytes(after.resource.type)
        }
        return types.sorted { linked.types[$0].rank < linked.types[$1].rank }
    }

    /// The id from which on a type's objects are walked.
    private func start(_ type: Int, _ filter: LinkedFilter, _ after: RelationTuple?) -> String {
        let prefix = filter.filter.resourceIDPrefix ?? ""
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
