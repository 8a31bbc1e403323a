// Pemba: what changed, in words.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
internal import PembaSchema
package import PembaService

/// What the history has at one place of it.
package enum HistoryItem: Sendable, Equatable {
    /// Changes of one revision, and whether they are the last of it.
    case changes(Revision, time: Timestamp, [TupleChange], metadata: ContextObject, isLast: Bool)
    /// The schema was replaced.
    case schema(Revision, source: String)
}

/// A place in the history: after a revision, and after some of the changes of the next one.
package struct HistoryPlace: Sendable, Equatable {
    /// Everything up to this revision is passed.
    package var revision: Revision
    /// How many changes after it are passed as well.
    package var passed: Int

    /// The place after a revision.
    package init(after revision: Revision) {
        self.revision = revision
        passed = 0
    }
}

extension Graph {
    /// The log's time at a revision that the history has.
    package func time(of revision: Revision) -> Timestamp {
        Timestamp(nanoseconds: history.time(of: revision) ?? now)
    }

    /// Whether the history still has everything after a place.
    package func reaches(_ place: HistoryPlace) -> Bool { history.isKept && place.revision >= history.oldest }

    /// The next item after a place, with at most `limit` changes, and the place after it; nil if there is none, and
    /// then `place` is moved to the present.
    package func nextItem(after place: inout HistoryPlace, limit: Int) throws(GraphError) -> HistoryItem? {
        guard reaches(place) else { throw .tooOld(oldest: oldestRevision) }
        guard place.revision <= revision else { throw .notYet(newest: revision) }
        let first = history.firstChange(after: place.revision) + UInt64(place.passed)
        let change = first < history.end ? history.change(first) : nil
        // What a revision with another schema changes are expiries, which come before it.
        if let schema = history.firstSchema(after: place.revision), change.map({ schema.since < $0.revision }) ?? true {
            place = HistoryPlace(after: schema.since)
            return .schema(schema.since, source: schema.linked.schema.source)
        }
        guard let change else {
            place = HistoryPlace(after: revision)
            return nil
        }
        return changes(of: change.revision, from: first, limit: limit, &place)
    }

    private func changes(
        of revision: Revision,
        from first: UInt64,
        limit: Int,
        _ place: inout HistoryPlace
    ) -> HistoryItem {
        var number = first
        var changes: [TupleChange] = []
        while number < history.end, changes.count < limit {
            let change = history.change(number)
            guard change.revision == revision else { break }
            changes.append(tupleChange(change))
            number += 1
        }
        let hasSchema = history.firstSchema(after: place.revision)?.since == revision
        let isLast =
            planted("watch-skips")
            || !hasSchema && (number == history.end || history.change(number).revision != revision)
        if isLast {
            place = HistoryPlace(after: revision)
        } else {
            place.passed += changes.count
        }
        return .changes(
            revision,
            time: time(of: revision),
            changes,
            metadata: history.note(at: revision),
            isLast: isLast
        )
    }

    /// A change with the names that its tuple had.
    private func tupleChange(_ change: HistoryChange) -> TupleChange {
        // What a tuple was called is up to the schema that admitted it: of one that is gone, the one before its end.
        let isGone = change.kind == .deleted || change.kind == .expired
        let since = isGone ? Revision(change.revision.rawValue - 1) : change.revision
        let linked = history.schema(at: max(since, history.oldest)) ?? self.linked
        let tuple = describe(change, isGone ? change.old : change.new, linked)
        switch change.kind {
        case .created: return TupleChange(.created, tuple)
        case .touched: return TupleChange(.touched, tuple)
        case .deleted: return TupleChange(.deleted, tuple)
        case .expired: return TupleChange(.expired, tuple)
        }
    }

    private func describe(_ change: HistoryChange, _ traits: Traits, _ linked: LinkedSchema) -> RelationTuple {
        let type = UInt32(entities.records[Int(change.resource)].type)
        let subject = RowEntry.entity(change.entry)
        let subjectType = UInt32(entities.records[Int(subject)].type)
        let subjectRelation = RowEntry.subjectRelation(change.entry)
        return RelationTuple(
            resource: ObjectReference(
                type: linked.types[Int(type)].name,
                id: String(decoding: entities.id(of: change.resource), as: UTF8.self)
            ),
            relation: linked.relationName(type: type, relation: RowEntry.relation(change.entry)),
            subject: SubjectReference(
                type: linked.types[Int(subjectType)].name,
                id: String(decoding: entities.id(of: subject), as: UTF8.self),
                relation: subjectRelation == 0
                    ? nil : linked.relationName(type: subjectType, relation: subjectRelation)
            ),
            caveat: traits.condition == 0 ? nil : conditions[traits.condition].reference,
            expiresAt: traits.expiresAt == .max ? nil : Timestamp(nanoseconds: traits.expiresAt),
            notBefore: traits.notBefore == .min ? nil : Timestamp(nanoseconds: traits.notBefore)
        )
    }
}
