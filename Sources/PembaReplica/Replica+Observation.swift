// Pemba: what whoever watches replicas may see of them.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// For audits, simulations and tests.
extension Replica {
    /// Committed entries, at least the first of them.
    package func committedEntries(from first: LogIndex, upTo last: LogIndex) -> [LogEntry] {
        guard first <= min(last, commit) else { return [] }
        return raft.entries(from: first, upTo: min(last, commit), maxBytes: ReplicaOptions.batchBytesMax)
    }

    /// The configuration in force and, if the log in memory has it, the one before.
    package var latestConfigurations: [RaftConfiguration] { raft.latestConfigurations }

    /// Everything that consensus tells about itself.
    package var consensus: RaftStatus { raft.status() }

    /// Whose snapshot this node fetches and has not begun to install, and which one; nil: none.
    package var fetched: (source: NodeID, index: LogIndex)? {
        receiver.flatMap { $0.isInstalling ? nil : ($0.source, $0.index) }
    }

    /// The term of an entry, as far as the log in memory reaches.
    package func term(at index: LogIndex) -> Term? { raft.term(at: index) }

    /// Traps if consensus contradicts itself.
    ///
    /// Without the log it takes a bounded time, with it a time in the log's length.
    package func checkInvariants(includingLog: Bool = true) {
        raft.checkInvariants(includingLog: includingLog)
        precondition(stateMachine.index <= commit, "more is applied than committed")
        precondition(snapshots.index <= stateMachine.index, "the snapshot is ahead of the state")
    }
}
