// Pemba: the numbered registry of errors.
// SPDX-License-Identifier: Apache-2.0

/// What went wrong, as a number that every node and client agrees on; `docs/protocol.md` lists them.
///
/// A code exists only where a caller would react differently. Numbers are never reused.
public enum ErrorCode: UInt16, Sendable, CaseIterable {
    // 1 to 99: the request is wrong; asking again does not help.

    /// A frame or message could not be decoded.
    case malformedRequest = 1
    /// A field breaks a rule: an empty id, a bad name, a wildcard where none may stand.
    case invalidArgument = 2
    /// The request exceeds a published limit.
    case limitExceeded = 3
    /// The kind of request, or the protocol version, is not one that this node knows.
    case unsupported = 4
    /// The schema has errors; the details hold every diagnostic.
    case invalidSchema = 5
    /// The schema would orphan stored tuples; the details name the first.
    case schemaWouldOrphan = 6
    /// No schema has been written yet.
    case noSchema = 7
    /// The schema has no definition of that name.
    case unknownDefinition = 8
    /// The definition, or any if none is named, has no relation or permission of that name.
    case unknownRelation = 9
    /// A tuple was to be written on a permission, or a filter names one: it is computed and holds no tuples.
    case cannotWritePermission = 10
    /// The schema does not admit that subject on that relation; the message names the types that it admits.
    case subjectNotAllowed = 11
    /// A tuple that was to be created exists already.
    case alreadyExists = 12
    /// A precondition does not hold; nothing was written.
    case preconditionFailed = 13
    /// Two updates of one write name the same tuple.
    case duplicateUpdate = 14
    /// The evaluation visited more than its budget allows.
    case evaluationBudgetExceeded = 15
    /// The schema has no caveat of that name.
    case unknownCaveat = 16
    /// A context is no JSON object, exceeds a limit, or has a value that does not fit the caveat's parameter.
    case invalidContext = 17
    /// A caveat on which the answer depends could not be evaluated, or cost more than it may.
    case conditionFailed = 18
    /// More tuples match a deletion than its limit, or finding them takes more than one request may; nothing was removed.
    case tooManyMatches = 19
    /// The evaluation went deeper than the caller allowed.
    case depthExceeded = 20
    /// The cursor is not one, or continues another query.
    case invalidCursor = 21

    // 100 to 199: the caller is not allowed.

    /// The connection presented no valid credential.
    case unauthenticated = 100
    /// The credential lacks the role that the request needs.
    case permissionDenied = 101

    // 200 to 299: consistency tokens.

    /// The zookie is not one.
    case invalidZookie = 200
    /// The zookie was issued by another cluster.
    case foreignZookie = 201
    /// The zookie is of an older epoch: history before a restore or recovery does not count any more.
    case expiredZookie = 202
    /// The zookie is of a revision that the cluster has not reached.
    case futureZookie = 203
    /// The node has not reached the demanded revision within the deadline; the details name the one it has.
    case revisionNotReached = 204
    /// The node has been out of touch with the leader for longer than the staleness bound.
    case stale = 205
    /// The node keeps no history of that revision any more; the details name the oldest one that it has.
    case revisionTooOld = 206

    // 300 to 399: the cluster cannot serve now; nothing was done.

    /// No leader is known.
    case noLeader = 300
    /// Too much is in flight already.
    case overloaded = 301
    /// The node is shutting down or starting, was removed, or its disk completes nothing: ask another.
    case unavailable = 302
    /// The deadline passed before the request was begun, or a read was not answered in time.
    case deadlineExceeded = 303
    /// The watcher took events more slowly than they arose; it may go on from the last that it has.
    case watcherTooSlow = 304

    // 400 to 499: the outcome is not known.

    /// The write may or may not have been done; repeat it with the same idempotency key.
    case outcomeUnknown = 400
    /// The write's client session is not known (any more): whether it was done cannot be told.
    case unknownSession = 401

    // 500 and above: the node itself.

    /// An invariant of the node failed; the message is for its operators.
    case internalError = 500

    /// Whether the request was certainly not carried out, so that nothing needs to be undone or looked up.
    public var outcomeIsKnown: Bool {
        switch self {
        case .outcomeUnknown, .unknownSession, .internalError: false
        default: true
        }
    }

    /// When to send the same request again.
    public var retry: RetryAdvice {
        switch self {
        case .revisionNotReached, .stale, .revisionTooOld, .noLeader, .unavailable: .otherNode
        case .overloaded, .deadlineExceeded, .watcherTooSlow: .backOff
        case .outcomeUnknown: .withIdempotencyKey
        default: .never
        }
    }
}

/// When to send a request again after an error.
public enum RetryAdvice: UInt8, Sendable {
    /// The same request gets the same error.
    case never = 0
    /// Another node may answer at once; this one after a moment.
    case otherNode = 1
    /// After a moment, with exponential back-off.
    case backOff = 2
    /// Only with the idempotency key of the first attempt.
    case withIdempotencyKey = 3
}

/// An error answer: a code, a sentence for people, and details for programs.
public struct ServiceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The registered code.
    public var code: ErrorCode
    /// What was wrong with which input, the rule, and the way out.
    public var message: String
    /// Named facts such as `revision`, `tuple` or `leader`, in the order in which they were added.
    public var details: [Detail]

    /// A named fact of an error.
    public struct Detail: Equatable, Sendable {
        /// What the value is.
        public var name: String
        /// The value as text.
        public var value: String

        /// Names a fact.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Makes an error.
    public init(_ code: ErrorCode, _ message: String, details: [Detail] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// The value of the first detail called `name`.
    public func detail(_ name: String) -> String? { details.first { $0.name == name }?.value }

    /// The message and the code's name.
    public var description: String { "\(message) [\(code)]" }

    private static let positionName = "position"

    /// Of an error about one tuple of a write, a set or an import: how many come before it in the request.
    public var position: Int? { detail(ServiceError.positionName).flatMap { Int($0) } }

    /// The same error, about the tuple that has `position` others before it in the request.
    package func at(_ position: Int) -> ServiceError {
        var error = self
        error.details.append(Detail(ServiceError.positionName, String(position)))
        return error
    }
}
