// Pemba: applying writes of tuples and of the schema.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaSchema
import PembaService

extension StateMachine {
    /// Does a write once, whoever repeats it; the revision that holds it, or why nothing was done.
    func write(_ request: WriteRequest) -> Result<Revision, ServiceError> {
        guard let key = request.idempotencyKey else { return execute(request) }
        switch sessions.admit(key, at: index, time: timestamp) {
        case .answered(let result): return result
        case .refused(let error): return .failure(error)
        case .new:
            let result = execute(request)
            sessions.record(key, result)
            return result
        }
    }

    /// Does a write, all of it or nothing.
    private func execute(_ request: WriteRequest) -> Result<Revision, ServiceError> {
        do throws(ServiceError) {
            try request.checkShape()
            try checkAgainstSchema(request)
            for precondition in request.preconditions { try check(precondition) }
            for update in request.updates where update.operation == .create && graph.contains(update.tuple) {
                throw ServiceError(
                    .alreadyExists,
                    "`\(update.tuple)` exists already; touch writes it whether it exists or not",
                    details: [.init("tuple", update.tuple.description)]
                )
            }
        } catch {
            return .failure(SessionAnswer.bounded(error))
        }
        for update in request.updates {
            // Whether the tuple was there does not matter: creating is checked above, touching and deleting do not ask.
            switch update.operation {
            case .create, .touch: _ = graph.insert(update.tuple)
            case .delete: _ = graph.remove(update.tuple)
            }
        }
        return .success(revision)
    }

    private func checkAgainstSchema(_ request: WriteRequest) throws(ServiceError) {
        do throws(GraphError) {
            for precondition in request.preconditions { try graph.validate(precondition.filter) }
            for update in request.updates { try graph.validate(update.tuple) }
        } catch {
            throw ServiceError(error)
        }
    }

    private func check(_ precondition: Precondition) throws(ServiceError) {
        let wanted = precondition.kind == .mustMatch
        guard graph.matches(precondition.filter) != wanted else { return }
        throw ServiceError(
            .preconditionFailed,
            wanted
                ? "no tuple matches `\(precondition.filter)`, which the write demands; nothing was written"
                : "a tuple matches `\(precondition.filter)`, which the write forbids; nothing was written",
            details: [.init("precondition", precondition.filter.description)]
        )
    }

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
        do {
            try graph.replaceSchema(compiled)
        } catch {
            throw ServiceError(error)
        }
        var hasher = StateHasher(domain: 4)
        hasher.combine(source.utf8)
        schemaHash = hasher.value
    }
}
