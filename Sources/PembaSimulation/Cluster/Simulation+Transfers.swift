// Pemba: snapshots on their way between simulated nodes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaStorage

/// What is promised to a node that fetches a snapshot: it goes on asking, it is waited for, and it can go on from the log
/// when it has what it fetched.
extension Simulation {
    /// How long a fetching node waits for a block before it asks again, and a serving one for a question.
    private var transferTimeout: UInt64 { options.electionTimeout.nanoseconds * 2 }

    /// Two nodes of which one fetches the other's snapshot, if there are any.
    func drawTransfer(_ random: inout SeededRandom) -> (receiver: Int, source: Int)? {
        let transfers = nodes.indices.compactMap { place -> (receiver: Int, source: Int)? in
            let source = nodes[place].process?.replica.fetched?.source
            return nodes.firstIndex { $0.id == source }.map { (place, $0) }
        }
        return transfers.isEmpty ? nil : transfers[random.below(transfers.count)]
    }

    /// A message is sent: counts blocks, and notes who asks for some.
    func noteTransfer(_ message: PeerMessage, from: Int, to: Int) {
        switch message {
        case .fetchSnapshot(let index, let first, let count):
            narrate(
                "node \(nodes[from].id) asks node \(nodes[to].id) for \(count) blocks of the snapshot at \(index) from \(first) on"
            )
            nodes[from].process?.fetch?.lastMoved = now
        case .snapshotBlock(let index, let number, _, _):
            counts.blocksSent += 1
            let node = nodes[to]
            var end: UInt32 = 0
            if let sent = node.blocksSent, sent.source == from, sent.index == index { end = sent.end }
            if number < end { counts.blocksSentAgain += 1 }
            node.blocksSent = (from, index, max(end, number + 1))
        default: break
        }
    }

    /// A message arrives: notes who fetches what, and who does not any more.
    func noteQuestion(_ message: PeerMessage, from peer: NodeID, to node: SimulatedNode) {
        guard node.pausedUntil <= now else { return }
        switch message {
        case .fetchSnapshot(let index, _, _):
            node.process?.fetchers.removeAll { $0.peer == peer }
            // One that has just started may not know yet that the other is a member, and refuses it.
            guard node.process?.replica.configuration.members.contains(peer) == true else { return }
            node.process?.fetchers.append(SimulatedNode.Fetcher(peer: peer, index: index, lastQuestion: now))
        case .raft(let message):
            guard case .snapshotResponse = message.body else { return }
            node.process?.fetchers.removeAll { $0.peer == peer }
        default: break
        }
    }

    /// Whoever fetches a snapshot asks for blocks, or gets some, as long as it has not got or given up all.
    func checkFetch(at place: Int) throws(Violation) {
        let node = nodes[place]
        guard let index = node.process?.replica.fetched?.index else {
            if node.process?.fetch != nil { node.process?.fetch = nil }
            return
        }
        guard let fetch = node.process?.fetch, fetch.index == index else {
            node.process?.fetch = (index, now)
            return
        }
        // A refused block makes it wait another time, and clocks differ.
        let idle = now - max(fetch.lastMoved, min(now, node.pausedUntil))
        guard idle <= transferTimeout * 3 else {
            throw Violation("node \(node.id) fetches the snapshot at \(index) and asks for nothing")
        }
    }

    /// A snapshot that somebody fetches is not replaced before the log is many times longer than it should be.
    func checkReplacement(at place: Int) throws(Violation) {
        let node = nodes[place]
        guard let process = node.process, let snapshot = process.store.snapshot?.point else { return }
        // Clocks differ.
        let patience = transferTimeout / 10 * 9
        let isFetched = process.fetchers.contains {
            $0.index == snapshot.lastIndex && now - $0.lastQuestion < patience
                && process.replica.configuration.members.contains($0.peer)
        }
        let entries = process.replica.stateMachine.index.rawValue - snapshot.lastIndex.rawValue
        let entriesMin = UInt64(settings(of: node).snapshotAfterEntries * ReplicaOptions.snapshotPatience)
        guard !isFetched || entries >= entriesMin else {
            throw Violation("node \(node.id) replaces the snapshot at \(snapshot.lastIndex) while it is fetched")
        }
    }

    /// Whoever has installed what its leader offered can go on from the leader's log.
    func checkContinuation(at place: Int, _ installed: SnapshotManifest?) throws(Violation) {
        guard let index = installed?.point.lastIndex, let process = nodes[place].process else { return }
        let (id, leadership) = (process.replica.id, process.replica.leadership)
        guard let leader = nodes.first(where: { $0.id == leadership.leader }) else { return }
        guard let status = leader.process?.replica.consensus else { return }
        guard status.leadership.term == leadership.term, status.first > index.next,
            status.peers.contains(where: { $0.id == id && $0.state == .snapshot(index) })
        else { return }
        throw Violation("node \(leader.id) has not kept what follows the snapshot at \(index), which it has offered")
    }
}
