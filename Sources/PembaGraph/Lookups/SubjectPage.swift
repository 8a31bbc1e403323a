// Pemba: which of the subjects found are given.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// A permission and a kind of subjects, by their places in a request.
struct SubjectPair: Equatable {
    var permission: Int
    var kind: Int
}

/// Which of the subjects that are found a page of a lookup gives: those after its cursor that were asked for.
struct SubjectPage {
    private let ids: LookupIDs
    private let cursor: LookupCursor?
    private let filter: LookupFilter
    private let candidates: Set<String>?
    /// How many at most.
    let limit: Int

    init(_ request: LookupSubjectsRequest, _ ids: LookupIDs) {
        self.ids = ids
        cursor = request.cursor
        filter = LookupFilter(prefix: request.idPrefix)
        candidates = request.candidates.map { Set($0) }
        limit = LookupRules.limit(request.limit)
    }

    /// The pair with which it begins.
    var start: SubjectPair { SubjectPair(permission: cursor?.permission ?? 0, kind: cursor?.kind ?? 0) }

    /// Whether the wildcard of a pair is still to be given: it may stand for subjects that were asked for, whatever their
    /// ids.
    func wantsWildcard(of pair: SubjectPair) -> Bool { cursor == nil || pair != start }

    /// Whether a subject is given if it is among the results of a pair.
    func wants(_ entity: UInt32, of pair: SubjectPair) -> Bool {
        guard filter.admits(after: after(pair), { ids.id(of: entity) }) else { return false }
        return candidates?.contains(ids.text(of: entity)) ?? true
    }

    /// The id after which the subjects of a pair are given.
    private func after(_ pair: SubjectPair) -> String? {
        guard let cursor, pair == start, !cursor.id.hasSameBytes(as: SubjectReference.wildcardID) else { return nil }
        return cursor.id
    }
}
