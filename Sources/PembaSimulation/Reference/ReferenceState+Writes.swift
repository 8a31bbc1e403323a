// Pemba: writes, as plainly as they can be written.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaSchema
import PembaService

extension ReferenceState {
    /// Does a write, all of it or nothing.
    mutating func execute(_ command: ClientCommand) -> Result<Done, ErrorCode> {
        let before = changes.count
        let refusal: ErrorCode? =
            switch command {
            case .write(let request): write(request)
            case .delete(let request): delete(request)
            case .set(let request): set(request)
            case .importTuples(let request): add(request)
            case .openSession, .writeSchema, .advanceTime, .audit: .invalidArgument
            }
        if let refusal { return .failure(refusal) }
        let own = changes[before...]
        var isImport = false
        if case .importTuples = command { isImport = true }
        let count = isImport ? own.count { $0.kind == .created } : own.count
        return .success(Done(revision: Revision(index), changed: count))
    }

    // MARK: - The kinds of writes

    /// Each gives the reason if it does nothing.
    private mutating func write(_ request: WriteRequest) -> ErrorCode? {
        if isRepeating(request.updates.map(\.tuple)) { return .duplicateUpdate }
        if let code = problem(ofFilters: request.preconditions) { return code }
        for update in request.updates {
            let isDeletion = update.operation == .delete
            if let code = problem(of: update.tuple, in: schema, ofAnyKind: isDeletion) { return code }
        }
        guard hold(request.preconditions) else { return .preconditionFailed }
        for update in request.updates where update.operation == .create {
            if stored(update.tuple) != nil { return .alreadyExists }
        }
        for update in request.updates {
            replace(stored(update.tuple), by: update.operation == .delete ? nil : update.tuple)
        }
        return nil
    }

    private mutating func delete(_ request: DeleteRequest) -> ErrorCode? {
        if let code = problem(ofFilters: request.preconditions) ?? problem(of: request.filter) { return code }
        guard hold(request.preconditions) else { return .preconditionFailed }
        let found = matching(request.filter).filter { request.cursor?.last.precedesInReads($0) ?? true }
        if found.count > request.limit, !request.allowsPartial { return .tooManyMatches }
        for tuple in found.prefix(request.limit) { replace(tuple, by: nil) }
        return nil
    }

    private mutating func set(_ request: SetRequest) -> ErrorCode? {
        if isRepeating(request.tuples) { return .duplicateUpdate }
        let (type, id) = (request.resource.type, request.resource.id)
        let filter = RelationshipFilter(resourceType: type, resourceID: id, relation: request.relation)
        if let code = problem(ofFilters: request.preconditions) ?? problem(of: filter) { return code }
        for tuple in request.tuples {
            if let code = problem(of: tuple, in: schema) { return code }
        }
        guard hold(request.preconditions) else { return .preconditionFailed }
        for tuple in matching(filter) where !request.tuples.contains(where: { $0.key == tuple.key }) {
            replace(tuple, by: nil)
        }
        for tuple in request.tuples { replace(stored(tuple), by: tuple) }
        return nil
    }

    /// An import: of one tuple that is listed twice the last counts.
    private mutating func add(_ request: ImportRequest) -> ErrorCode? {
        let tuples = Workload.tuples(of: request)
        for tuple in tuples {
            if let code = problem(of: tuple, in: schema) { return code }
        }
        if request.mode == .fail, tuples.contains(where: { stored($0) != nil }) { return .alreadyExists }
        for tuple in tuples {
            let present = stored(tuple)
            if present == nil || request.mode != .skip { replace(present, by: tuple) }
        }
        return nil
    }

    // MARK: - Tuples

    /// Puts a tuple in the place of one with its key; one that has expired before it is written is not there.
    private mutating func replace(_ old: RelationTuple?, by wanted: RelationTuple?) {
        let new = wanted.flatMap { isOver($0) ? nil : $0 }
        guard old != new else { return }
        if let old { forget(old) }
        if let new {
            tuplesOf[new.resource, default: []].insert(new)
            if new.expiresAt != nil { expiring.insert(new) }
            changes.append(TupleChange(old == nil ? .created : .touched, new))
        } else if let old {
            changes.append(TupleChange(.deleted, old))
        }
    }

