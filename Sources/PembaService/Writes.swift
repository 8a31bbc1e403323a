// Pemba: writes of tuples, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// One change of one tuple.
public struct TupleUpdate: Hashable, Sendable {
    /// What to do with the tuple.
    public enum Operation: UInt8, Sendable {
        /// Add it; the whole write fails if it exists.
        case create = 1
        /// Add it, or give the one that is there this caveat and these times.
        case touch = 2
        /// Remove it, if it exists, whatever its caveat and times.
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
    /// What the caller wants watchers to be told with it: who asked and why; empty for nothing.
    public var metadata: ContextObject
    /// Which write this is, so that it is done once however often it is sent; nil to take the chance.
    public var idempotencyKey: IdempotencyKey?

    /// Makes a write.
    public init(
        updates: [TupleUpdate],
        preconditions: [Precondition] = [],
        metadata: ContextObject = .empty,
        idempotencyKey: IdempotencyKey? = nil
    ) {
        self.updates = updates
        self.preconditions = preconditions
        self.metadata = metadata
        self.idempotencyKey = idempotencyKey
    }
}

/// How many tuples a write changed, as those who read them can tell.
public struct WriteCounts: Hashable, Sendable {
    /// Tuples that were not there, or had expired.
    public var created: UInt64
    /// Tuples that had another caveat or time.
    public var touched: UInt64
    /// Tuples that are gone.
    public var deleted: UInt64

    /// Makes counts.
    public init(created: UInt64 = 0, touched: UInt64 = 0, deleted: UInt64 = 0) {
        self.created = created
        self.touched = touched
        self.deleted = deleted
    }

    /// Counts changes.
    public init(of changes: [TupleUpdate]) {
        self.init()
        for change in changes {
            switch change.operation {
            case .create: created += 1
            case .touch: touched += 1
            case .delete: deleted += 1
            }
        }
    }

    /// All changes; saturates instead of overflowing.
    public var total: UInt64 {
        [touched, deleted].reduce(created) { sum, count in
            let (next, overflow) = sum.addingReportingOverflow(count)
            return overflow ? .max : next
        }
    }
}

/// What a write did.
public struct WriteAnswer: Hashable, Sendable {
    /// How many of the tuples that it names were not as it wanted them.
    public var counts: WriteCounts
    /// The revision that has it.
    public var zookie: Zookie

    /// Makes an answer.
    public init(counts: WriteCounts, zookie: Zookie) {
        self.counts = counts
        self.zookie = zookie
    }
}

/// Makes the subjects of one relation of one object exactly those listed, atomically.
public struct SetRequest: Hashable, Sendable {
    /// The object.
    public var resource: ObjectReference
    /// Its relation.
    public var relation: String
    /// The tuples that shall be there, all of that object and relation, none twice: at most `Limits.updatesPerWrite`.
    public var tuples: [RelationTuple]
    /// What must hold before.
    public var preconditions: [Precondition]
    /// What watchers are told with it; empty for nothing.
    public var metadata: ContextObject
    /// Which write this is, so that it is done once however often it is sent; nil to take the chance.
    public var idempotencyKey: IdempotencyKey?

    /// Makes a request.
    public init(
        resource: ObjectReference,
        relation: String,
        tuples: [RelationTuple],
        preconditions: [Precondition] = [],
        metadata: ContextObject = .empty,
        idempotencyKey: IdempotencyKey? = nil
    ) {
        self.resource = resource
        self.relation = relation
        self.tuples = tuples
        self.preconditions = preconditions
        self.metadata = metadata
        self.idempotencyKey = idempotencyKey
    }
}

/// What setting a relation changed.
public struct SetAnswer: Hashable, Sendable {
    /// How many changes there were.
    public var counts: WriteCounts
    /// The changes, in the order of reads: `create` was not there, `touch` had another caveat or time, `delete` is gone.
    ///
    /// Empty if they are too many for an answer, or for what a client session keeps of it: then only their counts are
    /// known (`isListed`).
    public var changes: [TupleUpdate]
    /// The revision that has it.
    public var zookie: Zookie

    /// Makes an answer.
    public init(counts: WriteCounts, changes: [TupleUpdate], zookie: Zookie) {
        self.counts = counts
        self.changes = changes
        self.zookie = zookie
    }

    /// Makes an answer that lists every change.
    public init(changes: [TupleUpdate], zookie: Zookie) {
        self.init(counts: WriteCounts(of: changes), changes: changes, zookie: zookie)
    }

    /// Whether `changes` holds every change.
    public var isListed: Bool { counts.total == UInt64(changes.count) }
}

/// Adds many tuples in one entry of the log.
public struct ImportRequest: Hashable, Sendable {
    /// What becomes of a tuple that exists.
    public enum Mode: UInt8, Sendable, CaseIterable {
        /// It gets the caveat and times of the imported one.
        case touch = 1
        /// It stays as it is.
        case skip = 2
        /// The request is refused.
        case fail = 3
    }

    /// The tuples: at most `Limits.tuplesPerImport`; of one that is listed twice the last counts.
    public var batch: TupleBatch
    /// What becomes of a tuple that exists.
    public var mode: Mode
    /// Which write this is, so that it is done once however often it is sent; nil to take the chance.
    public var idempotencyKey: IdempotencyKey?

    /// Makes a request.
    public init(tuples: [RelationTuple], mode: Mode, idempotencyKey: IdempotencyKey? = nil) {
        self.init(TupleBatch(tuples), mode: mode, idempotencyKey: idempotencyKey)
    }

    /// Makes a request with tuples that are packed already.
    public init(_ batch: TupleBatch, mode: Mode, idempotencyKey: IdempotencyKey? = nil) {
        self.batch = batch
        self.mode = mode
        self.idempotencyKey = idempotencyKey
    }
}

/// What an import did.
public struct ImportAnswer: Hashable, Sendable {
    /// Tuples that were not there before.
    public var created: UInt64
    /// Tuples that were there: touched or skipped.
    public var existing: UInt64
    /// The revision that has it.
    public var zookie: Zookie

    /// Makes an answer.
    public init(created: UInt64, existing: UInt64, zookie: Zookie) {
        self.created = created
        self.existing = existing
        self.zookie = zookie
    }
}
