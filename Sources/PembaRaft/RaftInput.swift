// Pemba: what can happen to the Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One thing that happened.
///
/// `RaftCore.step` is total: every input is legal in every state. Commands to append are not
/// among them, because their fate is known at once: see `RaftCore.propose`.
package enum RaftInput: Sendable {
    /// Time passed: `nextDeadline` is due, or not.
    case tick
    /// A message from a peer, whose identity the transport has verified.
    case message(RaftMessage)
    /// Ask for an index at which a linearizable read may be answered; ends in `readReady` or `readFailed`.
    case read(ticket: UInt64)
    /// Hand leadership to a voter; nil: to the best one.
    case transferLeadership(to: NodeID?)
    /// The persist effect `sequence` is durable, and all before it; `lastIndex` and `lastTerm` are the request's.
    case persisted(sequence: PersistSequence, lastIndex: LogIndex, lastTerm: Term)
    /// The state machine has applied everything up to here.
    case applied(LogIndex)
    /// The log up to here is covered by a durable snapshot and may be forgotten; some entries are kept for followers.
    case compact(LogIndex)
    /// Streaming the snapshot to `peer` ended.
    case snapshotSent(to: NodeID, index: LogIndex, succeeded: Bool)
    /// The offered snapshot is durable and installed as the state: the log starts after it. The stored log keeps what
    /// follows `point` exactly if its entry at `point.index` had `point.term`.
    case snapshotInstalled(RaftSnapshotPoint)
    /// The offered snapshot could not be had.
    case snapshotFailed(index: LogIndex)
    /// The link to `peer` broke: what was in flight may be lost.
    case unreachable(NodeID)
    /// Campaign now, as if the election timeout had passed.
    case campaign
}
