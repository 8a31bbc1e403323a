// Pemba: what an exploration found.
// SPDX-License-Identifier: Apache-2.0

/// How far an exploration has come.
package struct ExplorationProgress: Sendable {
    /// Different states of the cluster, those counted once that differ in the names of nodes only, and those not at all that
    /// others were known to stand for.
    package var states = 0
    /// Different combinations of states of the nodes, of what was decided and of what may still happen.
    package var combinations = 0
    /// Events that were tried.
    package var events = 0
    /// Events on the longest of the ways on which states were found.
    package var depth = 0
    /// Different states of one node.
    package var nodeStates = 0
    /// Different messages.
    package var messages = 0
    /// Bytes in use, as far as they are counted.
    package var bytes = 0
}

/// The outcome of an exploration.
package struct ExplorationReport: Sendable {
    /// How it ended.
    package enum Outcome: Sendable {
        /// There are no other states within the bounds, and all of them are as they should be.
        case complete
        /// The bound on memory or states was met; all that was seen is as it should be.
        case unfinished
        /// Something that must never happen; the events that lead to it, but for arrivals that are only answered. There may be
        /// a shorter way.
        case violation(String, trace: [String])
    }

    package var outcome: Outcome
    package var progress: ExplorationProgress
    /// States in which some node leads, and in which something after the first entry is committed: an exploration that
    /// never came so far would prove nothing.
    package var statesWithLeader = 0
    package var statesWithCommit = 0
    /// The most entries that were committed.
    package var committedMax = 0
    /// Whether a joint configuration was in force.
    package var sawJoint = false
    /// Reads that were answered.
    package var readsAnswered = 0

    /// One line for people.
    package var summary: String {
        let counts =
            "\(progress.states) states, \(progress.combinations) combinations of nodes, \(progress.events) events, "
            + "depth \(progress.depth), \(progress.nodeStates) states of a node, \(progress.messages) messages"
        return switch outcome {
        case .complete: "complete: \(counts)"
        case .unfinished: "unfinished: \(counts)"
        case .violation(let text, _): "VIOLATION: \(text); \(counts)"
        }
    }
}
