// Pemba: one call of the client on its way.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One call on its way: what it asks for, who waits for it, and what has been tried.
///
/// `@unchecked Sendable`: the caller's thread makes it and hands it to the event loop once, through
/// `SubmissionQueue`, whose release and acquire order the two; from then on only the loop touches it.
final class ClientRequest: @unchecked Sendable {
    /// Who waits for the outcome.
    enum Waiter {
        /// A task. The continuation is the unchecked kind, which saves an allocation a call; `finish` takes the waiter
        /// out before it resumes it, so it is resumed once, and `deinit` asserts that it was.
        case task(UnsafeContinuation<Outcome, Never>)
        /// The client itself.
        case callback((Outcome) -> Void)
    }

    let operation: Operation
    /// When it ends at the latest; of a stream, unless it gets on.
    private(set) var deadline: NIODeadline
    /// The endpoint that is to answer; nil: any.
    let endpoint: Int?

    private var waiter: Waiter?
    /// The request below in the submission queue.
    var next: Unmanaged<ClientRequest>?

    /// The key that it is sent with.
    var key: IdempotencyKey?
    /// The client's session that `key` is of; nil if the caller brought its own key.
    var session: ClientSession?
    /// How often it was sent.
    var attempts = 0
    /// Whether an attempt may have been carried out without its answer having been seen.
    var isInDoubt = false
    /// Not to be sent again before.
    var notBefore = NIODeadline.uptimeNanoseconds(0)
    /// The endpoint that failed last.
    var failedEndpoint: Int?
    /// The endpoints that keep no history as old as is asked for.
    var tooOldAt: Set<Int> = []
    /// What the last attempt ran into.
    var lastFailure: ClientError.Reason?
    /// Whether the attempt under way has brought a part of a stream.
    var hasGotOn = false
    /// The connection that it is in flight on, and its correlation there.
    var inFlight: (link: NodeLink, correlation: UInt64)?

    /// Whether the loop has taken it.
    ///
    /// Like all that follows it is touched by the loop alone, at any time.
    var isAccepted = false
    /// Whether its task was cancelled, which may be before the loop has taken it.
    var isCancelled = false

    init(_ operation: Operation, deadline: NIODeadline, endpoint: Int? = nil, waiter: Waiter? = nil) {
        self.operation = operation
        self.deadline = deadline
        self.endpoint = endpoint
        self.waiter = waiter
    }

    deinit { precondition(waiter == nil, "a request was dropped without an outcome") }

    /// Says who waits, before the request is handed to the loop.
    func wait(_ continuation: UnsafeContinuation<Outcome, Never>) { waiter = .task(continuation) }

    /// Whether nobody waits any more.
    var isFinished: Bool { waiter == nil }

    /// Hands the outcome to whoever waits; the first outcome counts.
    func finish(_ outcome: Outcome) {
        guard let waiter else { return }
        self.waiter = nil
        inFlight = nil
        switch waiter {
        case .task(let continuation): continuation.resume(returning: outcome)
        case .callback(let body): body(outcome)
        }
    }

    /// Counts attempts and time anew: a stream that has got on may go on elsewhere as if it had just begun.
    func beginAnew(within patience: TimeAmount) {
        hasGotOn = false
        attempts = 1
        deadline = .now() + patience
    }

    /// The error to end with for `reason`, given what was tried before.
    func error(_ reason: ClientError.Reason, isDone: Bool = false) -> ClientError {
        let isKnown = !operation.changesState || !isInDoubt || isDone
        var failure: String?
        if let lastFailure, lastFailure != reason { failure = ClientError(lastFailure).description }
        return ClientError(reason, outcomeIsKnown: isKnown, idempotencyKey: isKnown ? nil : key, lastFailure: failure)
    }
}
