// Pemba: stopping in order.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaTransport
import PembaWire

extension Node {
    /// Hands leadership over, takes no new requests, finishes those in flight, closes the log, and stops; all of it
    /// within the configured time.
    func beginShutdown() {
        guard phase == .running else { return }
        phase = .draining
        let timeout = configuration.shutdownTimeout
        logger.notice("shutting down", metadata: ["requests.in_flight": .stringConvertible(inFlight)])
        let leader = replica.leadership.leader
        let away = GoAway(
            drainMilliseconds: UInt32(clamping: timeout.nanoseconds / 1_000_000),
            leader: leader == configuration.node ? nil : leader,
            message: "the node is shutting down"
        )
        for client in clients.values where client.isReady { client.send(.goAway, 0) { away.encode(into: &$0) } }
        endWatches()
        if isLeader, replica.configuration.voters.count > 1 {
            step(.transferLeadership(to: nil))
            handoverEnds = SystemClock.now() + min(timeout, configuration.raft.electionTimeout * 2)
        }
        let amount = TimeAmount.nanoseconds(Int64(clamping: timeout.nanoseconds))
        loop.assumeIsolated().scheduleTask(in: amount) { self.finishDraining() }
        watchDraining()
    }

    private var isLeader: Bool { replica.leadership.role == .leader }

    /// A handover that no other node takes up must not use up all the time.
    private func watchDraining() {
        guard phase == .draining else { return }
        finishDrainingIfDone()
        loop.assumeIsolated().scheduleTask(in: .milliseconds(10)) { self.watchDraining() }
    }

    /// Goes on with stopping once everything in flight is answered and somebody else leads.
    func finishDrainingIfDone() {
        guard phase == .draining, inFlight == 0 else { return }
        let isHandedOver = !isLeader || replica.configuration.voters.count == 1
        guard isHandedOver || SystemClock.now() >= handoverEnds else { return }
        finishDraining()
    }

    private func finishDraining() {
        guard phase == .draining else { return }
        phase = .closing
        if inFlight > 0 {
            logger.warning(
                "requests are left without an answer",
                metadata: ["requests.in_flight": .stringConvertible(inFlight)]
            )
        }
        for client in clients.values { client.connection.close() }
        for link in links { link.close() }
        for receiver in receivers.values { receiver.connection.close() }
        storage.submit(.close)
    }
}
