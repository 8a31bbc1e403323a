// Pemba: what becomes of a request whose attempt failed.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaTransport
import PembaWire

extension ClientCore {
    /// A node refused a request.
    func refused(_ request: ClientRequest, _ error: ServiceError, by endpoint: Endpoint) {
        guard !request.isFinished else { return }
        request.inFlight = nil
        let code = error.code
        if let hint = error.detail("leader").flatMap({ UInt64($0) }), hint > 0 { leaderIs(NodeID(hint)) }
        if code == .unknownSession, let stale = request.session, !request.isInDoubt {
            return renew(request, stale)
        }
        if request.operation.changesState, !code.outcomeIsKnown { request.isInDoubt = true }
        let reason = ClientError.Reason.service(error)
        switch code.retry {
        // What the state machine answers under the request's key is the outcome, whatever became of earlier attempts.
        case .never: finish(request, .failure(request.error(reason, isDone: code.rawValue < 100 && request.key != nil)))
        // What is too old for every node does not become younger.
        case .otherNode where code == .revisionTooOld && isTooOldEverywhere(for: request, after: endpoint):
            finish(request, .failure(request.error(reason)))
        case .otherNode: again(request, after: reason, at: endpoint, mayRepeatAtOnce: true)
        // Who reads has to know, and may then go on from where it is.
        case .backOff where code == .watcherTooSlow: finish(request, .failure(request.error(reason)))
        case .backOff: again(request, after: reason, at: endpoint, mayRepeatAtOnce: false)
        case .withIdempotencyKey: again(request, after: reason, at: endpoint, mayRepeatAtOnce: false)
        }
    }

    /// The session was forgotten by the cluster, and the write was sent under it once and refused: it was not done, and
    /// is sent under a key of a new session.
    private func renew(_ request: ClientRequest, _ stale: ClientSession) {
        if session === stale {
            let waiting = session.waiting
            session = ClientSession()
            session.waiting = waiting
        }
        request.key = nil
        request.session = nil
        request.lastFailure = .service(ServiceError(.unknownSession, "the client's session had expired"))
        guard request.attempts < policy.attempts else {
            return finish(request, .failure(request.error(.service(ServiceError(.unknownSession, "no session lasts")))))
        }
        session.waiting.append(request)
        giveKeys(of: session)
    }

    /// The connection broke while the request was in flight.
    func lost(_ request: ClientRequest, _ reason: ClientError.Reason, by endpoint: Endpoint) {
        guard !request.isFinished else { return }
        request.inFlight = nil
        if request.operation.changesState { request.isInDoubt = true }
        if isShutDown { return finish(request, .failure(request.error(.shutDown))) }
        again(request, after: reason, at: endpoint, mayRepeatAtOnce: true)
    }

    /// The deadline passed while the request was in flight.
    func expired(_ request: ClientRequest) {
        request.inFlight = nil
        if request.operation.changesState { request.isInDoubt = true }
        finish(request, .failure(request.error(.deadlineExceeded)))
    }

    /// Sends the request again where that is safe, allowed, and can still make the deadline.
    private func again(
        _ request: ClientRequest,
        after reason: ClientError.Reason,
        at endpoint: Endpoint,
        mayRepeatAtOnce: Bool
    ) {
        if case .stream(let stream) = request.operation {
            if stream.isSatisfied { return finish(request, .success(.streamed)) }
            if request.hasGotOn { request.beginAnew(within: stream.patience) }
        }
        let mayRepeat = !request.isInDoubt || request.key != nil
        guard mayRepeat, request.attempts < policy.attempts else {
            return finish(request, .failure(request.error(reason)))
        }
        request.lastFailure = reason
        request.failedEndpoint = endpoint.index
        if mayRepeatAtOnce, request.endpoint == nil, request.attempts <= othersReady(than: endpoint) {
            return dispatch(request)
        }
        let pause = jitteredPause(attempts: request.attempts)
        request.notBefore = .now() + pause
        guard request.notBefore < request.deadline else { return finish(request, .failure(request.error(reason))) }
        park(request)
    }

    /// Whether every endpoint that answers, or may yet, was asked and keeps too little history.
    private func isTooOldEverywhere(for request: ClientRequest, after endpoint: Endpoint) -> Bool {
        request.tooOldAt.insert(endpoint.index)
        return endpoints.allSatisfy { other in
            request.tooOldAt.contains(other.index) || !other.links.contains { $0.isReady || $0.isPending }
        }
    }

    /// How many other endpoints take requests.
    private func othersReady(than endpoint: Endpoint) -> Int {
        Set(readyLinks.map(\.endpoint.index)).subtracting([endpoint.index]).count
    }

    private func jitteredPause(attempts: Int) -> TimeAmount {
        let first = TimeAmount(policy.firstPause).nanoseconds
        let longest = TimeAmount(policy.longestPause).nanoseconds
        let pause = max(min(first << Int64(min(attempts - 1, 16)), longest), 1)
        return .nanoseconds(Int64.random(in: (pause / 2)...pause))
    }
}
