// Pemba: letting time pass in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft

/// Tuples begin and cease to count by the log's time, which is that of its last entry. When a tuple falls due and nothing
/// is written, the leader appends an entry for time's sake.
extension Replica {
    /// When the leader looks again whether a tuple has fallen due: civil time is no timer, so that it asks in steps.
    private static let longestWait = TimeSpan.milliseconds(500)

    /// When `passTime` may have something to do.
    var nextTimeEntry: Instant { timeEntryDue }

    /// Appends an entry if a tuple has fallen due since the last one.
    mutating func passTime(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard leadership.role == .leader, let due = stateMachine.graph.nextDue else {
            timeEntryDue = .distantFuture
            return
        }
        guard due <= time.wall else {
            let wait = TimeSpan(nanoseconds: UInt64(due.nanoseconds - time.wall.nanoseconds))
            timeEntryDue = time.now + min(wait, Replica.longestWait)
            return
        }
        timeEntryDue = time.now + options.raft.heartbeatInterval
        // One at a time; what is due stays due until its entry is applied.
        guard timeEntry <= stateMachine.index, !planted("time-stands-still") else { return }
        let proposal = Proposal(origin: id, request: 0, command: .advanceTime)
        if case .appended(let first, _) = propose([proposal.encode()], at: time, into: &effects) { timeEntry = first }
    }
}
