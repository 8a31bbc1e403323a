// Pemba: the condition and the times of a tuple, as numbers.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Names a tuple: its resource and its forward entry without flags.
struct TupleKey: Hashable {
    var resource: UInt32
    /// `RowEntry.key` of the forward entry.
    var entry: UInt64

    init(_ resource: UInt32, _ entry: UInt64) {
        self.resource = resource
        self.entry = RowEntry.key(entry)
    }
}

/// What a tuple has beside its two ends.
struct Traits: Hashable {
    /// The number of its condition in `ConditionStore`; 0 for none.
    var condition: UInt32 = 0
    /// When it stops to count, in nanoseconds of the log's time; `.max` for never.
    var expiresAt = Int64.max
    /// When it begins to count; `.min` for at once.
    var notBefore = Int64.min

    /// What a plain tuple has.
    static let none = Traits()

    /// Whether the tuple is plain.
    var isNone: Bool { self == Traits.none }

    /// Whether the tuple counts at a time, whatever its condition.
    @inline(__always)
    func isAlive(at time: Int64) -> Bool { time < expiresAt && (time >= notBefore || planted("counts-too-early")) }
}
