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
        }
        for (position, update) in request.updates.enumerated() {
            try againstSchema(at: position) { () throws(GraphError) in
                switch update.operation {
                case .create, .touch: try graph.validate(update.tuple)
                case .delete: try graph.validateKey(update.tuple)
                }
            }
        }
        try check(request.preconditions)
        for (position, update) in request.updates.enumerated()
        where update.operation == .create && graph.stored(update.tuple) != nil {
            if planted("creates-over-existing") { continue }
            throw .alreadyExists(update.tuple, at: position)
        }
        var counts = WriteCounts()
        for update in request.updates {
            // Whether the tuple was there does not matter: creating is checked above, touching and deleting do not ask.
            switch update.operation {
            case .create, .touch:
                var tuple = update.tuple
                if planted("drops-caveats") { tuple.caveat = nil }
                counts.add(graph.put(tuple))
            case .delete: if graph.remove(update.tuple) != nil { counts.deleted += 1 }
            }
        }
        if !planted("forgets-metadata") { graph.note(request.metadata) }
        return .written(planted("zookie-of-state-before") ? Revision(index.previous) : revision, counts)
    }

    /// Deletes what a filter means, all of it or nothing unless the request allows a part.
    func delete(_ request: DeleteRequest) throws(ServiceError) -> CommandOutcome {
        try ClientCommand.delete(request).checkShape()
        try againstSchema { () throws(GraphError) in
            for precondition in request.preconditions { try graph.validate(precondition.filter) }
            try graph.validate(request.filter)
        }
        try check(request.preconditions)
        let (matching, next) = graph.search(
            request.filter,
            after: planted("deletes-from-start") ? nil : request.cursor?.last,
            limit: request.limit,
            work: Limits.commandVisits
        )
        guard next == nil || request.allowsPartial else { throw .tooMuch(request, found: matching.count) }
        for tuple in matching { graph.remove(tuple) }
        graph.note(request.metadata)
        return .deleted(revision, count: UInt64(matching.count), next: next?.key)
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
        }
        for (position, tuple) in request.tuples.enumerated() {
            try againstSchema(at: position) { () throws(GraphError) in try graph.validate(tuple) }
        }
        try check(request.preconditions)
        let (present, more) = graph.search(filter, limit: Limits.tuplesPerDelete, work: Limits.commandVisits)
        guard more == nil else {
            throw ServiceError(
                .tooManyMatches,
                "`\(request.resource)#\(request.relation)` has more than \(Limits.tuplesPerDelete) tuples; nothing was changed; "
                    + "delete by filter in parts first"
            )
        }
        // One that has expired already would not be there any more.
        let lasting = request.tuples.filter { $0.expiresAt.map { $0 > timestamp } ?? true }
        var wanted: [RelationTuple: RelationTuple] = [:]
        for tuple in lasting { wanted[tuple.key] = tuple }
        let isOnlyAdding = planted("set-only-adds")
        var changes = present.filter { wanted[$0.key] == nil && !isOnlyAdding }.map { TupleUpdate(.delete, $0) }
        var known: [RelationTuple: RelationTuple] = [:]
        for tuple in present { known[tuple.key] = tuple }
        for tuple in lasting {
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
        return .set(revision, WriteCounts(of: sorted), changes: sorted)
    }

    /// Adds the tuples of an import, all of them or none.
    func importTuples(_ request: ImportRequest) throws(ServiceError) -> CommandOutcome {
        try ClientCommand.importTuples(request).checkShape()
        if let invalid = graph.firstInvalid(of: request.batch) {
            throw ServiceError(invalid.error).at(invalid.position)
        }
        if request.mode == .fail, let stored = graph.firstStored(of: request.batch) {
            throw .alreadyExists(stored.tuple, at: stored.position)
        }
        let counts = graph.put(request.batch, keepingStored: request.mode == .skip && !planted("import-never-skips"))
        return .imported(revision, created: UInt64(counts.created), existing: UInt64(counts.existing))
    }

    // MARK: Parts

    private func againstSchema(_ body: () throws(GraphError) -> Void) throws(ServiceError) {
        do throws(GraphError) { try body() } catch { throw ServiceError(error) }
    }

    /// The same about the tuple that has `position` others before it.
    private func againstSchema(
        at position: Int,
        _ body: () throws(GraphError) -> Void
    ) throws(ServiceError) {
        do throws(GraphError) { try body() } catch { throw ServiceError(error).at(position) }
    }

    private func check(_ preconditions: [Precondition]) throws(ServiceError) {
        for precondition in preconditions {
            let wanted = precondition.kind == .mustMatch
            let work = Limits.commandVisits / preconditions.count
            guard let matches = graph.matches(precondition.filter, work: work) else {
                throw ServiceError(
                    .limitExceeded,
                    "whether a tuple matches `\(precondition.filter)` is not known after \(work) objects and tuples; nothing "
                        + "was written; name the resource or the subject by its id",
                    details: [.init("precondition", precondition.filter.description)]
                )
            }
            guard matches != wanted, !planted("ignores-preconditions") else { continue }
            throw ServiceError(
                .preconditionFailed,
                wanted
                    ? "no tuple matches `\(precondition.filter)`, which the write demands; nothing was written"
                    : "a tuple matches `\(precondition.filter)`, which the write forbids; nothing was written",
                details: [.init("precondition", precondition.filter.description)]
            )
        }
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
            // Programs write their schema at each start, which is in force already. What a source compiles to depends on
            // nothing else, so that every node has the same with this and without.
            compiled =
                if let schema, schema.source.hasSameBytes(as: source) { schema } else {
                    try SchemaCompiler.compile(source)
                }
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
    fileprivate static func alreadyExists(_ tuple: RelationTuple, at position: Int) -> ServiceError {
        ServiceError(
            .alreadyExists,
            "`\(tuple.key)` exists already; touch writes it whether it exists or not",
            details: [.init("tuple", tuple.key.description)]
        ).at(position)
    }

    /// A deletion would not be whole.
    fileprivate static func tooMuch(_ request: DeleteRequest, found: Int) -> ServiceError {
        let reason =
            found == request.limit
            ? "more than \(request.limit) tuples match `\(request.filter)`"
            : "finding what `\(request.filter)` means takes more than one request may (\(Limits.commandVisits) objects and tuples)"
        let wayOut =
            found == request.limit ? "raise the limit, or allow a part to be deleted" : "allow a part to be deleted"
        return ServiceError(
            .tooManyMatches,
            "\(reason); nothing was deleted; \(wayOut)",
            details: [.init("filter", request.filter.description), .init("limit", String(request.limit))]
        )
    }
}

extension WriteCounts {
    /// Counts what writing a tuple did.
    fileprivate mutating func add(_ effect: WriteEffect) {
        switch effect {
        case .created: created += 1
        case .touched: touched += 1
        case .removed: deleted += 1
        case .unchanged, .expired: break
        }
    }
}
