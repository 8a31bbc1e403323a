// Pemba: what a node owes its cluster after its disk has lost something.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A mark of a node whose disk has lost entries that it may have acknowledged (rules W4 and W5).
///
/// Others may have committed an entry because this node said that it had it. As long as it owes, it must not help anybody
/// to power who lacks that entry. It is durable, together with the vote, before anything of the damage is cleaned up.
package struct LogDebt: Sendable, Hashable {
    /// How much may be lost.
    package enum Kind: UInt8, Sendable, Comparable {
        /// Only the last write: it may never have been acknowledged.
        case tail = 1
        /// Writes that were certainly durable once, or the state itself.
        case range = 2

        package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    /// How much may be lost.
    package var kind: Kind
    /// Entries of terms up to this one may be lost; the node has acknowledged none of a later term.
    package var term: Term

    package init(kind: Kind, term: Term) {
        self.kind = kind
        self.term = term
    }
}

extension HardState {
    /// Notes that the log, or the state, has lost something.
    ///
    /// The node moves on to a term in which it has neither voted nor acknowledged anything. So whoever leads from then on
    /// was elected without its help and had, when it was elected, all that is committed; and whoever led before notices,
    /// and counts no acknowledgement any more that this node cannot keep.
    ///
    /// A node that has been in no term in which somebody was elected has promised nothing, and owes nothing. It is new, or
    /// was emptied; that its disk is damaged besides must not make it look like one that had more.
    package func owing(_ kind: LogDebt.Kind) -> HardState {
        guard term > .first || planted("emptied-owes") else { return self }
        let worst = max(kind, debt?.kind ?? kind)
        var owing = entering(term.next, vote: nil)
        owing.debt = LogDebt(kind: worst, term: term)
        return owing
    }
}
