// Pemba: what a replica finds in its storage when it starts.
// SPDX-License-Identifier: Apache-2.0

package import PembaRaft

/// The durable state of a replica.
package struct ReplicaBoot {
    /// The term and vote.
    package var hardState: HardState
    /// The state of the latest snapshot, loaded by a `SnapshotLoader`; an empty state machine if there is none.
    package var stateMachine: StateMachine
    /// The blocks of content of that snapshot: the manifest does not count; 0 if there is none.
    package var snapshotBlockCount: UInt32
    /// The stored log.
    package var entries: [LogEntry]

    package init(
        hardState: HardState,
        stateMachine: StateMachine,
        snapshotBlockCount: UInt32,
        entries: [LogEntry]
    ) {
        self.hardState = hardState
        self.stateMachine = stateMachine
        self.snapshotBlockCount = snapshotBlockCount
        self.entries = entries
    }
}
