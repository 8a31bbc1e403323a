// Pemba: changing what the cluster knows.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

extension PembaClient {
    /// Whether a write may be done twice or be lost sight of.
    public enum Delivery: Sendable {
        /// Done once, however often it had to be sent: it carries an idempotency key, one of the client's if it brings none.
        case exactlyOnce
        /// Sent without a key if it brings none, and not again once it may have been done.
        case atMostOnce
    }

    /// Writes tuples: all updates or none, and none unless every precondition holds.
    ///
    /// - Returns: how many tuples that changed, and the zookie of the revision that first holds the write.
    /// - Throws: ``ClientError``. If its `outcomeIsKnown` is false, the write may have been done; repeating it with the
    ///   error's `idempotencyKey` finds out and does it at most once.
    @discardableResult
    public func write(
        _ request: WriteRequest,
        delivery: Delivery = .exactlyOnce,
        timeout: Duration? = nil
    ) async throws(ClientError) -> WriteAnswer {
        guard request.updates.count <= Limits.updatesPerWrite else {
            throw PembaClient.limit("a write", "updates", request.updates.count, Limits.updatesPerWrite)
        }
        try PembaClient.requireCount(of: request.preconditions, "a write")
        let operation = Operation.write(request, exactlyOnce: delivery == .exactlyOnce)
        let answer = try await perform(operation, timeout: timeout)
        guard case .written(let result, _) = answer else {
            preconditionFailure("a write was answered with something else")
        }
        return result
    }

    /// Removes all tuples that a filter means, at most as many as the request says.
    ///
    /// If its answer is not complete, there may be more: repeating it with the cursor `next` of the answer goes on there.
    ///
    /// - Throws: ``ClientError``; the service error `tooManyMatches` if more match than its limit, or finding them takes
    ///   more than one request may, and it does not allow to remove a part of them.
    @discardableResult
    public func delete(
        _ request: DeleteRequest,
        delivery: Delivery = .exactlyOnce,
        timeout: Duration? = nil
    ) async throws(ClientError) -> DeleteAnswer {
        guard !request.filter.isEmpty else {
            let message = "a deletion needs a filter: one without any field would mean every tuple"
            throw ClientError(.service(ServiceError(.invalidArgument, message)))
        }
        guard (1...Limits.tuplesPerDelete).contains(request.limit) else {
            throw PembaClient.limit("a deletion", "tuples (and at least 1)", request.limit, Limits.tuplesPerDelete)
        }
        try PembaClient.requireCount(of: request.preconditions, "a deletion")
        let operation = Operation.delete(request, exactlyOnce: delivery == .exactlyOnce)
        let answer = try await perform(operation, timeout: timeout)
        guard case .deleted(let result, _) = answer else {
            preconditionFailure("a deletion was answered with something else")
        }
        return result
    }

    /// Makes the subjects of one relation of one object exactly those given, and says what that changed.
    @discardableResult
    public func set(
        _ request: SetRequest,
        delivery: Delivery = .exactlyOnce,
        timeout: Duration? = nil
    ) async throws(ClientError) -> SetAnswer {
        guard request.tuples.count <= Limits.updatesPerWrite else {
            throw PembaClient.limit("a set relation", "tuples", request.tuples.count, Limits.updatesPerWrite)
        }
        try PembaClient.requireCount(of: request.preconditions, "setting a relation")
        let operation = Operation.set(request, exactlyOnce: delivery == .exactlyOnce)
        let answer = try await perform(operation, timeout: timeout)
        guard case .set(let result, _) = answer else {
            preconditionFailure("setting a relation was answered with something else")
        }
        return result
    }

    private static func requireCount(of preconditions: [Precondition], _ what: String) throws(ClientError) {
        guard preconditions.count > Limits.preconditionsPerWrite else { return }
        throw limit(what, "preconditions", preconditions.count, Limits.preconditionsPerWrite)
    }

    /// Replaces the schema.
    ///
    /// It is not repeated once it may have been done, because another schema may have been written in between.
    ///
    /// - Returns: the zookie of the revision that first has it.
    @discardableResult
    public func writeSchema(_ source: String, timeout: Duration? = nil) async throws(ClientError) -> Zookie {
        guard source.utf8.count <= Limits.schemaBytes else {
            throw PembaClient.limit("a schema", "bytes", source.utf8.count, Limits.schemaBytes)
        }
        let answer = try await perform(.writeSchema(source), timeout: timeout)
        guard case .schemaWritten(let zookie, _) = answer else {
            preconditionFailure("a write of the schema was answered with something else")
        }
        return zookie
    }

    /// Makes a key for one write that the caller wants to be able to repeat itself, for instance after a restart.
    ///
    /// The cluster keeps the answers of the latest 1,024 keys that were made here, for an hour after the last was used.
    public func makeIdempotencyKey(timeout: Duration? = nil) async throws(ClientError) -> IdempotencyKey {
        let now = NIODeadline.now().uptimeNanoseconds
        if let key = manualSession.withLock({ $0?.next(now: now) }) { return key }
        let answer = try await perform(.openSession, timeout: timeout)
        guard case .session(let id) = answer else { preconditionFailure("a session was answered with something else") }
        return manualSession.withLock { session in
            // Another call may have opened one meanwhile; this one is left to the cluster, which forgets unused sessions.
            if let key = session?.next(now: now) { return key }
            var opened = ManualSession(id: id, lastUse: now)
            let key = opened.takeKey(now: now)
            session = opened
            return key
        }
    }
}

/// The session of the keys that callers ask for.
///
/// It knows nothing of what becomes of them.
struct ManualSession: Sendable {
    /// Well before the cluster forgets an unused session, another is opened.
    private static let idleMax = TimeSpan(nanoseconds: Limits.clientSessionLifetime.nanoseconds / 2)

    private let id: UInt64
    private var lastUse: UInt64
    private var sequence: UInt64 = 0

    init(id: UInt64, lastUse: UInt64) {
        self.id = id
        self.lastUse = lastUse
    }

    /// The next key; nil if the session may soon be forgotten.
    mutating func next(now: UInt64) -> IdempotencyKey? {
        guard now <= lastUse + ManualSession.idleMax.nanoseconds else { return nil }
        return takeKey(now: now)
    }

    /// The next key.
    mutating func takeKey(now: UInt64) -> IdempotencyKey {
        lastUse = now
        sequence += 1
        let kept = UInt64(Limits.answersPerSession)
        return IdempotencyKey(
            session: id,
            sequence: sequence,
            firstUnacknowledged: sequence < kept ? 1 : sequence - kept + 1
        )
    }
}
