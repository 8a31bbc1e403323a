// Pemba: doing what the replica asks for.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService

extension Node {
    /// Entries that are applied between two looks at the clock, and their bytes: each may hold a thousand updates.
    private static let applyStep = (entries: 128, bytes: 16 << 10)

    /// Does one thing that the replica asks for.
    func perform(_ effect: ReplicaEffect) {
        switch effect {
        case .persist(let request):
            persistsInFlight += 1
            storage.submit(.persist(request, submitted: SystemClock.now()))
        case .send(let peer, let message): send(message, to: peer)
        case .reply(let id, let result): answer(id, result)
        case .readReady(let id): release(id)
        case .readFailed(let id, let error):
            guard let request = pending.removeValue(forKey: id) else { return }
            fail(request, error)
        case .leadership(let leadership): leadershipChanged(leadership)
        case .applyPending:
            if !isApplyPending { applyAnnounced = SystemClock.now() }
            isApplyPending = true
            applyCommitted()
        case .readSnapshotBlocks(let peer, let index, let from, let count):
            storage.submit(.readSnapshotBlocks(for: peer, index: index, from: from, count: count))
        case .storeSnapshotBlock(let index, let number, let bytes):
            storage.submit(.storeSnapshotBlock(index: index, number: number, bytes: bytes))
        case .installSnapshot(let index):
            logger.notice("installing a snapshot", metadata: ["raft.index": .stringConvertible(index.rawValue)])
            storage.submit(.installSnapshot(index: index))
        case .writeSnapshot: beginOwnSnapshot()
        case .quarantined(let quarantine): quarantined(quarantine)
        case .compactLog(let index): storage.submit(.compact(upTo: index))
        case .configuration:
            followMembers()
            loop.assumeIsolated().execute { self.checkGreetings() }
        case .removed(let index): park(at: index)
        }
    }

    /// Applies what is committed, as far as this turn's budget goes.
    func applyCommitted() {
        guard isApplyPending else { return }
        guard releaseGraph() else { return scheduleTurn() }
        let start = SystemClock.now()
        let before = replica.stateMachine.index
        var more = true
        while more, SystemClock.now() - start < Node.turnBudget {
            more = drive { replica, time, effects in
                replica.applyCommitted(
                    maxEntries: Node.applyStep.entries,
                    maxBytes: Node.applyStep.bytes,
                    at: time,
                    into: &effects
                )
            }
        }
        isApplyPending = more
        metrics.entriesApplied += replica.stateMachine.index.rawValue - before.rawValue
        tellWatchers()
        if more {
            scheduleTurn()
        } else {
            metrics.applyLatency.record(SystemClock.now() - applyAnnounced)
        }
        scheduleTurnEnd()
    }

    private func leadershipChanged(_ leadership: RaftLeadership) {
        if leadership.leader != knownLeader { metrics.leaderChanges += 1 }
        knownLeader = leadership.leader
        let level: Logger.Level = leadership.role == .preCandidate ? .debug : .notice
        logger.log(
            level: level,
            "leadership changed",
            metadata: [
                "raft.term": .stringConvertible(leadership.term.rawValue), "raft.role": "\(leadership.role)",
                "raft.leader": "\(leadership.leader.map(\.description) ?? "none")",
            ]
        )
    }

    // MARK: - Word from the storage thread

    /// Takes up what the storage thread has done.
    func storageDone(_ events: [StorageEvent]) {
        guard phase != .stopped else { return }
        for event in events { storageDone(event) }
        endTurn()
    }

    private func storageDone(_ event: StorageEvent) {
        switch event {
        case .persisted(let sequence, let index, let term, let submitted, let sync):
            let now = SystemClock.now()
            metrics.syncLatency.record(sync)
            for instant in submitted { metrics.persistLatency.record(now - instant) }
            persistsInFlight -= submitted.count
            step(.persisted(sequence: sequence, lastIndex: index, lastTerm: term))
        case .snapshotBlockWritten: continueOwnSnapshot()
        case .snapshotWritten(let index, let term, let blockCount):
            endOwnSnapshot(index: index)
            step(.snapshotWritten(index: index, term: term, blockCount: blockCount))
        case .snapshotNotWritten(let error):
            abandonOwnSnapshot(error)
            step(.snapshotNotWritten)
        case .snapshotBlocksRead(let peer, let index, let from, let blocks):
            metrics.snapshotBlocksSent += UInt64(blocks?.count ?? 0)
            step(.snapshotBlocksRead(for: peer, index: index, from: from, blocks: blocks))
        case .snapshotBlockStored(let index, let number, let missing):
            step(.snapshotBlockStored(index: index, number: number, missing: missing))
        case .snapshotInstalled(let index, let snapshot):
            arrivedSnapshot = (index, snapshot)
            installArrivedSnapshot()
        case .snapshotInstallFailed(let index, let reason):
            logger.error(
                "a received snapshot was refused",
                metadata: ["raft.index": .stringConvertible(index.rawValue), "error": "\(reason)"]
            )
            step(.snapshotInstallFailed(index: index))
        case .space(let space, let free, let isAnswer): diskLookedAt(space, freeBytes: free, isAnswer: isAnswer)
        case .damaged(let error): damageFound(error)
        case .closed: stop()
        }
    }
}
