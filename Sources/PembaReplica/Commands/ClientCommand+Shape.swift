// Pemba: what can be said against a command without looking at any state.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

extension ClientCommand {
    /// Refuses what exceeds a limit or contradicts itself, before the log takes it.
    ///
    /// What passes can be encoded and read back. The state machine asks again, so that its answer never depends on what
    /// the node that proposed the command had checked.
    func checkShape() throws(ServiceError) {
        switch self {
        case .openSession, .advanceTime, .audit: break
        case .write(let write): try write.checkShape()
        case .delete(let delete): try delete.checkShape()
        case .set(let set): try set.checkShape()
        case .importTuples(let tuples): try tuples.checkShape()
        case .writeSchema(let source):
            guard source.utf8.count <= Limits.schemaBytes else {
                throw ServiceError(
                    .limitExceeded,
                    "a schema has at most \(Limits.schemaBytes) bytes, this one has \(source.utf8.count)"
                )
            }
        }
        try idempotencyKey?.checkShape()
    }
}

extension WriteRequest {
    /// Counts first, then names and filters, then updates that name one tuple twice.
    func checkShape() throws(ServiceError) {
        try checkCount(updates.count, Limits.updatesPerWrite, of: "updates", in: "a write")
        guard !updates.isEmpty else { throw ServiceError(.invalidArgument, "a write has at least one update") }
        try checkCommon(preconditions, metadata, in: "a write")
        for (position, update) in updates.enumerated() { try update.tuple.checkShape(at: position) }
        try checkDuplicates(in: updates.lazy.map(\.tuple)) { tuple in
            "two updates of one write name `\(tuple)`; a write names each tuple once"
        }
    }
}

extension DeleteRequest {
    /// Counts first, then the filters and where it goes on.
    func checkShape() throws(ServiceError) {
        guard limit >= 1 else {
            throw ServiceError(.invalidArgument, "a deletion removes up to at least one tuple; its limit is \(limit)")
        }
        try checkCount(limit, Limits.tuplesPerDelete, of: "tuples", in: "a deletion")
        try checkCommon(preconditions, metadata, in: "a deletion")
        try filter.checkShape(of: "a deletion", field: "filter")
        try cursor?.last.key.checkShape()
    }
}

extension SetRequest {
    /// Counts first, then names, then tuples of another relation and tuples that are listed twice.
    func checkShape() throws(ServiceError) {
        try checkCount(tuples.count, Limits.updatesPerWrite, of: "tuples", in: "a set")
        try checkCommon(preconditions, metadata, in: "a set")
        // Without tuples the resource and the relation are checked all the same.
        let anyone = SubjectReference(type: "_", id: SubjectReference.wildcardID)
        try RelationTuple(resource: resource, relation: relation, subject: anyone).checkShape()
        for (position, tuple) in tuples.enumerated() {
            guard tuple.resource == resource, tuple.relation.hasSameBytes(as: relation) else {
                throw ServiceError(
                    .invalidArgument,
                    "`\(tuple.description.abbreviated())` is not of `\("\(resource)#\(relation)".abbreviated())`, which alone "
                        + "is set; leave it out"
                ).at(position)
            }
            try tuple.checkShape(at: position)
        }
        try checkDuplicates(in: tuples) { tuple in "`\(tuple)` is listed twice; a set lists each tuple once" }
    }
}

extension ImportRequest {
    /// Counts first, then the tuples; one may be listed twice.
    func checkShape() throws(ServiceError) {
        try checkCount(batch.count, Limits.tuplesPerImport, of: "tuples", in: "an import")
        guard batch.count > 0 else { throw ServiceError(.invalidArgument, "an import has at least one tuple") }
        var next = 0
        try batch.forEachTuple { packed throws(ServiceError) in
            let position = next
            next += 1
            if packed.isWellFormed { return }
            let tuple: RelationTuple
            do throws(ByteError) {
                tuple = try packed.unpack()
            } catch {
                throw ServiceError(.limitExceeded, "a tuple of an import cannot be read: \(error)").at(position)
            }
            try tuple.checkShape(at: position)
        }
    }
}

extension IdempotencyKey {
    fileprivate func checkShape() throws(ServiceError) {
        guard sequence >= 1, firstUnacknowledged >= 1, firstUnacknowledged <= sequence else {
            throw ServiceError(
                .invalidArgument,
                "an idempotency key has a sequence from 1 and a first unacknowledged sequence from 1 up to it"
            )
        }
    }
}

/// Refuses more than `limit` of something.
private func checkCount(_ count: Int, _ limit: Int, of things: String, in whole: String) throws(ServiceError) {
    guard count <= limit else {
        throw ServiceError(
            .limitExceeded,
            "\(whole) has at most \(limit) \(things), this one has \(count)",
            details: [.init("limit", String(limit)), .init("value", String(count))]
        )
    }
}

/// What all writes have in common.
private func checkCommon(
    _ preconditions: [Precondition],
    _ metadata: ContextObject,
    in whole: String
) throws(ServiceError) {
    try checkCount(preconditions.count, Limits.preconditionsPerWrite, of: "preconditions", in: whole)
    for (position, precondition) in preconditions.enumerated() {
        try precondition.filter.checkShape(of: "a precondition", field: "preconditions[\(position)]")
    }
    try metadata.checkShape(limit: Limits.metadataBytes, of: "the metadata of \(whole)")
}

/// Refuses tuples that differ in caveat and times at most.
private func checkDuplicates(
    in tuples: some RandomAccessCollection<RelationTuple>,
    _ message: (String) -> String
) throws(ServiceError) {
    guard let repeated = DuplicateSearch().firstRepeated(in: tuples) else { return }
    let text = repeated.tuple.key.description
    throw ServiceError(.duplicateUpdate, message(text), details: [.init("tuple", text)]).at(repeated.position)
}
