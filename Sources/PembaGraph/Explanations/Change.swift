// Pemba: changes that suggestions are made of.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// One change that may bring a permission about.
struct Change: Hashable {
    enum Kind {
        case add
        case remove
        /// The context must make the tuple's caveat hold.
        case hold
        /// The context must make it fail.
        case fail
    }

    var kind: Kind
    var tuple: RelationTuple
}

/// Changes by number, in the order in which they were thought of.
struct ChangeTable {
    private(set) var changes: [Change] = []
    private var numbers: [Change: Int] = [:]

    /// The number of a change.
    mutating func number(_ kind: Change.Kind, _ tuple: RelationTuple) -> Int {
        let change = Change(kind: kind, tuple: tuple)
        if let known = numbers[change] { return known }
        numbers[change] = changes.count
        changes.append(change)
        return changes.count - 1
    }
}
