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
    /// - Returns: the zookie of the revision that first holds the write.
    /// - Throws: ``ClientError``. If its `outcomeIsKnown` is false, the write may have been done; repeating it with the
    ///   error's `idempotencyKey` finds out and does it at most once.
    @discardableResult
    public func write(
        _ request: WriteRequest,
        delivery: Delivery = .exactlyOnce,
        timeout: Duration? = nil
    ) async throws(ClientError) -> Zookie {
        guard request.updates.count <= Limits.updatesPerWrite else {
            throw PembaClient.limit("a write", "updates", request.updates.count, Limits.updatesPerWrite)
        }
        guard request.preconditions.count <= Limits.preconditionsPerWrite else {
            throw PembaClient.limit(
                "a write",
                "preconditions",
                request.preconditions.count,
                Limits.preconditionsPerWrite
            )
        }
        let operation = Operation.write(request, exactlyOnce: delivery == .exactlyOnce)
        return try await written(operation, timeout: timeout)
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
        return try await written(.writeSchema(source), timeout: timeout)
    }

    private func written(_ operation: Operation, timeout: Duration?) async throws(ClientError) -> Zookie {
        let answer = try await perform(operation, timeout: timeout)
        guard case .written(let zookie, _) = answer else {
            preconditionFailure("a write was answered with something else")
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
