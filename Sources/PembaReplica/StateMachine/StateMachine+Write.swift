// Pemba: applying writes of tuples and of the schema.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaSchema
import PembaService

extension StateMachine {
    /// Does a write once, whoever repeats it; what it did, or why nothing was done.
    func once(
        _ command: ClientCommand,
        _ body: () throws(ServiceError) -> CommandOutcome
    ) -> Result<CommandOutcome, ServiceError> {
        guard let key = command.idempotencyKey else { return StateMachine.bounded(body) }
        switch sessions.admit(key, at: index, time: timestamp) {
        case .answered(.success(let outcome)) where !outcome.isAnswer(to: command):
            return .failure(
                ServiceError(
                    .invalidArgument,
                    "write \(key.sequence) of client session \(key.session) was another kind of write; give each write a "
                        + "number of its own"
                )
            )
        case .answered(let result): return result
        case .refused(let error): return .failure(error)
        case .new:
            let result = StateMachine.bounded(body)
            sessions.record(key, result)
            return result
        }
    }

    private static func bounded(
        _ body: () throws(ServiceError) -> CommandOutcome
    ) -> Result<CommandOutcome, ServiceError> {
        do throws(ServiceError) {
            return .success(try body())
        } catch {
            return .failure(SessionAnswer.bounded(error))
        }
    }

    /// Does a write, all of it or nothing.
    func write(_ request: WriteRequest) throws(ServiceError) -> CommandOutcome {
        try request.checkShape()
        try againstSchema { () throws(GraphError) in
            for precondition in request.preconditions { try graph.validate(precondition.filter) }
            for update in request.updates {
                switch update.operation {
                case .create, .touch: try graph.validate(update.tuple)
                case .delete: try graph.validateKey(update.tuple)
                }
            }
        }
        try check(request.preconditions)
        for update in request.updates where update.operation == .create && graph.stored(update.tuple) != nil {
            throw .alreadyExists(update.tuple)
        }
        for update in request.updates {
            // Whether the tuple was there does not matter: creating is checked above, touching and deleting do not ask.
            switch update.operation {
            case .create, .touch: graph.put(update.tuple)
            case .delete: graph.remove(update.tuple)
            }
        }
        graph.note(request.metadata)
        return .written(revision)
    }

    /// Deletes what a filter means, all of it or nothing unless the request allows a part.
    func delete(_ request: DeleteRequest) throws(ServiceError) -> CommandOutcome {
        try ClientCommand.delete(request).checkShape()
        try againstSchema { () throws(GraphError) in
            for precondition in request.preconditions { try graph.validate(precondition.filter) }
            try graph.validate(request.filter)
        }
        try check(request.preconditions)
        let matching = tuples(request.filter, limit: request.limit + 1)
        guard matching.count <= request.limit || request.allowsPartial else {
            throw ServiceError(
                .tooManyMatches,
                "more than \(request.limit) tuples match `\(request.filter)`; nothing was deleted; raise the limit, or allow "
                    + "a part to be deleted"
            )
        }
        let deleted = matching.prefix(request.limit)
        for tuple in deleted { graph.remove(tuple) }
        graph.note(request.metadata)
        return .deleted(revision, count: UInt64(deleted.count), isComplete: matching.count <= request.limit)
    }

    /// Makes the tuples of a relation exactly those of the request.
    func set(_ request: SetRequest) throws(ServiceError) -> CommandOutcome {
        try ClientCommand.set(request).checkShape()
        let filter = RelationshipFilter(
            resourceType: request.resource.type,
            resourceID: request.resource.id,
            relation: request.relation
        )
        try againstSchema { () throws(GraphError) in
            for precondition in request.preconditions { try graph.validate(precondition.filter) }
            try graph.validate(filter)
            for tuple in request.tuples { try graph.validate(tuple) }
        }
        try check(request.preconditions)
        let present = tuples(filter, limit: Limits.tuplesPerDelete + 1)
        guard present.count <= Limits.tuplesPerDelete else {
            throw ServiceError(
                .tooManyMatches,
                "`\(request.resource)#\(request.relation)` has more than \(Limits.tuplesPerDelete) tuples; nothing was changed; "
                    + "delete by filter in parts first"
            )
        }
        var wanted: [RelationTuple: RelationTuple] = [:]
        for tuple in request.tuples { wanted[tuple.key] = tuple }
        var changes = present.filter { wanted[$0.key] == nil }.map { TupleUpdate(.delete, $0) }
        var known: [RelationTuple: RelationTuple] = [:]
        for tuple in present { known[tuple.key] = tuple }
        for tuple in request.tuples {
            guard let before = known[tuple.key] else {
                changes.append(TupleUpdate(.create, tuple))
                continue
            }
            if before != tuple { changes.append(TupleUpdate(.touch, tuple)) }
        }
        for change in changes {
            if change.operation == .delete { graph.remove(change.tuple) } else { graph.put(change.tuple) }
        }
        graph.note(request.metadata)
        let sorted = changes.sorted { $0.tuple.precedesInReads($1.tuple) }
        return .set(revision, SetCounts(of: sorted), changes: sorted)
    }

