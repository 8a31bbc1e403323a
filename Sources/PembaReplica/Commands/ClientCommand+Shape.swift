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
        case .openSession: break
        case .write(let write): try write.checkShape()
        case .writeSchema(let source):
            guard source.utf8.count <= Limits.schemaBytes else {
                throw ServiceError(
                    .limitExceeded,
                    "a schema has at most \(Limits.schemaBytes) bytes, this one has \(source.utf8.count)"
                )
            }
        }
    }
}

extension WriteRequest {
    /// Counts first, then names and filters, then updates that name one tuple twice.
    func checkShape() throws(ServiceError) {
        try checkCounts()
        for precondition in preconditions { try precondition.filter.checkShape() }
        for update in updates { try update.tuple.checkShape() }
        var seen: Set<RelationTuple> = []
        guard updates.count > 1 else { return }
        for update in updates where !seen.insert(update.tuple).inserted {
            throw ServiceError(
                .duplicateUpdate,
                "two updates of one write name `\(update.tuple)`; a write names each tuple once",
                details: [.init("tuple", update.tuple.description)]
            )
        }
    }

    private func checkCounts() throws(ServiceError) {
        guard updates.count <= Limits.updatesPerWrite else {
            throw ServiceError(
                .limitExceeded,
                "a write has at most \(Limits.updatesPerWrite) updates, this one has \(updates.count)"
            )
        }
        guard preconditions.count <= Limits.preconditionsPerWrite else {
            throw ServiceError(
                .limitExceeded,
                "a write has at most \(Limits.preconditionsPerWrite) preconditions, this one has \(preconditions.count)"
            )
        }
        guard !updates.isEmpty else { throw ServiceError(.invalidArgument, "a write has at least one update") }
        if let idempotencyKey {
            let (sequence, first) = (idempotencyKey.sequence, idempotencyKey.firstUnacknowledged)
            guard sequence >= 1, first >= 1, first <= sequence else {
                throw ServiceError(
                    .invalidArgument,
                    "an idempotency key has a sequence from 1 and a first unacknowledged sequence from 1 up to it"
                )
            }
        }
    }
}

extension RelationTuple {
    fileprivate func checkShape() throws(ServiceError) {
        try checkName(resource.type, Limits.definitionNameBytes, of: "resource type")
        try checkName(relation, Limits.relationNameBytes, of: "relation")
        try checkName(subject.object.type, Limits.definitionNameBytes, of: "subject type")
        if let name = subject.relation { try checkName(name, Limits.relationNameBytes, of: "subject relation") }
        for id in [resource.id, subject.object.id] {
            if let problem = ObjectReference.problem(ofID: id) {
                throw ServiceError(.invalidArgument, "\(problem); in `\(abbreviated(description))`")
            }
        }
        guard !resource.id.hasSameBytes(as: SubjectReference.wildcardID) else {
            throw ServiceError(
                .invalidArgument,
                "`*` stands for all subjects of a type; a resource is one object; in `\(abbreviated(description))`"
            )
        }
    }
}

extension RelationshipFilter {
    fileprivate func checkShape() throws(ServiceError) {
        guard !isEmpty else {
            throw ServiceError(.invalidArgument, "the filter of a precondition is empty; it must name what it means")
        }
        guard resourceID == nil || resourceIDPrefix == nil else {
            throw ServiceError(.invalidArgument, "a filter has a resource id or a prefix of one, not both")
        }
        if let name = resourceType { try checkName(name, Limits.definitionNameBytes, of: "resource type") }
        if let name = relation { try checkName(name, Limits.relationNameBytes, of: "relation") }
        if let name = subjectType { try checkName(name, Limits.definitionNameBytes, of: "subject type") }
        if case .named(let name) = subjectRelation {
            try checkName(name, Limits.relationNameBytes, of: "subject relation")
        }
        for id in [resourceID, resourceIDPrefix, subjectID] {
            if let id, let problem = ObjectReference.problem(ofID: id) {
                throw ServiceError(.invalidArgument, "\(problem); in a precondition's filter")
            }
        }
    }
}

/// Refuses a name that is empty or too long; whether it is known is the schema's question.
private func checkName(_ name: String, _ limit: Int, of field: String) throws(ServiceError) {
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "the \(field) is empty") }
    guard name.utf8.count <= limit else {
        throw ServiceError(.limitExceeded, "a \(field) has at most \(limit) bytes, this one has \(name.utf8.count)")
    }
}

/// The text itself, or its beginning if it is long: messages are kept in sessions and must stay small.
private func abbreviated(_ text: String) -> String {
    text.unicodeScalars.count <= 200 ? text : String(text.unicodeScalars.prefix(200)) + "…"
}
