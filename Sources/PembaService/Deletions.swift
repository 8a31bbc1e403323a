// Pemba: deletions by filter, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Removes all tuples that a filter means, atomically.
///
/// One request looks at `Limits.commandVisits` tuples and objects at most; what names neither a resource nor a subject by
/// its id may take several, each of which goes on where the one before it ended.
public struct DeleteRequest: Hashable, Sendable {
    /// Which tuples; never empty.
    public var filter: RelationshipFilter
    /// What must hold before.
    public var preconditions: [Precondition]
    /// How many at most: 1 to `Limits.tuplesPerDelete`.
    public var limit: Int
    /// What to do if more match, or if finding them takes more than one request may: remove those that were found, the
    /// first `limit` in the order of reads at most, or refuse and remove none.
    public var allowsPartial: Bool
    /// Where the request before this one ended; nil for the first.
    ///
    /// Only tuples after it are removed.
    public var cursor: ReadCursor?
    /// What watchers are told with it; empty for nothing.
    public var metadata: ContextObject
    /// Which write this is, so that it is done once however often it is sent; nil to take the chance.
    public var idempotencyKey: IdempotencyKey?

    /// Makes a deletion.
    public init(
        filter: RelationshipFilter,
        preconditions: [Precondition] = [],
        limit: Int = Limits.tuplesPerDelete,
        allowsPartial: Bool = false,
        cursor: ReadCursor? = nil,
        metadata: ContextObject = .empty,
        idempotencyKey: IdempotencyKey? = nil
    ) {
        self.filter = filter
        self.preconditions = preconditions
        self.limit = limit
        self.allowsPartial = allowsPartial
        self.cursor = cursor
        self.metadata = metadata
        self.idempotencyKey = idempotencyKey
    }
}

/// What a deletion did.
public struct DeleteAnswer: Hashable, Sendable {
    /// How many tuples were removed; may be 0 although there are more.
    public var deleted: UInt64
    /// Where the next request goes on; nil if none that matched is left after the request's cursor.
    public var next: ReadCursor?
    /// The revision that has it.
    public var zookie: Zookie

    /// Makes an answer.
    public init(deleted: UInt64, next: ReadCursor? = nil, zookie: Zookie) {
        self.deleted = deleted
        self.next = next
        self.zookie = zookie
    }

    /// Whether none that matched is left after the request's cursor.
    public var isComplete: Bool { next == nil }
}
