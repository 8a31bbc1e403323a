// Pemba: reading requests out of their frames.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaSchema
import PembaService
import PembaWire

extension Node {
    /// A read that is answered by one frame, and the state that it wants.
    func reading(
        _ kind: RequestKind,
        _ payload: UnsafeRawBufferPointer
    ) throws(ServiceError) -> (PendingRequest.Work, Consistency) {
        try decoded(kind) { () throws(ByteError) in
            switch kind {
            case .check:
                // The payload is copied only if the request waits.
                return (.evaluation(kind, payload: []), try CheckRequestView(decoding: payload).consistency)
            case .bulkCheck:
                return (.evaluation(kind, payload: []), try BulkCheckRequestView(decoding: payload).consistency)
            case .read:
                let request = try ReadRequest.decode(payload).request
                return (.read(request), Consistency(request.consistency, continuing: request.cursor?.zookie))
            case .readSchema:
                let consistency = try ReadSchemaRequest.decode(payload).request.consistency
                return (.readSchema(consistency), consistency)
            case .permissions:
                let request = try PermissionsRequest.decode(payload).request
                return (.permissions(request), request.consistency)
            case .expand:
                let request = try ExpandRequest.decode(payload).request
                return (.expand(request), request.consistency)
            case .explain:
                let request = try ExplainRequest.decode(payload).request
                return (.explain(request), request.consistency)
            case .lookupResources, .lookupSubjects, .export, .watch, .openSession, .write, .delete, .set,
                .importTuples, .writeSchema, .status, .membership:
                preconditionFailure("\(kind) is no read with one answer")
            }
        }
    }

    /// A read that is answered by a stream, and the state that it wants.
    func streaming(
        _ kind: RequestKind,
        _ payload: UnsafeRawBufferPointer
    ) throws(ServiceError) -> (PendingRequest.Work, Consistency) {
        try decoded(kind) { () throws(ByteError) in
            switch kind {
            case .lookupResources:
                let streamed = try LookupResourcesRequest.decode(payload)
                let consistency = Consistency(
                    streamed.request.consistency,
                    continuing: streamed.request.cursor?.zookie
                )
                return (.lookupResources(streamed.request, window: Int(streamed.window)), consistency)
            case .lookupSubjects:
                let streamed = try LookupSubjectsRequest.decode(payload)
                let consistency = Consistency(
                    streamed.request.consistency,
                    continuing: streamed.request.cursor?.zookie
                )
                return (.lookupSubjects(streamed.request, window: Int(streamed.window)), consistency)
            case .export:
                let streamed = try ExportRequest.decode(payload)
                let consistency = Consistency(
                    streamed.request.consistency,
                    continuing: streamed.request.cursor?.zookie
                )
                return (.export(streamed.request, window: Int(streamed.window)), consistency)
            case .watch:
                let streamed = try WatchRequest.decode(payload)
                var consistency = Consistency.minimizeLatency
                if case .after(let zookie) = streamed.request.start { consistency = .atLeastAsFresh(zookie) }
                return (.watch(streamed.request, window: Int(streamed.window)), consistency)
            case .check, .bulkCheck, .read, .readSchema, .permissions, .expand, .explain, .openSession, .write,
                .delete, .set, .importTuples, .writeSchema, .status, .membership:
                preconditionFailure("\(kind) is answered by one frame")
            }
        }
    }

    /// A command, and its size for the audit log.
    func command(
        _ kind: RequestKind,
        _ payload: UnsafeRawBufferPointer
    ) throws(ServiceError) -> (ClientCommand, size: Int) {
        let command = try decoded(kind) { () throws(ByteError) -> (ClientCommand, size: Int) in
            switch kind {
            case .openSession:
                _ = try PlainRequest.decode(payload)
                return (.openSession, 0)
            case .write:
                let write = try WriteRequest.decode(payload).request
                return (.write(write), write.updates.count)
            case .delete: return (.delete(try DeleteRequest.decode(payload).request), 0)
            case .set:
                let set = try SetRequest.decode(payload).request
                return (.set(set), set.tuples.count)
            case .importTuples:
                let request = try ImportRequest.decode(payload).request
                return (.importTuples(request), request.batch.count)
            case .writeSchema:
                let source = try WriteSchemaRequest.decode(payload).request.source
                return (.writeSchema(source: source), source.utf8.count)
            case .check, .bulkCheck, .read, .readSchema, .permissions, .expand, .explain, .lookupResources,
                .lookupSubjects, .export, .watch, .status, .membership:
                preconditionFailure("\(kind) is no command")
            }
        }
        if case .writeSchema(let source) = command.0 { try checkSchema(source) }
        return command
    }

    /// Every diagnostic at once, before the schema travels; what stored tuples have to say is known when it is applied.
    private func checkSchema(_ source: String) throws(ServiceError) {
        do throws(SchemaErrors) {
            _ = try SchemaCompiler.compile(source)
        } catch {
            throw ServiceError(error)
        }
    }

    func decoded<Value>(
        _ kind: RequestKind,
        _ body: () throws(ByteError) -> Value
    ) throws(ServiceError) -> Value {
        do {
            return try body()
        } catch {
            throw ServiceError(decoding: error, of: kind.frame)
        }
    }
}

extension Consistency {
    /// What a request wants: the revision of the answer that it continues, if it continues one.
    init(_ stated: Consistency, continuing zookie: Zookie?) { self = zookie.map { .atExactSnapshot($0) } ?? stated }
}
