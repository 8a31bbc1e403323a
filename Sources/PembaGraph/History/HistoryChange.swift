// Pemba: one change of one tuple, as the history keeps it.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// One change of one tuple, in the graph's numbers.
struct HistoryChange {
    /// What became of the tuple.
    enum Kind: UInt8, BitwiseCopyable {
        case created = 1
        case touched = 2
        case deleted = 3
        case expired = 4
    }

    var kind: Kind
    var revision: Revision
    var resource: UInt32
    /// The forward entry, without flags.
    var entry: UInt64
    /// What the tuple had before; none if it was created.
    var old = Traits.none
    /// What it has since; none if it is gone.
    var new = Traits.none
}
