// Pemba: adding and removing tuples.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What writing a tuple did.
package enum WriteEffect: Sendable, Equatable {
    /// It was not there, or had expired.
    case created
    /// It was there, with another caveat or other times.
    case touched
    /// It was there as it is.
    case unchanged
    /// It had expired before it was written: what was there is gone.
    case removed
    /// It had expired before it was written, and nothing was there.
    case expired
}

extension Graph {
    /// The stored tuple with the same two ends, with the caveat and times that it has; nil if there is none that has
    /// not expired.
    package func stored(_ tuple: RelationTuple) -> RelationTuple? {
        guard let place = place(of: tuple) else { return nil }
        let end = TupleEnd(resource: place.resource, entry: place.entry)
        return isVisible(end) ? self.tuple(end) : nil
    }

    /// Whether a tuple whose names are looked up is stored and has not expired.
    func isStored(_ view: CheckView, _ numbers: TupleNumbers) -> Bool {
        guard let place = place(view, numbers) else { return false }
        return isVisible(TupleEnd(resource: place.resource, entry: place.entry))
    }

    /// Whether a stored tuple has not expired at the present state; whether it counts yet does not matter.
    func isVisible(_ end: TupleEnd) -> Bool {
        guard RowEntry.hasTraits(end.entry) else { return true }
        return traits[TupleKey(end.resource, end.entry)].expiresAt > now
    }

    /// Adds a valid tuple, or gives the one that is there this caveat and these times; if these times are over, nothing is
    /// left that anybody could see, and nothing is stored.
    @discardableResult
    package func put(_ tuple: RelationTuple) -> WriteEffect {
        if tuple.hasExpired(at: now) { return remove(tuple) == nil ? .expired : .removed }
        let wanted = hold(tuple)
        return tuple.withView { view in
            guard let numbers = try? locate(view, wanted) else {
                preconditionFailure("`\(tuple)` was written without validation")
            }
            return put(view, numbers, wanted)
        }
    }

    /// Removes a tuple, whatever its caveat and times; nil if it was not there or had expired.
    @discardableResult
    package func remove(_ tuple: RelationTuple) -> RelationTuple? {
        guard let place = place(of: tuple) else { return nil }
        let end = TupleEnd(resource: place.resource, entry: place.entry)
        let isVisible = isVisible(end)
        let removed = self.tuple(end)
        take(end, removed, as: isVisible ? .deleted : .expired)
        return isVisible ? removed : nil
    }

    // MARK: Places

    /// The forward entry, with flags, of a stored tuple with the same two ends.
    private func place(of tuple: RelationTuple) -> (resource: UInt32, entry: UInt64)? {
        tuple.withView { view in
            guard let numbers = try? locate(view, nil) else { return nil }
            return place(view, numbers)
        }
    }

    private func place(_ view: CheckView, _ numbers: TupleNumbers) -> (resource: UInt32, entry: UInt64)? {
        let resource = entities.find(type: numbers.type, id: view.resourceID)
        let subject = entities.find(type: numbers.subjectType, id: view.subjectID)
        guard resource != EntityNumber.none, subject != EntityNumber.none else { return nil }
        let key = RowEntry.make(relation: numbers.relation, subjectRelation: numbers.subjectRelation, entity: subject)
        let entry = rows.find(RowWord(raw: entities.records[Int(resource)].forward), key)
        return entry == 0 ? nil : (resource, entry & ~1)
    }

    @inline(__always)
    func forward(_ entity: UInt32) -> UnsafeMutablePointer<UInt64> {
        let record = UnsafeMutableRawPointer(entities.records + Int(entity))
        return (record + 8).assumingMemoryBound(to: UInt64.self)
    }

    @inline(__always)
    func reverse(_ entity: UInt32) -> UnsafeMutablePointer<UInt64> {
        let record = UnsafeMutableRawPointer(entities.records + Int(entity))
        return (record + 16).assumingMemoryBound(to: UInt64.self)
    }

    /// The number of an entity, which gets one if it has none.
    func intern(type: UInt32, _ id: UnsafeRawBufferPointer) -> UInt32 {
        let (entity, isNew) = entities.intern(type: type, id: id)
        if isNew {
            if id.count == 1, id[0] == UInt8(ascii: "*") { hot.pointee.view.wildcards[Int(type)] = entity }
            order?.didAdd(entity, entities)
        }
        return entity
    }

    // MARK: Changes

    /// Writes a tuple whose names are looked up; the caller has held the condition of `wanted`.
    @discardableResult
    func put(_ view: CheckView, _ numbers: TupleNumbers, _ wanted: Traits) -> WriteEffect {
        let resource = intern(type: numbers.type, view.resourceID)
        let subject = intern(type: numbers.subjectType, view.subjectID)
        let key = RowEntry.make(relation: numbers.relation, subjectRelation: numbers.subjectRelation, entity: subject)
        let entry = wanted.isNone ? key : key | RowEntry.hasTraits
        let row = RowWord(raw: entities.records[Int(resource)].forward)
        let present = rows.find(row, key)
        if present == 0 {
            add(resource, entry, view, numbers, wanted)
            record(.created, resource, key, old: .none, new: wanted)
            return .created
        }
        let end = TupleEnd(resource: resource, entry: present & ~1)
        let old = RowEntry.hasTraits(present) ? traits[TupleKey(resource, key)] : .none
        guard old.expiresAt > now else {
            // The expired one has been gone for every reader since it expired: this is a new one.
            pin(resource)
            pin(subject)
            take(end, tuple(end), as: .expired)
            add(resource, entry, view, numbers, wanted)
            record(.created, resource, key, old: .none, new: wanted)
            unpin(resource)
            unpin(subject)
            return .created
        }
        guard old != wanted || planted("watch-tells-unchanged") else {
            conditions.release(wanted.condition)
            return .unchanged
        }
        let before = tuple(end)
        snapshot?.didRemove(resource, key, before)
        snapshot?.didInsert(resource, key)
        count(before, by: -1)
        if RowEntry.hasTraits(present) != RowEntry.hasTraits(entry) {
            rows.replace(forward(resource), entry)
            rows.replace(reverse(subject), RowEntry.mirror(entry, naming: resource))
        }
        setTraits(TupleKey(resource, key), planted("touch-keeps-times") ? old : wanted)
        count(tuple(TupleEnd(resource: resource, entry: entry)), by: 1)
        record(.touched, resource, key, old: old, new: wanted)
        conditions.release(old.condition)
        return .touched
    }

