// Pemba: identifiers with types, so that a term is never taken for an index.
// SPDX-License-Identifier: Apache-2.0

/// The permanent number of one node of a cluster, from 1.
///
/// Zero names no node and is never valid on disk or wire.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    public let rawValue: UInt64

    /// Makes the identifier of node `rawValue`.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The number in decimal, as configurations and certificates write it.
    public var description: String { String(rawValue) }

    /// Orders by number.
    public static func < (left: NodeID, right: NodeID) -> Bool { left.rawValue < right.rawValue }
}

/// A Raft term: a logical clock that only grows (Raft paper, section 5.1).
public struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself; 0 before the first election.
    public let rawValue: UInt64

    /// Makes the term `rawValue`.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The term before any election.
    public static let zero = Term(0)

    /// The term of the entry that a cluster begins with: nobody is elected in it.
    package static let first = Term(1)

    /// The term after this one.
    public var next: Term { Term(rawValue + 1) }

    /// The number in decimal.
    public var description: String { String(rawValue) }

    /// Orders by number.
    public static func < (left: Term, right: Term) -> Bool { left.rawValue < right.rawValue }
}

/// The position of an entry in the replicated log, from 1.
///
/// Zero is the position before the first entry.
public struct LogIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    public let rawValue: UInt64

    /// Makes the index `rawValue`.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The position before the first entry.
    public static let zero = LogIndex(0)

    /// The position after this one.
    public var next: LogIndex { LogIndex(rawValue + 1) }

    /// The position before this one; requires that this one is not zero.
    public var previous: LogIndex { LogIndex(rawValue - 1) }

    /// The number in decimal.
    public var description: String { String(rawValue) }

    /// Orders by position.
    public static func < (left: LogIndex, right: LogIndex) -> Bool { left.rawValue < right.rawValue }
}

/// The log index at which a state of the tuples was reached; what a zookie carries.
public struct Revision: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The log index as a number; 0 is the empty state.
    public let rawValue: UInt64

    /// Makes the revision `rawValue`.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Makes the revision that applying the entry at `index` reaches.
    public init(_ index: LogIndex) { self.rawValue = index.rawValue }

    /// The state before the first entry.
    public static let zero = Revision(0)

    /// The entry whose application reached this revision.
    public var index: LogIndex { LogIndex(rawValue) }

    /// The number in decimal.
    public var description: String { String(rawValue) }

    /// Orders by age.
    public static func < (left: Revision, right: Revision) -> Bool { left.rawValue < right.rawValue }
}

/// The generation of a cluster's history.
///
/// It rises when history may have been cut: at restore and at recovery.
public struct Epoch: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself; a new cluster starts at 1.
    public let rawValue: UInt32

    /// Makes the epoch `rawValue`.
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The epoch of a new cluster.
    public static let first = Epoch(1)

    /// The number in decimal.
    public var description: String { String(rawValue) }

    /// Orders by age.
    public static func < (left: Epoch, right: Epoch) -> Bool { left.rawValue < right.rawValue }
}
