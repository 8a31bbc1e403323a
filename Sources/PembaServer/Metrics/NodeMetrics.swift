// Pemba: what a node counts.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// Counters and histograms of one node, confined to its loop: plain numbers, no lock.
///
/// `docs/operations/metrics.md` lists their names. None has a label that a client could choose.
package struct NodeMetrics: Sendable {
    /// Requests that were answered, errors included, by `RequestKind`.
    package private(set) var requests = [UInt64](repeating: 0, count: RequestKind.allCases.count)
    /// From the arrival of a request to its answer, by `RequestKind`.
    package private(set) var latencies = [LatencyHistogram](
        repeating: LatencyHistogram(),
        count: RequestKind.allCases.count
    )
    /// Error answers by the code's place in `ErrorCode.allCases`.
    package private(set) var errors = [UInt64](repeating: 0, count: ErrorCode.allCases.count)
    /// Connections whose credential was refused.
    package var authenticationsRefused: UInt64 = 0
    /// From handing writes to the storage thread to their being durable.
    package var persistLatency = LatencyHistogram()
    /// The fdatasync alone.
    package var syncLatency = LatencyHistogram()
    /// From learning that entries are committed to having applied them.
    package var applyLatency = LatencyHistogram()
    /// Entries applied.
    package var entriesApplied: UInt64 = 0
    /// Times this node learnt of another leader or none.
    package var leaderChanges: UInt64 = 0
    /// From a deadline of consensus (a heartbeat, an election) to the timer that serves it.
    package private(set) var timerLateness = LatencyHistogram()
    /// The greatest lateness of all.
    package private(set) var timerLatenessMax = TimeSpan.zero
    /// Messages to peers that were dropped because the link was down or full.
    package var peerMessagesDropped: UInt64 = 0
    /// Evaluations that did not end in their first slice.
    package var evaluationsSuspended: UInt64 = 0
    /// Turns of the loop that ended with work left over.
    package var turnsExhausted: UInt64 = 0
    /// Snapshots written and installed.
    package var snapshotsWritten: UInt64 = 0
    package var snapshotsInstalled: UInt64 = 0
    /// Blocks of snapshots sent to other nodes.
    package var snapshotBlocksSent: UInt64 = 0
    /// Times certificates and credentials were read again, and times that failed.
    package var reloads: UInt64 = 0
    package var reloadFailures: UInt64 = 0

    package init() {}

    /// Counts `times` answers of `kind` that took `duration` each.
    package mutating func answered(_ kind: RequestKind, after duration: TimeSpan, times: Int = 1) {
        requests[kind.rawValue] &+= UInt64(times)
        latencies[kind.rawValue].record(duration, times: times)
    }

    /// Counts a timer of consensus that was served so late.
    package mutating func servedTimer(late: TimeSpan) {
        timerLateness.record(late)
        timerLatenessMax = max(timerLatenessMax, late)
    }

    /// Counts an error answer.
    package mutating func failed(_ code: ErrorCode) {
        guard let place = NodeMetrics.places[code] else { return }
        errors[place] &+= 1
    }

    /// Counts a reading of certificates and credentials.
    package mutating func reloaded(_ result: Result<Void, StartupError>) {
        if case .success = result { reloads &+= 1 } else { reloadFailures &+= 1 }
    }

    private static let places = Dictionary(
        uniqueKeysWithValues: ErrorCode.allCases.enumerated().map { ($0.element, $0.offset) }
    )
}

/// What a node measures at the moment it is asked.
package struct NodeGauges: Sendable {
    /// The node's status; its fields are most of the gauges.
    package var status: NodeStatus
    /// Open client connections and open connections with peers.
    package var clientConnections = 0
    package var peerConnections = 0
    /// Client connections that were ever accepted.
    package var clientConnectionsAccepted: UInt64 = 0
    /// Connections that ended, by cause.
    package var connectionEnds: [(cause: String, clients: UInt64, peers: UInt64)] = []
    /// Requests that wait for an answer.
    package var requestsInFlight = 0
    /// Evaluations that wait for their turn.
    package var evaluationsQueued = 0
    package var loopTurns: UInt64 = 0
    /// Writes handed to the storage thread and not yet durable.
    package var persistsQueued = 0
    /// Whether the state is known to differ from that of the others.
    package var isQuarantined = false
    /// Bytes free on the disk, and how much room that is: 0 enough, 1 little, 2 next to none.
    package var diskFreeBytes = 0
    package var diskSpace: UInt8 = 0
    /// What was found rotten on the disk since the start.
    package var storageFindings: UInt64 = 0
    /// What the disk has lost and the node has not got back: 0 nothing, 1 the end of the log, 2 more.
    package var debt: UInt8 = 0
    /// Days until the node's certificate expires; negative afterwards.
    package var certificateDays = 0.0
    /// Bytes that answers may pile up to before writes are refused.
    package var memoryLimitBytes: UInt64 = 0
    /// Whether `/readyz` says yes.
    package var isReady = false

    package init(status: NodeStatus) { self.status = status }
}
