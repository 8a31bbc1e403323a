// Pemba: the stream of changes, as clients ask for it and nodes send it, however it is carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Asks for all changes from a point on, in order and without gaps.
public struct WatchRequest: Hashable, Sendable {
    /// Where the stream begins.
    public enum Start: Hashable, Sendable {
        /// With what comes after now.
        case now
        /// With what comes after the zookie's revision, as far back as the node keeps history.
        case after(Zookie)
        /// With all tuples of the present revision, and then what comes after it.
        case snapshot
    }

    /// Where the stream begins.
    public var start: Start
    /// Which tuples: those that any of these means, at most `Limits.watchFilters`; empty for all.
    public var filters: [RelationshipFilter]
    /// Whether changes of the schema are sent.
    public var includesSchema: Bool

    /// Asks for changes.
    public init(start: Start, filters: [RelationshipFilter] = [], includesSchema: Bool = true) {
        self.start = start
        self.filters = filters
        self.includesSchema = includesSchema
    }
}

/// How a node ended a watch that it could not go on with, for instance because it shuts down.
public struct WatchEnd: Hashable, Sendable {
    /// Everything up to this revision has been sent: another node goes on after it.
    public var zookie: Zookie

    /// Makes an end.
    public init(zookie: Zookie) { self.zookie = zookie }
}

/// One change of one tuple.
public struct TupleChange: Hashable, Sendable {
    /// What became of the tuple.
    public enum Kind: UInt8, Sendable, CaseIterable {
        /// It was not there before.
        case created = 1
        /// It was there and has been given this caveat and these times.
        case touched = 2
        /// It was removed.
        case deleted = 3
        /// It expired.
        case expired = 4
    }

    /// What became of it.
    public var kind: Kind
    /// The tuple as it is now, or of one that is gone as it was.
    public var tuple: RelationTuple

    /// Makes a change.
    public init(_ kind: Kind, _ tuple: RelationTuple) {
        self.kind = kind
        self.tuple = tuple
    }
}

/// What a watcher is sent.
public enum WatchEvent: Hashable, Sendable {
    /// Tuples of the revision with which a stream from a snapshot begins; several may come.
    case tuples([RelationTuple])
    /// What one revision changed; the changes of a large one may come in several events of that revision, of which
    /// only the last is `isLast`.
    case changes(zookie: Zookie, time: Timestamp, changes: [TupleChange], metadata: ContextObject, isLast: Bool)
    /// The schema was replaced at this revision.
    case schema(zookie: Zookie, source: String)
    /// Everything up to this revision has been sent: the end of a snapshot, and a sign of life when nothing changes.
    case checkpoint(zookie: Zookie)
}