    mutating func forget(_ tuple: RelationTuple) {
        tuplesOf[tuple.resource]?.remove(tuple)
        expiring.remove(tuple)
    }

    /// The tuple that names the same, whatever its caveat and times.
    private func stored(_ tuple: RelationTuple) -> RelationTuple? {
        tuplesOf[tuple.resource]?.first { $0.key == tuple.key }
    }

    func isOver(_ tuple: RelationTuple) -> Bool { tuple.expiresAt.map { $0 <= time } ?? false }

    private func isRepeating(_ tuples: [RelationTuple]) -> Bool { Set(tuples.map(\.key)).count < tuples.count }

    /// The tuples that a filter means, in the order of reads.
    private func matching(_ filter: RelationshipFilter) -> [RelationTuple] {
        tuplesOf.values.flatMap { tuples in tuples.filter { filter.matches($0) } }.sorted { $0.precedesInReads($1) }
    }

    private func hold(_ preconditions: [Precondition]) -> Bool {
        preconditions.allSatisfy { hasMatch($0.filter) == ($0.kind == .mustMatch) }
    }

    private func hasMatch(_ filter: RelationshipFilter) -> Bool {
        if let type = filter.resourceType, let id = filter.resourceID {
            return tuplesOf[ObjectReference(type: type, id: id)]?.contains { filter.matches($0) } == true
        }
        return tuplesOf.values.contains { tuples in tuples.contains { filter.matches($0) } }
    }

    // MARK: - What the schema says

    private func problem(ofFilters preconditions: [Precondition]) -> ErrorCode? {
        for precondition in preconditions {
            if let code = problem(of: precondition.filter) { return code }
        }
        return nil
    }

    /// Of a filter that names no relation, or one beside its type.
    private func problem(of filter: RelationshipFilter) -> ErrorCode? {
        guard let schema else { return .noSchema }
        guard let type = filter.resourceType else { return nil }
        guard let definition = schema.definitions.first(where: { $0.name == type }) else { return .unknownDefinition }
        guard let name = filter.relation else { return nil }
        guard let relation = definition.relations.first(where: { $0.name == name }) else { return .unknownRelation }
        if case .permission = relation.kind { return .cannotWritePermission }
        return nil
    }

    /// `ofAnyKind`: whatever caveat and times the relation demands.
    func problem(
        of tuple: RelationTuple,
        in schema: CompiledSchema?,
        ofAnyKind isOfAnyKind: Bool = false
    ) -> ErrorCode? {
        guard let schema else { return .noSchema }
        if let caveat = tuple.caveat, !isOfAnyKind, !schema.caveats.contains(where: { $0.name == caveat.name }) {
            return .unknownCaveat
        }
        guard let definition = schema.definitions.first(where: { $0.name == tuple.resource.type }) else {
            return .unknownDefinition
        }
        guard let relation = definition.relations.first(where: { $0.name == tuple.relation }) else {
            return .unknownRelation
        }
        guard case .relation(let allowed) = relation.kind else { return .cannotWritePermission }
        let hasTime = tuple.expiresAt != nil || tuple.notBefore != nil
        let isAdmitted = allowed.contains { allowed in
            let type = schema.definitions[allowed.definition]
            guard type.name == tuple.subject.object.type else { return false }
            let isOfKind =
                allowed.hasExpiration == hasTime && allowed.caveat.map { schema.caveats[$0].name } == tuple.caveat?.name
            guard isOfAnyKind || isOfKind else { return false }
            return switch allowed.form {
            case .object: tuple.subject.relation == nil && !tuple.subject.isWildcard
            case .wildcard: tuple.subject.relation == nil && tuple.subject.isWildcard
            case .userset(let number): tuple.subject.relation == type.relations[number].name
            }
        }
        return isAdmitted ? nil : .subjectNotAllowed
    }
}
