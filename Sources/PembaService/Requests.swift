// Pemba: what clients ask and nodes answer, however it is carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// How fresh the state must be at which a read is evaluated.
public enum Consistency: Hashable, Sendable {
    /// Whatever this node has applied, at most the staleness bound old.
    case minimizeLatency
    /// At least the revision of the zookie.
    case atLeastAsFresh(Zookie)
    /// At least every write that was acknowledged before the request was received, by whichever node.
    case fullyConsistent
}

/// The answer of a check.
///
/// The third value, conditional, joins when tuples can carry conditions.
public enum Permissionship: UInt8, Sendable {
    /// The subject does not have the permission.
    case noPermission = 0
    /// The subject has the permission.
    case hasPermission = 1
}

/// One question: whether a subject has a relation or permission on a resource.
public struct CheckItem: Hashable, Sendable, CustomStringConvertible {
    /// The object in question.
    public var resource: ObjectReference
    /// The relation or permission in question.
    public var permission: String
    /// Who is asked about; never a wildcard.
    public var subject: SubjectReference

    /// Asks a question.
    public init(resource: ObjectReference, permission: String, subject: SubjectReference) {
        self.resource = resource
        self.permission = permission
        self.subject = subject
    }

    /// The question as relationship text.
    public var description: String { "\(resource)#\(permission)@\(subject)" }
}

/// The answer to one check and the revision at which it holds.
public struct CheckAnswer: Hashable, Sendable {
    /// The answer.
    public var permissionship: Permissionship
    /// The revision at which it was evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(permissionship: Permissionship, zookie: Zookie) {
        self.permissionship = permissionship
        self.zookie = zookie
    }
}

/// The answers to a bulk check: one per item in the items' order, all at one revision.
public struct BulkCheckAnswer: Sendable {
    /// The answer or the error of each item.
    public var results: [Result<Permissionship, ServiceError>]
    /// The revision at which all were evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(results: [Result<Permissionship, ServiceError>], zookie: Zookie) {
        self.results = results
        self.zookie = zookie
    }
}

/// One change of one tuple.
public struct TupleUpdate: Hashable, Sendable {
    /// What to do with the tuple.
    public enum Operation: UInt8, Sendable {
        /// Add it; the whole write fails if it exists.
        case create = 1
        /// Add it, or leave it as it is.
        case touch = 2
        /// Remove it, if it exists.
        case delete = 3
    }

    /// What to do.
    public var operation: Operation
    /// The tuple.
    public var tuple: RelationTuple

    /// Makes an update.
    public init(_ operation: Operation, _ tuple: RelationTuple) {
        self.operation = operation
        self.tuple = tuple
    }
}

/// A condition on the stored tuples under which alone a write is done.
public struct Precondition: Hashable, Sendable {
    /// Which way the condition goes.
    public enum Kind: UInt8, Sendable {
        /// At least one tuple must match.
        case mustMatch = 1
        /// No tuple may match.
        case mustNotMatch = 2
    }

    /// Which way the condition goes.
    public var kind: Kind
    /// The tuples meant; never empty.
    public var filter: RelationshipFilter

    /// Makes a precondition.
    public init(_ kind: Kind, _ filter: RelationshipFilter) {
        self.kind = kind
        self.filter = filter
    }
}

/// Names one write of one client session, so that repeating it does it once (Raft dissertation, section 6.3).
public struct IdempotencyKey: Hashable, Sendable {
    /// The client session, as the cluster issued it: the log index of the entry that opened it.
    public var session: UInt64
    /// The number of the write in its session, from 1.
    public var sequence: UInt64
    /// The lowest number whose answer the client may still ask for; answers below it are forgotten.
    public var firstUnacknowledged: UInt64

    /// Makes a key.
    public init(session: UInt64, sequence: UInt64, firstUnacknowledged: UInt64) {
        self.session = session
        self.sequence = sequence
        self.firstUnacknowledged = firstUnacknowledged
    }
}

/// One atomic write.
public struct WriteRequest: Hashable, Sendable {
    /// The changes, at most one for each tuple.
    public var updates: [TupleUpdate]
    /// What must hold before them.
    public var preconditions: [Precondition]
    /// Which write this is, so that it is done once however often it is sent; nil to take the chance.
    public var idempotencyKey: IdempotencyKey?

    /// Makes a write.
    public init(updates: [TupleUpdate], preconditions: [Precondition] = [], idempotencyKey: IdempotencyKey? = nil) {
        self.updates = updates
        self.preconditions = preconditions
        self.idempotencyKey = idempotencyKey
    }
}

/// Which page of which tuples.
public struct ReadRequest: Hashable, Sendable {
    /// How fresh the state must be.
    public var consistency: Consistency
    /// Which tuples; an empty filter means all.
    public var filter: RelationshipFilter
    /// Where the page before this one ended; nil for the first.
    ///
    /// Pages follow each other by cursor in a fixed order; tuples written in between may or may not be seen, tuples
    /// that stay are seen once.
    public var cursor: ReadCursor?
    /// How many tuples at most: 1 to `Limits.tuplesPerReadPage`.
    public var limit: Int

    /// Asks for a page.
    public init(consistency: Consistency, filter: RelationshipFilter, cursor: ReadCursor? = nil, limit: Int) {
        self.consistency = consistency
        self.filter = filter
        self.cursor = cursor
        self.limit = limit
    }
}

/// Where a page ended; opaque to clients.
public struct ReadCursor: Hashable, Sendable {
    /// The last tuple of the page.
    public var last: RelationTuple
    /// The checksum of the filter that the page was read with: a cursor continues that query and no other.
    ///
    /// The encoding of an answer sets it, the decoding of a request compares it.
    public var filterChecksum: UInt32

    /// Continues after `last`.
    public init(last: RelationTuple, filterChecksum: UInt32 = 0) {
        self.last = last
        self.filterChecksum = filterChecksum
    }
}

/// A page of tuples.
public struct ReadAnswer: Hashable, Sendable {
    /// The tuples, in the order of reads: resource type, resource id, relation, subject type, id, relation, by bytes.
    public var tuples: [RelationTuple]
    /// Where the next page starts; nil if there is none.
    public var next: ReadCursor?
    /// The revision of this page.
    public var zookie: Zookie

    /// Makes a page.
    public init(tuples: [RelationTuple], next: ReadCursor?, zookie: Zookie) {
        self.tuples = tuples
        self.next = next
        self.zookie = zookie
    }
}

/// The schema and the revision at which it was read.
public struct SchemaAnswer: Hashable, Sendable {
    /// The source as it was written.
    public var source: String
    /// The revision at which it was read.
    public var zookie: Zookie

    /// Makes an answer.
    public init(source: String, zookie: Zookie) {
        self.source = source
        self.zookie = zookie
    }
}
