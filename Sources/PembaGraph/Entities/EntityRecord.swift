// Pemba: what the graph knows of one object.
// SPDX-License-Identifier: Apache-2.0

/// One object or subject with tuples: 24 bytes.
struct EntityRecord: BitwiseCopyable {
    /// Where the id's bytes are, in units of 8 bytes.
    var string: UInt32
    /// How many bytes the id has.
    var length: UInt16
    /// The number of its definition; 0 in a record that is not in use.
    var type: UInt16
    /// The tuples whose resource it is (`RowWord`).
    ///
    /// In a record that is not in use: the next such record.
    var forward: UInt64
    /// The tuples whose subject, or whose subject's object, it is (`RowWord`).
    var reverse: UInt64
}

/// Numbers of entities with a meaning of their own.
enum EntityNumber {
    /// No entity: what a lookup of an unknown subject gives.
    static let none: UInt32 = 0
    /// Stands for the resource of a check that has no tuples, so that it can still be its own subject.
    static let unknownResource: UInt32 = 1
    /// The first number of an entity with tuples.
    static let first: UInt32 = 2
}
