// Pemba: what a Raft node finds in its storage when it starts.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A position in the log that a snapshot of the state machine stands for, with what the log said up to there.
package struct RaftSnapshotPoint: Sendable, Hashable {
    /// The last entry that the snapshot covers.
    package var index: LogIndex
    /// The term of that entry.
    package var term: Term
    /// The timestamp of that entry.
    package var timestamp: Timestamp
    /// The configuration in force at that entry.
    package var configuration: RaftConfiguration

    package init(index: LogIndex, term: Term, timestamp: Timestamp, configuration: RaftConfiguration) {
        self.index = index
        self.term = term
        self.timestamp = timestamp
        self.configuration = configuration
    }

    /// The position before the first entry, where nobody is a member yet.
    package static let origin = RaftSnapshotPoint(
        index: .zero,
        term: .zero,
        timestamp: .zero,
        configuration: RaftConfiguration(voters: [])
    )
}

/// The durable state of a node: all of it is on disk, so all of it counts as acknowledged.
package struct RaftBoot: Sendable {
    /// The term and vote.
    package var hardState: HardState
    /// The latest snapshot; `origin` if there is none.
    package var snapshot: RaftSnapshotPoint
    /// The stored log: without gaps, beginning at or before the entry after the snapshot's index.
    package var entries: [LogEntry]

    package init(hardState: HardState, snapshot: RaftSnapshotPoint = .origin, entries: [LogEntry]) {
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
    }
}
