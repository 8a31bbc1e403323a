// Pemba: what clients did and saw.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

/// Histories keep the codes of errors, not their words.
extension ErrorCode: Error {}

/// Everything that the clients of a run asked and were told.
struct History {
    /// One write, however often it was sent.
    struct Write {
        /// What the client learnt.
        enum Outcome: Equatable {
            /// Still under way, or given up without an answer.
            case unknown
            /// Done.
            case acknowledged(ReferenceState.Done)
            /// Answered by the log: it was refused there.
            case refused(ErrorCode)
            /// Never in the log, as the nodes said.
            case notDone
        }

        /// The number that it bears, so that it can be found in the log.
        var tag: UInt64
        var command: ClientCommand
        /// The highest revision that any client had been told of when it began.
        var acknowledgedBefore: Revision
        /// When it was first sent.
        var began: UInt64
        /// When the client learnt the outcome; nil: it did not.
        var ended: UInt64?
        var outcome: Outcome = .unknown
    }

    /// One check and its answer.
    struct Check {
        var item: CheckItem
        var consistency: Consistency
        /// The highest revision that any client had been told of when it was asked.
        var acknowledgedBefore: Revision
        /// The highest revision that any client had been told of, the staleness bound before it was answered.
        var staleFloor: Revision
        /// The revision at which it was evaluated.
        var revision: Revision
        /// The answer, or why there was none.
        var answer: Result<Permissionship, ErrorCode>
    }

    /// What one client was told of changes without a gap, by as many nodes as it took.
    struct Watch {
        /// It begins after this revision.
        let start: Revision
        /// Everything up to here was told.
        var told: Revision
        /// The revisions that changed tuples.
        var changes: [Changes] = []
    }

    /// What one revision changed.
    struct Changes {
        var revision: Revision
        var changes: [TupleChange]
        /// What its writer says of it.
        var metadata: ContextObject
    }

    var writes: [Write] = []
    var checks: [Check] = []
    var watches: [Watch] = []
    /// The highest revision that any client has been told of.
    private(set) var acknowledged: Revision = .zero
    /// When it rose, and to what.
    private var rises: [(time: UInt64, revision: Revision)] = []

    /// A client learnt what became of a write, or that it will not.
    mutating func end(_ place: Int, _ outcome: Write.Outcome, at time: UInt64) {
        writes[place].outcome = outcome
        writes[place].ended = outcome == .unknown ? nil : time
    }

    /// A client was told of a revision.
    mutating func acknowledge(_ revision: Revision, at time: UInt64) {
        guard revision > acknowledged else { return }
        acknowledged = revision
        rises.append((time, revision))
    }

    /// The highest revision that any client had been told of at `time`.
    func acknowledged(at time: UInt64) -> Revision {
        var (low, high) = (0, rises.count)
        while low < high {
            let middle = (low + high) / 2
            if rises[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? .zero : rises[low - 1].revision
    }
}
