// Pemba: how a node knows how fresh its knowledge is.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Measures freshness by a round trip that begins at this node.
///
/// A heartbeat alone proves nothing: it may have lain in a buffer while this process was stopped. So every answer to a
/// heartbeat carries a probe, a number that stands for a moment of this node's clock, and the leader's `Vouch` says
/// which probe it had seen when it spoke. One probe is out at a time; one that gets lost is simply sent again, with
/// the older moment that it stands for.
package struct FreshnessTracker: Sendable {
    /// What is known; its `asOf` only grows; nil if this node never heard from a leader that a quorum followed.
    package private(set) var known: RaftFreshness?
    /// The latest probe.
    ///
    /// Starts at random, so that a vouch for a probe from before a restart is not believed.
    private var probe: UInt64
    /// The moment that `probe` stands for; nil once it has come back.
    private var probedAt: Instant?

    init(firstProbe: UInt64) { probe = firstProbe }

    /// The probe to send now.
    mutating func outgoingProbe(now: Instant) -> UInt64 {
        if probedAt == nil {
            probe = probe == .max ? 1 : probe + 1
            probedAt = now
        }
        return probe
    }

    /// Takes up a leader's word; false if it does not answer the probe that is out.
    mutating func receive(_ vouch: RaftMessage.Vouch) -> Bool {
        guard let moment = probedAt, vouch.probe == probe || planted("believes-any-vouch") else { return false }
        probedAt = nil
        if vouch.age.nanoseconds < moment.nanoseconds {
            let asOf = Instant(nanoseconds: moment.nanoseconds - vouch.age.nanoseconds)
            learn(RaftFreshness(asOf: asOf, commit: vouch.commit))
        }
        return true
    }

    /// Takes up what is certain.
    mutating func learn(_ freshness: RaftFreshness) {
        if let known, known.asOf >= freshness.asOf { return }
        known = freshness
    }
}

// MARK: - Flight recordings

extension FreshnessTracker {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.flag(known != nil)
        if let known { sink.fields(known.asOf.nanoseconds, known.commit.rawValue) }
        sink.number(probe)
        sink.optional(probedAt?.nanoseconds)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        if try reader.flag("freshness") {
            known = RaftFreshness(asOf: try reader.instant(), commit: try reader.index())
        }
        probe = try reader.number()
        probedAt = try reader.optional("probe").map { Instant(nanoseconds: $0) }
    }
}
