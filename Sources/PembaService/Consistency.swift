// Pemba: how fresh a read must be, or at which moment it is evaluated.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// At which revision a read is evaluated.
public enum Consistency: Hashable, Sendable {
    /// Whatever this node has applied, at most the staleness bound old.
    case minimizeLatency
    /// At least the revision of the zookie.
    case atLeastAsFresh(Zookie)
    /// At least every write that was acknowledged before the request was received, by whichever node.
    case fullyConsistent
    /// Exactly the revision of the zookie, as far back as the node keeps history.
    case atExactSnapshot(Zookie)
    /// Exactly this revision of the current epoch, as far back as the node keeps history.
    case atRevision(Revision)
    /// The last revision whose time, by the log, is not after this one, as far back as the node keeps history.
    case atTime(Timestamp)

    /// Whether it names one revision, whatever the node has.
    public var isExact: Bool {
        switch self {
        case .minimizeLatency, .atLeastAsFresh, .fullyConsistent: false
        case .atExactSnapshot, .atRevision, .atTime: true
        }
    }
}
