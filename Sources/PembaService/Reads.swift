// Pemba: reads of tuples and of the schema, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Which page of which tuples.
public struct ReadRequest: Hashable, Sendable {
    /// How fresh the state must be.
    public var consistency: Consistency
    /// Which tuples; an empty filter means all.
    public var filter: RelationshipFilter
    /// Where the page before this one ended; nil for the first.
    ///
    /// Pages follow each other by cursor in a fixed order; tuples written in between may or may not be seen, tuples
    /// that stay are seen once. All pages of a read whose consistency is an exact one are of one revision, which the
    /// cursor carries and which overrides `consistency`.
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

    /// Whether all pages are of one revision.
    public var isOfOneRevision: Bool { cursor.map { $0.zookie != nil } ?? consistency.isExact }
}

/// Where a page ended; opaque to clients.
public struct ReadCursor: Hashable, Sendable {
    /// The last tuple of the page, without caveat and times.
    public var last: RelationTuple
    /// The checksum of the filter that the page was read with: a cursor continues that query and no other.
    ///
    /// The encoding of an answer sets it, the decoding of a request compares it.
    public var filterChecksum: UInt32
    /// The revision of all pages; nil if each is of the revision that the node has when it is asked for.
    public var zookie: Zookie?

    /// Continues after `last`.
    public init(last: RelationTuple, filterChecksum: UInt32 = 0, zookie: Zookie? = nil) {
        self.last = last
        self.filterChecksum = filterChecksum
        self.zookie = zookie
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

/// Asks for all tuples that a filter means, at one revision and without pages.
public struct ExportRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// Which tuples; an empty filter means all.
    public var filter: RelationshipFilter
    /// After which tuple to go on, at the revision that the cursor carries, which overrides `consistency`; nil to begin.
    public var cursor: ReadCursor?

    /// Asks for tuples.
    public init(
        consistency: Consistency = .minimizeLatency,
        filter: RelationshipFilter = RelationshipFilter(),
        cursor: ReadCursor? = nil
    ) {
        self.consistency = consistency
        self.filter = filter
        self.cursor = cursor
    }
}

/// How an export ended: all tuples were given.
public struct ExportEnd: Hashable, Sendable {
    /// The revision of all of them.
    public var zookie: Zookie
    /// How many they were since the request's cursor.
    public var count: UInt64

    /// Makes an end.
    public init(zookie: Zookie, count: UInt64) {
        self.zookie = zookie
        self.count = count
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
