// Pemba: what clients ask for, apart from bursts of checks.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
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
            client.unopened[request.correlation] = nil
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
        request.client.unopened[request.correlation] = nil
        request.client.inFlight -= 1
        inFlight -= 1
        inFlightBytes -= request.bytes
        metrics.answered(request.kind, after: SystemClock.now() - request.arrived)
        // A node that drains ends a little later (`watchDraining`): closing sends at once, and what this answer tells is
        // perhaps not in the audit log yet.
        request.client.connection.flush()
    }

    /// The request has an error for its answer.
    func fail(_ request: PendingRequest, _ error: ServiceError) {
        metrics.failed(error.code)
        request.client.send(error, correlation: request.correlation)
        if case .command(let kind, _, _) = request.work, kind != .openSession {
            let client = request.client
            audit.failed(event: kind.name, caller: client.name, address: client.address, reason: error.code)
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
            case .check, .bulkCheck, .read, .readSchema, .permissions, .expand, .explain:
                let (work, consistency) = try reading(kind, payload)
                try read(request(work), consistency, payload)
            case .lookupResources, .lookupSubjects, .export, .watch:
                guard client.streams[correlation] == nil, client.unopened[correlation] == nil else {
                    throw ServiceError(.invalidArgument, "correlation \(correlation) is that of a stream under way")
                }
                let (work, consistency) = try streaming(kind, payload)
                client.unopened[correlation] = false
                do throws(ServiceError) {
                    try read(request(work), consistency, payload)
                } catch {
                    client.unopened[correlation] = nil
                    throw error
                }
            case .openSession, .write, .delete, .set, .importTuples, .writeSchema:
                let (command, size) = try command(kind, payload)
                var filter: UInt32 = 0
                if case .delete(let deletion) = command { filter = ReadCursor.checksum(of: deletion.filter) }
                try submit(request(.command(kind, size: size, filter: filter)), command)
            case .status:
                _ = try decoded(kind) { () throws(ByteError) in try PlainRequest.decode(payload) }
                answerStatus(correlation, of: client, arrived: arrived)
            case .membership:
                let message = try decoded(kind) { () throws(ByteError) in try MembershipMessage.decode(payload).request
                }
                try changeMembership(request(.membership), message)
            }
        } catch {
            refuse(kind, correlation, of: client, error, arrived: arrived)
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
        guard case .command(_, let size, let filter) = request.work else { return }
        let client = request.client
        let leader = replica.leadership.leader
        func send(_ type: FrameType, _ body: (inout ByteWriter) -> Void) {
            client.send(type, request.correlation, body)
        }
        switch outcome {
        case .sessionOpened(let session):
            send(.openSessionAnswer) { OpenSessionAnswer(session: session).encode(into: &$0) }
        case .written(let revision, let counts):
            audit.wrote(.write, caller: client.name, address: client.address, tuples: size, revision: revision)
            let zookie = replica.zookie(for: revision)
            send(.writeAnswer) { WriteAnswer(counts: counts, zookie: zookie).encode(leader: leader, into: &$0) }
        case .schemaWritten(let revision):
            audit.wroteSchema(caller: client.name, address: client.address, bytes: size, revision: revision)
            send(.writeSchemaAnswer) {
                WriteSchemaAnswer(zookie: replica.zookie(for: revision), leader: leader).encode(into: &$0)
            }
        case .deleted(let revision, let count, let last):
            audit.wrote(.delete, caller: client.name, address: client.address, tuples: Int(count), revision: revision)
            let zookie = replica.zookie(for: revision)
            let next = last.map { ReadCursor(last: $0, filterChecksum: filter) }
            send(.deleteAnswer) {
                DeleteAnswer(deleted: count, next: next, zookie: zookie).encode(leader: leader, into: &$0)
            }
        case .set(let revision, let counts, let changes):
            let total = Int(clamping: counts.total)
            audit.wrote(.set, caller: client.name, address: client.address, tuples: total, revision: revision)
            let zookie = replica.zookie(for: revision)
            send(.setAnswer) {
                SetAnswer(counts: counts, changes: changes, zookie: zookie).encode(leader: leader, into: &$0)
            }
        case .imported(let revision, let created, let existing):
            audit.wrote(.importTuples, caller: client.name, address: client.address, tuples: size, revision: revision)
            let zookie = replica.zookie(for: revision)
            send(.importAnswer) {
                ImportAnswer(created: created, existing: existing, zookie: zookie).encode(leader: leader, into: &$0)
            }
        }
    }
}

extension ServiceError {
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
