// Pemba: linearizable reads at the leader.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Reads that wait for a quorum to confirm that this node still leads (dissertation, section 6.4).
///
/// One round of heartbeats is in flight at a time and confirms every read that had arrived when it began; those that
/// arrive later share the next one. A round's context is a number of the leader's own making that is never used twice
/// in a term, so an answer to an older round, or to the same read asked again, confirms nothing.
struct LeaderReads: Sendable {
    /// Who asks.
    enum Asker: Sendable, Hashable {
        /// This node's shell.
        case own(ticket: UInt64)
        /// A follower.
        case peer(NodeID, request: UInt64)
    }

    /// A round of heartbeats that a quorum has not answered.
    struct Round: Sendable {
        /// The context that its heartbeats carry.
        var context: UInt64
        /// The leader leads at this moment if a quorum answers.
        var startedAt: Instant
        /// The commit index at the start; nil before an entry of the leader's own term was committed, as it may then
        /// not know of all that its predecessors committed.
        var index: LogIndex?
        /// The reads that it confirms; empty without an index.
        var askers: [Asker]
    }

    /// Reads that may wait; more are refused.
    static let waitingMax = 65_536

    /// The round in flight.
    var round: Round?
    /// The reads that wait for the next round.
    var waiting: [Asker] = []
    /// The latest context; only grows.
    var context: UInt64 = 0
    /// When the latest round began that a quorum has answered and that had an index, in this leadership.
    var confirmedAt: Instant?
}

// MARK: - Flight recordings

extension LeaderReads {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.flag(round != nil)
        if let round {
            sink.fields(round.context, round.startedAt.nanoseconds)
            sink.optional(round.index?.rawValue)
            round.askers.record(into: &sink)
        }
        waiting.record(into: &sink)
        sink.number(context)
        sink.optional(confirmedAt?.nanoseconds)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        if try reader.flag("round") {
            round = Round(
                context: try reader.number(),
                startedAt: try reader.instant(),
                index: try reader.optional("index").map { LogIndex($0) },
                askers: try [Asker](decoding: &reader)
            )
        }
        waiting = try [Asker](decoding: &reader)
        context = try reader.number()
        confirmedAt = try reader.optional("confirmation").map { Instant(nanoseconds: $0) }
    }
}

extension [LeaderReads.Asker] {
    /// Takes each as the node that asks, 0 being this one, and its number.
    fileprivate func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.count(count)
        for asker in self {
            switch asker {
            case .own(let ticket): sink.fields(0, ticket)
            case .peer(let node, let request): sink.fields(node.rawValue, request)
            }
        }
    }

    fileprivate init(decoding reader: inout FlightReader) throws(ByteError) {
        self = []
        for _ in 0..<(try reader.count()) {
            let (node, number) = (try reader.node(), try reader.number())
            append(node == NodeID(0) ? .own(ticket: number) : .peer(node, request: number))
        }
    }
}
