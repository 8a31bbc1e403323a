// Pemba: doing what simulated replicas ask for.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage
import PembaWire

extension Simulation {
    /// Performs the effects of a node in their order.
    func perform(_ effects: [ReplicaEffect], at place: Int) throws(Violation) {
        let node = nodes[place]
        for effect in effects {
            guard node.process != nil else { return }
            switch effect {
            case .persist(let request):
                memberships.note(request.entries)
                enqueue(.persist(request), at: place)
            case .send(let peer, let message): send(message, from: place, to: peer)
            case .reply(let id, let result): try reply(id, result, at: place)
            case .readReady(let id): try evaluateWaiting(id, at: place)
            case .readFailed(let id, let error):
                guard let request = node.process?.waiting.removeValue(forKey: id) else { continue }
                answer(request, .check(.failure(error)))
            case .quarantined(let quarantine):
                throw Violation("node \(node.id) takes its own state for wrong: \(quarantine)")
            case .leadership(let leadership):
                narrate("node \(node.id) is \(leadership.role) of term \(leadership.term)")
                try checker.leadership(leadership, at: place, node)
                guard leadership.role == .leader else { continue }
                noteVersion(of: node, in: leadership.term)
                hurry()
            case .applyPending: scheduleApply(place)
            case .readSnapshotBlocks(let peer, let index, let from, let count):
                enqueue(.readBlocks(peer: peer, index: index, from: from, count: count), at: place)
            case .storeSnapshotBlock(let index, let number, let bytes):
                node.process?.fetch?.lastMoved = now
                enqueue(.storeBlock(index: index, number: number, bytes: bytes), at: place)
            case .installSnapshot(let index): enqueue(.install(index), at: place)
            case .writeSnapshot:
                if options.isChecked { try checkReplacement(at: place) }
                beginSnapshot(place)
            case .compactLog(let index): enqueue(.compact(index), at: place)
            case .configuration: checkGreetings(of: place)
            case .removed:
                narrate("node \(node.id) hears that it was removed")
                counts.removals += 1
                endWatches(at: place)
            }
        }
    }

    private func send(_ message: PeerMessage, from: Int, to peer: NodeID) {
        guard let to = nodes.firstIndex(where: { $0.id == peer }) else { return }
        counts.messages += 1
        noteTransfer(message, from: from, to: to)
        var writer = ByteWriter(capacity: 256)
        message.encode(into: &writer)
        let connection = network.connection(from, to)
        for delay in network.delays(from: from, to: to) {
            schedule(.deliver(from: from, to: to, connection: connection, bytes: writer.bytes), after: delay)
        }
    }

    private func scheduleApply(_ place: Int) {
        let node = nodes[place]
        guard let process = node.process, !process.isApplying else { return }
        process.isApplying = true
        schedule(.apply(node: place, boot: node.boot), after: random.below(UInt64(200_000)))
    }

    /// Applies some of what is committed.
    func apply(_ place: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard let process = node.process else { return }
        if node.pausedUntil <= now {
            process.isApplying = false
            if options.isChecked { try checker.noteEntries(of: process.replica, count: node.applyBatchMax) }
        }
        var isMore = false
        try wake(place, event) { replica, time, effects in
            isMore = replica.applyCommitted(maxEntries: node.applyBatchMax, at: time, into: &effects)
        }
        note(5, UInt64(place), process.replica.stateMachine.index.rawValue)
        tellWatchers(at: place)
        if isMore { scheduleApply(place) }
    }

    // MARK: - Snapshots

    private func beginSnapshot(_ place: Int) {
        let node = nodes[place]
        guard let process = node.process else { return }
        let header = process.replica.beginSnapshot()
        narrate("node \(node.id) begins its snapshot at \(header.point.index)")
        let point = SnapshotPoint(
            lastIndex: header.point.index,
            lastTerm: header.point.term,
            timestamp: header.point.timestamp,
            configuration: header.point.configuration,
            stateHash: header.stateHash
        )
        enqueue(.beginSnapshot(point), at: place)
        process.snapshotNumber += 1
        scheduleSnapshotSlice(place, after: 50_000)
    }

    /// Takes the next block of the state, while others are being applied.
    func writeSnapshotSlice(_ place: Int, number: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard let process = node.process, process.snapshotNumber == number else { return }
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let block = process.replica.nextSnapshotBlock() else {
            enqueue(.finishSnapshot, at: place)
            return
        }
        enqueue(.writeSnapshotBlock(block), at: place)
        // A snapshot that somebody else's has to wait for is not slow any more when all is well again.
        let pause = isHealing ? NodeSettings().snapshotPause : settings(of: node).snapshotPause
        scheduleSnapshotSlice(place, after: random.below(pause.nanoseconds))
    }

    private func scheduleSnapshotSlice(_ place: Int, after delay: UInt64) {
        let node = nodes[place]
        guard let number = node.process?.snapshotNumber else { return }
        schedule(.snapshotSlice(node: place, boot: node.boot, number: number), after: delay)
    }
}