    /// Adds a tuple that is not there.
    private func add(
        _ resource: UInt32,
        _ entry: UInt64,
        _ view: CheckView,
        _ numbers: TupleNumbers,
        _ wanted: Traits
    ) {
        let isNew = rows.insert(forward(resource), entry)
        let isNewMirror = rows.insert(reverse(RowEntry.entity(entry)), RowEntry.mirror(entry, naming: resource))
        precondition(isNew && isNewMirror, "a tuple was in one index only")
        if !wanted.isNone { setTraits(TupleKey(resource, entry), wanted) }
        tupleCount += 1
        linked.admittedTuples[numbers.admittedPlace] += 1
        contentHash.add(TupleHasher.hash(view, wanted.isNone ? nil : tuple(TupleEnd(resource: resource, entry: entry))))
        snapshot?.didInsert(resource, RowEntry.key(entry))
    }

    /// Takes a stored tuple out.
    func take(_ end: TupleEnd, _ removed: RelationTuple, as kind: HistoryChange.Kind) {
        // While its entities have rows: afterwards, the oldest change may be all that keeps their numbers.
        makeRoom()
        let key = RowEntry.key(end.entry)
        let subject = RowEntry.entity(key)
        let old = RowEntry.hasTraits(end.entry) ? traits[TupleKey(end.resource, key)] : .none
        count(removed, by: -1)
        let wasThere = rows.remove(forward(end.resource), key)
        let hadMirror = rows.remove(reverse(subject), RowEntry.mirror(key, naming: end.resource))
        precondition(wasThere && hadMirror, "a tuple was in one index only")
        if !old.isNone { setTraits(TupleKey(end.resource, key), .none) }
        if !planted("snapshot-misses-removed") { snapshot?.didRemove(end.resource, key, removed) }
        record(kind, end.resource, key, old: old, new: .none)
        conditions.release(old.condition)
        reclaimIfUnused(end.resource)
        if subject != end.resource { reclaimIfUnused(subject) }
    }

    private func setTraits(_ tuple: TupleKey, _ wanted: Traits) {
        traits.set(tuple, wanted, now: now) { self.precedes($0, $1) }
    }

    /// Keeps a change in the history, which holds its conditions as well.
    private func record(_ kind: HistoryChange.Kind, _ resource: UInt32, _ key: UInt64, old: Traits, new: Traits) {
        guard isRecording else { return }
        makeRoom()
        conditions.hold(old.condition)
        conditions.hold(new.condition)
        let change = HistoryChange(kind: kind, revision: revision, resource: resource, entry: key, old: old, new: new)
        history.append(change, conditions)
    }

    /// Lets the oldest changes go if the history is full.
    private func makeRoom() {
        while isRecording, history.isFull { forgetOldestChange() }
    }

    /// Keeps counts and the fingerprint in step with a change of a stored tuple.
    private func count(_ tuple: RelationTuple, by change: Int) {
        tuple.withView { view in
            guard let numbers = try? locate(view, kindOf: tuple) else {
                preconditionFailure("`\(tuple)` is stored and not admitted")
            }
            tupleCount += change
            linked.admittedTuples[numbers.admittedPlace] += change
            let hash = TupleHasher.hash(view, tuple.isPlain ? nil : tuple)
            if change > 0 { contentHash.add(hash) } else { contentHash.subtract(hash) }
        }
    }

    // MARK: Expiry

    /// When the next tuple begins or stops to count; nil if none will.
    package var nextDue: Timestamp? { traits.nextDue(after: now).map { Timestamp(nanoseconds: $0) } }

    /// Whether there are tuples that have expired at a time and are still stored.
    func hasUncollected(at time: Int64) -> Bool { traits.firstExpiry.map { $0.time <= time } ?? false }

    /// Removes tuples that have expired at the present state, at most `limit`, the earliest first.
    package func collectExpired(limit: Int) {
        var left = limit
        while left > 0, let due = traits.firstExpiry, due.time <= now, !planted("expired-stays") {
            left -= 1
            let end = TupleEnd(resource: due.tuple.resource, entry: due.tuple.entry | RowEntry.hasTraits)
            take(end, tuple(end), as: .expired)
        }
    }

    private func precedes(_ left: TupleKey, _ right: TupleKey) -> Bool {
        precedes(
            TupleEnd(resource: left.resource, entry: left.entry),
            TupleEnd(resource: right.resource, entry: right.entry)
        )
    }
}

extension RelationTuple {
    /// Whether it has expired at a time in nanoseconds.
    fileprivate func hasExpired(at now: Int64) -> Bool { expiresAt.map { $0.nanoseconds <= now } ?? false }
}
