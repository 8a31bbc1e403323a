// Pemba: asking the cluster for lists.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

extension PembaClient {
    /// All resources on which the subject has one of the permissions, each with whether it has it or depends on context
    /// that was not given.
    ///
    /// They come in the order of the permissions, then of the ids by bytes, and none comes twice. The stream goes on
    /// until everything was found, or until `limit` items were; its iterator's `end` says which, and with what cursor
    /// to go on. ``AnswerStream/page()`` makes one call instead.
    ///
    /// - Parameters:
    ///   - permissions: the permissions with their types; a found resource names the one it was found for by its place.
    ///   - subject: whose resources; never a wildcard.
    ///   - context: what counts beside the stored tuples.
    ///   - candidates: only resources with one of these ids; nil for all.
    ///   - idPrefix: only resources whose ids start so.
    ///   - limit: how many at most; nil for all.
    ///   - cursor: where an earlier lookup of the same kind ended; its revision overrides `consistency`.
    ///   - consistency: how fresh the state must be; nil: at least as fresh as this client's newest write.
    ///   - timeout: how long it may go on without any node getting on with it; nil: as configured.
    public func lookupResources(
        _ permissions: [TypePermission],
        for subject: SubjectReference,
        context: EvaluationContext = .empty,
        candidates: [String]? = nil,
        idPrefix: String = "",
        limit: Int? = nil,
        cursor: LookupCursor? = nil,
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) -> AnswerStream<FoundResource, LookupEnd> {
        let request = LookupResourcesRequest(
            permissions: permissions,
            subject: subject,
            context: context,
            candidates: candidates,
            idPrefix: idPrefix,
            limit: limit,
            cursor: cursor
        )
        return AnswerStream(client: self, query: LookupQuery(request, consistency), timeout: timeout)
    }

    /// All subjects of the kinds that have one of the permissions on the resource, each with whether it has it or
    /// depends on context that was not given.
    ///
    /// They come in the order of the permissions, then of the kinds, then a wildcard with whom it does not stand for,
    /// then the ids by bytes, and none comes twice. As with resources the stream goes on until everything was found or
    /// `limit` items were.
    ///
    /// - Parameters:
    ///   - permissions: the relations or permissions; a found subject names the one it was found for by its place.
    ///   - kinds: the kinds of subjects, likewise.
    ///   - candidates: only subjects with one of these ids; nil for all.
    ///   - idPrefix: only subjects whose ids start so.
    public func lookupSubjects(
        _ permissions: [String],
        on resource: ObjectReference,
        kinds: [SubjectKind],
        context: EvaluationContext = .empty,
        candidates: [String]? = nil,
        idPrefix: String = "",
        limit: Int? = nil,
        cursor: LookupCursor? = nil,
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) -> AnswerStream<FoundSubject, LookupEnd> {
        let request = LookupSubjectsRequest(
            resource: resource,
            permissions: permissions,
            kinds: kinds,
            context: context,
            candidates: candidates,
            idPrefix: idPrefix,
            limit: limit,
            cursor: cursor
        )
        return AnswerStream(client: self, query: LookupQuery(request, consistency), timeout: timeout)
    }

    /// All tuples that match, at one revision and without pages; the iterator's `end` names the revision and how many
    /// they were.
    public func export(
        matching filter: RelationshipFilter = RelationshipFilter(),
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) -> AnswerStream<RelationTuple, ExportEnd> {
        AnswerStream(client: self, query: ExportQuery(filter, consistency), timeout: timeout)
    }

    /// Everything that changes from a point on, in order and without gaps, until the task is cancelled.
    ///
    /// A change comes once, also when the stream has to go on at another node. When nothing changes, checkpoints come
    /// from time to time and say how far the stream is: its zookie is where to begin later
    /// (`WatchRequest.Start.after`). A stream that is read more slowly than changes arise ends with the service error
    /// `watcherTooSlow`, one that begins before the history that nodes keep with `revisionTooOld`.
    ///
    /// From a snapshot, the tuples of one revision come first, each once, and then a checkpoint of that revision.
    public func watch(
        _ request: WatchRequest,
        timeout: Duration? = nil
    ) -> AnswerStream<WatchEvent, Never> {
        AnswerStream(client: self, query: WatchQuery(request), timeout: timeout)
    }
}
