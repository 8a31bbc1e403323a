// Pemba: what clients ask for, apart from bursts of checks.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaSchema
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// Bytes that are kept for waiting requests of all connections.
    private static let keptBytesMax = 256 << 20

    // MARK: - Admission

    /// When a request's client stops waiting: the first field of every request, within the configured bounds.
    func deadline(of payload: UnsafeRawBufferPointer, from arrived: Instant) -> Instant {
        let limits = configuration.limits
        guard payload.count >= 4 else { return arrived + limits.requestDeadline }
        let milliseconds = UInt32(littleEndian: payload.loadUnaligned(as: UInt32.self))
        guard milliseconds > 0 else { return arrived + limits.requestDeadline }
        return arrived + min(.milliseconds(UInt64(milliseconds)), limits.requestDeadlineMax)
    }

    /// Counts a request that will wait; false if there is no room, which its client has been told.
    func admit(_ request: PendingRequest) -> Bool {
        let limits = configuration.limits
        let client = request.client
        let isFull: ServiceError? =
            if client.inFlight >= limits.requestsPerConnection {
                .overloaded("this connection has \(client.inFlight) requests without an answer")
            } else if client.connection.outputBacklog >= limits.outputBytes / 2 {
                .overloaded(
                    "this connection has \(client.connection.outputBacklog) bytes of answers that were not read"
                )
            } else if inFlight >= limits.requests || inFlightBytes + request.bytes > Node.keptBytesMax {
                .overloaded("this node has \(inFlight) requests without an answer")
            } else {
                nil
            }
        if let isFull {
            refuse(request.kind, request.correlation, of: client, isFull, arrived: request.arrived)
            return false
        }
        client.inFlight += 1
        inFlight += 1
        inFlightBytes += request.bytes
        return true
    }

    /// The request has its answer.
    func complete(_ request: PendingRequest) {
        request.client.inFlight -= 1
        inFlight -= 1
        inFlightBytes -= request.bytes
        metrics.answered(request.kind, after: SystemClock.now() - request.arrived)
        request.client.connection.flush()
        if phase == .draining { finishDrainingIfDone() }
    }

    /// The request has an error for its answer.
    func fail(_ request: PendingRequest, _ error: ServiceError) {
        metrics.failed(error.code)
        request.client.send(error, correlation: request.correlation)
        if case .command(let kind, _) = request.work, kind != .openSession {
            let client = request.client
            audit.failed(event: kind.name, caller: client.name, address: client.address, reason: error.description)
        }
        complete(request)
    }

    /// Answers a request with an error before it was admitted.
    func refuse(
        _ kind: RequestKind,
        _ correlation: UInt64,
        of client: ClientConnection,
        _ error: ServiceError,
        arrived: Instant
    ) {
        metrics.failed(error.code)
        metrics.answered(kind, after: SystemClock.now() - arrived)
        client.send(error, correlation: correlation)
    }

    // MARK: - Requests

    /// Takes up a request whose credential has the role for it.
    func receive(
        _ kind: RequestKind,
        _ correlation: UInt64,
        _ payload: UnsafeRawBufferPointer,
        of client: ClientConnection,
        arrived: Instant
    ) {
        func request(_ work: PendingRequest.Work) -> PendingRequest {
            PendingRequest(
                client: client,
                correlation: correlation,
                arrived: arrived,
                deadline: deadline(of: payload, from: arrived),
                bytes: payload.count,
                work: work
            )
        }
        do throws(ServiceError) {
            guard phase == .running else { throw .shuttingDown }
            switch kind {
            case .check, .bulkCheck:
                let consistency = try consistency(of: kind, payload)
                // The payload is copied only if the request waits.
                try read(request(.evaluation(kind, payload: [])), consistency, payload)
            case .read:
                let timed = try decoded(kind) { () throws(ByteError) in try ReadRequest.decode(payload) }
                try read(request(.read(timed.request)), timed.request.consistency, payload)
            case .readSchema:
                let timed = try decoded(kind) { () throws(ByteError) in try ReadSchemaRequest.decode(payload) }
                try read(request(.readSchema), timed.request.consistency, payload)
            case .write:
                let write = try decoded(kind) { () throws(ByteError) in try WriteRequest.decode(payload) }.request
                try submit(request(.command(kind, size: write.updates.count)), .write(write))
            case .writeSchema:
                let source = try decoded(kind) { () throws(ByteError) in try WriteSchemaRequest.decode(payload) }
                    .request
                    .source
                try checkSchema(source)
                try submit(request(.command(kind, size: source.utf8.count)), .writeSchema(source: source))
            case .openSession:
                _ = try decoded(kind) { () throws(ByteError) in try PlainRequest.decode(payload) }
                try submit(request(.command(kind, size: 0)), .openSession)
            case .status:
                _ = try decoded(kind) { () throws(ByteError) in try PlainRequest.decode(payload) }
                answerStatus(correlation, of: client, arrived: arrived)
            }
        } catch {
            refuse(kind, correlation, of: client, error, arrived: arrived)
        }
    }

    private func decoded<Value>(
        _ kind: RequestKind,
        _ body: () throws(ByteError) -> Value
    ) throws(ServiceError) -> Value {
        do {
            return try body()
        } catch {
            throw ServiceError(decoding: error, of: kind.frame)
        }
    }

    private func consistency(
        of kind: RequestKind,
        _ payload: UnsafeRawBufferPointer
    ) throws(ServiceError) -> Consistency {
        try decoded(kind) { () throws(ByteError) in
            if kind == .check { return try CheckRequestView(decoding: payload).consistency }
            return try BulkCheckRequestView(decoding: payload).consistency
        }
    }

    // MARK: - Reads

    /// Does a read now, or lets it wait for its revision.
    private func read(
        _ request: PendingRequest,
        _ consistency: Consistency,
        _ payload: UnsafeRawBufferPointer
    ) throws(ServiceError) {
        switch replica.readiness(consistency, at: SystemClock.now()) {
        case .ready:
            guard admit(request) else { return }
            evaluate(request, payload)
        case .refused(let error): throw error
        case .wait:
            var waiting = request
            if case .evaluation(let kind, _) = request.work {
                waiting.work = .evaluation(kind, payload: [UInt8](payload))
            }
            guard admit(waiting) else { return }
            let id = takeRequestID()
            pending[id] = waiting
            step(.awaitRead(id, consistency, deadline: waiting.deadline))
        }
    }

    /// The read that waited may be done.
    func release(_ id: RequestID) {
        guard let request = pending.removeValue(forKey: id) else { return }
        if case .evaluation(_, let payload) = request.work {
            payload.withUnsafeBytes { evaluate(request, $0) }
        } else {
            evaluate(request, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    private func answerStatus(_ correlation: UInt64, of client: ClientConnection, arrived: Instant) {
        let status = status()
        FrameWriter.frame(type: .statusAnswer, correlation: correlation, into: &client.connection.output) {
            status.encode(into: &$0)
        }
        metrics.answered(.status, after: SystemClock.now() - arrived)
        client.connection.flush()
    }

    // MARK: - Commands

    /// Every diagnostic at once, before the schema travels; what stored tuples have to say is known when it is applied.
    private func checkSchema(_ source: String) throws(ServiceError) {
        do throws(SchemaErrors) {
            _ = try SchemaCompiler.compile(source)
        } catch {
            throw ServiceError(error)
        }
    }

    private func submit(_ request: PendingRequest, _ command: ClientCommand) throws(ServiceError) {
        guard !isMemoryExhausted else {
            throw .overloaded("this node uses \(residentBytes) bytes of memory, its limit: it takes no writes")
        }
        guard admit(request) else { return }
        let id = takeRequestID()
        pending[id] = request
        step(.submit(id, command, deadline: request.deadline))
    }

    /// The log has answered a command, or never will.
    func answer(_ id: RequestID, _ result: Result<CommandOutcome, ServiceError>) {
        guard let request = pending.removeValue(forKey: id) else { return }
        switch result {
        case .failure(let error): fail(request, error)
        case .success(let outcome):
            answer(request, outcome)
            complete(request)
        }
    }

    private func answer(_ request: PendingRequest, _ outcome: CommandOutcome) {
        guard case .command(_, let size) = request.work else { return }
        let client = request.client
        let leader = replica.leadership.leader
        switch outcome {
        case .sessionOpened(let session):
            let answer = OpenSessionAnswer(session: session)
            client.send(.openSessionAnswer, request.correlation) { answer.encode(into: &$0) }
        case .written(let revision):
            audit.wrote(caller: client.name, address: client.address, updates: size, revision: revision)
            let answer = WriteAnswer(zookie: replica.zookie(for: revision), leader: leader)
            client.send(.writeAnswer, request.correlation) { answer.encode(into: &$0) }
        case .schemaWritten(let revision):
            audit.wroteSchema(caller: client.name, address: client.address, bytes: size, revision: revision)
            let answer = WriteAnswer(zookie: replica.zookie(for: revision), leader: leader)
            client.send(.writeSchemaAnswer, request.correlation) { answer.encode(into: &$0) }
        }
    }
}

extension ServiceError {
    /// The evaluation was given up.
    static func budgetExceeded(_ visits: Int) -> ServiceError {
        ServiceError(
            .evaluationBudgetExceeded,
            "the check visited more than \(visits) entities without an answer (limits.evaluation_visits)"
        )
    }

    /// A bulk was given up in the middle.
    static func bulkBudgetExceeded(_ visits: Int) -> ServiceError {
        ServiceError(
            .evaluationBudgetExceeded,
            "the checks of the bulk visited more than \(visits) entities; ask in smaller bulks"
        )
    }

    /// The deadline came first.
    static let deadlineExceeded = ServiceError(.deadlineExceeded, "the deadline passed before the request was begun")

    /// The node takes no more requests.
    static let shuttingDown = ServiceError(.unavailable, "this node is shutting down; ask another")

    /// Too much is in flight.
    static func overloaded(_ message: String) -> ServiceError { ServiceError(.overloaded, message) }
}
