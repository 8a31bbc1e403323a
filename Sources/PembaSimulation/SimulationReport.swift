// Pemba: what a simulated run found.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A promise that was broken in a run.
package struct Violation: Error, Sendable, Equatable, CustomStringConvertible {
    /// Which promise, and how.
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The outcome of one run.
package struct SimulationReport: Sendable, Equatable {
    /// The seed.
    package var seed: UInt64
    /// The first broken promise; nil: none.
    package var violation: Violation?
    /// When it ended, in simulated time.
    package var end: Instant
    /// The hash of everything that happened: equal for equal seeds.
    package var traceHash: UInt64
    /// What happened, by name, in a fixed order.
    package var counts: Counts

    /// The flight recordings of the nodes that ran at the end, if a promise was broken.
    package var recordings: [Recording] = []

    /// What happened to one node's consensus.
    package struct Recording: Sendable, Equatable {
        /// The node.
        package var node: NodeID
        /// For `FlightReplay`.
        package var bytes: [UInt8]
    }

    /// How much happened.
    package struct Counts: Sendable, Equatable {
        package var events = 0
        package var messages = 0
        package var entries = 0
        package var elections = 0
        package var restarts = 0
        package var faults = 0
        package var snapshotsWritten = 0
        package var snapshotsInstalled = 0
        package var blocksSent = 0
        package var blocksSentAgain = 0
        package var transfersResumed = 0
        package var upgrades = 0
        package var messagesUnreadable = 0
        package var damagesHealed = 0
        package var membershipChanges = 0
        package var removals = 0
        package var wipes = 0
        package var refusals = 0
        package var writesAcknowledged = 0
        package var writesUnknown = 0
        package var writesRefused = 0
        package var checksAnswered = 0
        package var checksRefused = 0
        package var scriptsFinished = 0
        package var storiesHandedOver = 0
        package var registerChanges = 0
        package var deletions = 0
        package var sets = 0
        package var imports = 0
        package var conditionalAnswers = 0
        package var evaluationsResumed = 0
        package var watchesResumed = 0
    }

    /// One line for people.
    package var summary: String {
        let outcome = violation.map { "VIOLATION: \($0)" } ?? "ok"
        return
            "seed \(seed): \(outcome); \(counts.events) events, \(counts.entries) entries, \(counts.elections) elections, "
            + "\(counts.restarts) restarts, \(counts.faults) faults, snapshots \(counts.snapshotsWritten) written "
            + "\(counts.snapshotsInstalled) installed, blocks \(counts.blocksSent) sent \(counts.blocksSentAgain) again, "
            + "\(counts.transfersResumed) transfers resumed, writes \(counts.writesAcknowledged) acknowledged "
            + "\(counts.writesRefused) refused \(counts.writesUnknown) unknown, checks \(counts.checksAnswered) answered "
            + "\(counts.checksRefused) refused, \(counts.scriptsFinished) scripts, \(SimulationPlan.seconds(end - .zero)) s, trace \(String(traceHash, radix: 16))"
    }

}
