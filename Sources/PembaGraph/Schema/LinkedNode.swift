// Pemba: the parts of a linked schema.
// SPDX-License-Identifier: Apache-2.0

/// A relation or permission of a type, ready for evaluation.
struct LinkedNode: BitwiseCopyable {
    /// What is behind the name.
    enum Kind: UInt8, BitwiseCopyable {
        /// A number that is not in use.
        case none
        /// Holds tuples.
        case relation
        /// Computed.
        case permission
    }

    var kind = Kind.none
    /// Whether a relation admits `type#relation` subjects.
    var admitsUsersets = false
    /// Whether a relation admits `type:*`.
    var admitsWildcard = false
    /// The number of its type.
    var type: UInt16 = 0
    /// Its number in its type: the relation of a row entry.
    var number: UInt32 = 0
    /// A permission's expression; of a relation, the step through its usersets.
    var op: UInt32 = 0
    /// Where its admitted kinds of subjects start, and how many there are.
    var admittedStart: UInt32 = 0
    var admittedCount: UInt32 = 0
}

/// One operation of an expression.
struct LinkedOp: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        /// Nobody.
        case empty
        /// The object itself, as a plain subject.
        case itself
        /// `first`: the node on the same object.
        case computed
        /// The usersets of the relation numbered `first` of the same object; targets: the nodes that it admits.
        case usersets
        /// The objects of the relation numbered `first`; targets: the node of each admitted type that has the name.
        case arrowAny
        /// The same; all must have it.
        case arrowAll
        /// Operands `start ..< start + count`.
        case union
        case intersection
        /// Operands `start` (base) and `start + 1` (subtracted).
        case exclusion
    }

    var kind: Kind
    var first: UInt32 = 0
    /// Where its operands (in `operands`) or targets (in `targets`) start, and how many there are.
    var start: UInt32 = 0
    var count: UInt32 = 0
}

/// Where an arrow or a userset may lead.
struct LinkedTarget: BitwiseCopyable {
    var type: UInt32
    var node: UInt32
}

/// A kind of tuple that a relation admits, in one word: the type of the subject, its relation, the caveat that the tuple
/// must carry (0: none), and whether it must carry a time.
struct AdmittedKind: Hashable, BitwiseCopyable {
    /// The subject relation that stands for `type:*`.
    ///
    /// Relations have numbers up to `RowEntry.highestRelation`.
    static let wildcard: UInt32 = 4_095

    private var word: UInt64

    @inline(__always)
    init(type: UInt32, relation: UInt32, caveat: UInt32 = 0, hasTime: Bool = false) {
        word = (UInt64(caveat) << 32) | (UInt64(type) << 13) | (UInt64(relation) << 1) | (hasTime ? 1 : 0)
    }

    var type: UInt32 { UInt32(truncatingIfNeeded: word >> 13) & 0x7FFFF }

    var relation: UInt32 { UInt32(truncatingIfNeeded: word >> 1) & 0xFFF }

    var caveat: UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

    var hasTime: Bool { word & 1 != 0 }

    /// The kind of subject alone, whatever the tuple carries.
    @inline(__always)
    var subject: UInt64 { (word & 0xFFFF_FFFF) >> 1 }
}
