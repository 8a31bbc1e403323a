// Pemba: what a call of the client can end with.
// SPDX-License-Identifier: Apache-2.0

/// Why a call failed, and whether what it asked for was certainly not done.
public struct ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Reason: Sendable, Equatable {
        /// A node answered with an error.
        case service(ServiceError)
        /// No node could be reached, or the connection broke and could not be replaced; why, for people.
        case transport(String)
        /// The deadline passed without an answer.
        case deadlineExceeded
        /// The task was cancelled.
        case cancelled
        /// The client was shut down.
        case shutDown
        /// Too many requests wait or are in flight already (`ClientConfiguration.requestsInFlight`).
        case tooManyRequests
        /// The configuration cannot work; why, for people.
        case configuration(String)
    }

    /// What happened.
    public let reason: Reason
    /// Whether the request was certainly not carried out.
    ///
    /// False only for writes.
    public let outcomeIsKnown: Bool
    /// For a write whose outcome is not known: the key to repeat it with.
    public let idempotencyKey: IdempotencyKey?
    /// What the last attempt that was given up ran into, for people.
    public let lastFailure: String?

    /// Makes an error.
    public init(
        _ reason: Reason,
        outcomeIsKnown: Bool = true,
        idempotencyKey: IdempotencyKey? = nil,
        lastFailure: String? = nil
    ) {
        self.reason = reason
        self.outcomeIsKnown = outcomeIsKnown
        self.idempotencyKey = idempotencyKey
        self.lastFailure = lastFailure
    }

    /// The error that a node answered with, if that is what happened.
    public var serviceError: ServiceError? {
        guard case .service(let error) = reason else { return nil }
        return error
    }

    /// A sentence for people.
    public var description: String {
        var text =
            switch reason {
            case .service(let error): error.description
            case .transport(let cause): "the cluster cannot be reached: \(cause)"
            case .deadlineExceeded: "no answer came before the deadline"
            case .cancelled: "the call was cancelled"
            case .shutDown: "the client is shut down"
            case .tooManyRequests: "too many requests are in flight already"
            case .configuration(let problem): "the client cannot be configured: \(problem)"
            }
        if let lastFailure { text += "; the last attempt failed: \(lastFailure)" }
        if !outcomeIsKnown { text += "; whether it was done is not known" }
        return text
    }
}