    /// Adds the tuples of an import, all of them or none.
    func importTuples(_ request: ImportRequest) throws(ServiceError) -> CommandOutcome {
        try ClientCommand.importTuples(request).checkShape()
        try againstSchema { () throws(GraphError) in
            try graph.validate(request.batch)
        }
        if request.mode == .fail, let tuple = graph.firstStored(of: request.batch) { throw .alreadyExists(tuple) }
        let created = UInt64(graph.put(request.batch, keepingStored: request.mode == .skip))
        return .imported(revision, created: created, existing: UInt64(request.batch.count) - created)
    }

    // MARK: Parts

    private func againstSchema(_ body: () throws(GraphError) -> Void) throws(ServiceError) {
        do throws(GraphError) { try body() } catch { throw ServiceError(error) }
    }

    private func check(_ preconditions: [Precondition]) throws(ServiceError) {
        for precondition in preconditions {
            let wanted = precondition.kind == .mustMatch
            guard graph.matches(precondition.filter) != wanted else { continue }
            throw ServiceError(
                .preconditionFailed,
                wanted
                    ? "no tuple matches `\(precondition.filter)`, which the write demands; nothing was written"
                    : "a tuple matches `\(precondition.filter)`, which the write forbids; nothing was written",
                details: [.init("precondition", precondition.filter.description)]
            )
        }
    }

    /// Work of one read that no graph needs: a command is applied whole.
    private static let wholeRead = 1 << 40

    /// The first tuples that a filter means, in the order of reads.
    private func tuples(_ filter: RelationshipFilter, limit: Int) -> [RelationTuple] {
        var found: [RelationTuple] = []
        var after: RelationTuple?
        while found.count < limit {
            // `limit` may be as large as it gets, and a page takes memory for what it may hold.
            let page = min(limit - found.count, Limits.tuplesPerDelete + 1)
            switch graph.read(filter, after: after, limit: page, work: StateMachine.wholeRead) {
            case .again: continue
            case .page(let tuples, let next):
                found.append(contentsOf: tuples)
                guard let next else { return found }
                after = next
            }
        }
        return found
    }

    // MARK: Schema

    /// Replaces the schema, if it compiles and no stored tuple would be stranded.
    func writeSchema(_ source: String) -> Result<Void, ServiceError> {
        do throws(ServiceError) {
            try ClientCommand.writeSchema(source: source).checkShape()
            try compileAndReplace(source)
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Compiles `source` and makes it the schema.
    func compileAndReplace(_ source: String) throws(ServiceError) {
        let compiled: CompiledSchema
        do throws(SchemaErrors) {
            compiled = try SchemaCompiler.compile(source)
        } catch {
            throw ServiceError(error)
        }
        try againstSchema { () throws(GraphError) in try graph.replaceSchema(compiled) }
        var hasher = StateHasher(domain: 4)
        hasher.combine(source.utf8)
        schemaHash = hasher.value
    }
}

extension ServiceError {
    /// A tuple that was to be created is there.
    fileprivate static func alreadyExists(_ tuple: RelationTuple) -> ServiceError {
        ServiceError(
            .alreadyExists,
            "`\(tuple.key)` exists already; touch writes it whether it exists or not",
            details: [.init("tuple", tuple.key.description)]
        )
    }
}
