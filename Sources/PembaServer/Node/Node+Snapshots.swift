// Pemba: writing this node's snapshots and installing those of others.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage

/// A snapshot of this node's own state that is being written.
struct OwnSnapshot {
    /// When it was begun.
    let begun: Instant
    /// Blocks handed to the storage thread, and blocks that it has written.
    var handed = 0
    var written = 0
    /// Whether all blocks are handed over.
    var isComplete = false
    /// Until when no more are made: a snapshot gets at most half of the loop's time.
    var restsUntil = Instant.zero
    /// Whether a turn is scheduled that hands over more.
    var isContinuing = false
}

extension Node {
    /// Blocks on their way to the disk: enough to keep it busy, few enough to cost no memory.
    private static let blocksOnTheWay = 4
    /// How long a turn may make blocks.
    private static let blockBudget = TimeSpan.milliseconds(2)
    /// The longest rest after making some: a process that was paused in between does not rest for as long.
    private static let restMax = TimeSpan.milliseconds(50)

    /// Fixes the state and begins to write it.
    func beginOwnSnapshot() {
        precondition(ownSnapshot == nil, "a snapshot was to be written while one is being written")
        let header = replica.beginSnapshot()
        let point = header.point
        storage.submit(
            .beginSnapshot(
                SnapshotPoint(
                    lastIndex: point.index,
                    lastTerm: point.term,
                    timestamp: point.timestamp,
                    configuration: point.configuration,
                    stateHash: header.stateHash
                )
            )
        )
        ownSnapshot = OwnSnapshot(begun: SystemClock.now())
        logger.info("writing a snapshot", metadata: ["raft.index": .stringConvertible(point.index.rawValue)])
        scheduleSnapshotTurn()
    }

    /// A block is written: room for more.
    func continueOwnSnapshot() {
        ownSnapshot?.written += 1
        scheduleSnapshotTurn()
    }

    /// The snapshot is durable.
    func endOwnSnapshot(index: LogIndex) {
        guard let snapshot = ownSnapshot else { return }
        metrics.snapshotsWritten += 1
        logger.info(
            "snapshot written",
            metadata: [
                "raft.index": .stringConvertible(index.rawValue),
                "snapshot.blocks": .stringConvertible(snapshot.handed),
                "snapshot.seconds": .stringConvertible((SystemClock.now() - snapshot.begun).seconds),
            ]
        )
        ownSnapshot = nil
    }

    /// The snapshot could not be written.
    func abandonOwnSnapshot(_ error: StorageError) {
        logger.error("the snapshot could not be written; it is tried again later", metadata: ["error": "\(error)"])
        replica.abandonSnapshot()
        ownSnapshot = nil
    }

    private func scheduleSnapshotTurn() {
        guard let snapshot = ownSnapshot, !snapshot.isContinuing, !snapshot.isComplete else { return }
        guard snapshot.handed - snapshot.written < Node.blocksOnTheWay else { return }
        ownSnapshot?.isContinuing = true
        let now = SystemClock.now()
        let rest = snapshot.restsUntil > now ? snapshot.restsUntil - now : .zero
        loop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(rest.nanoseconds))) {
            self.turns.append {
                self.ownSnapshot?.isContinuing = false
                self.makeSnapshotBlocks()
            }
        }
    }

    private func makeSnapshotBlocks() {
        guard phase != .stopped else { return }
        let start = SystemClock.now()
        while let snapshot = ownSnapshot, snapshot.handed - snapshot.written < Node.blocksOnTheWay,
            SystemClock.now() - start < Node.blockBudget
        {
            guard let block = replica.nextSnapshotBlock() else {
                ownSnapshot?.isComplete = true
                storage.submit(.finishSnapshot)
                return
            }
            ownSnapshot?.handed += 1
            storage.submit(.writeSnapshotBlock(block))
        }
        let end = SystemClock.now()
        ownSnapshot?.restsUntil = end + min(end - start, Node.restMax)
        scheduleSnapshotTurn()
    }

    /// Makes a loaded snapshot the state; evaluations of the old one end.
    func installArrivedSnapshot() {
        guard let (index, snapshot) = arrivedSnapshot else { return }
        arrivedSnapshot = nil
        restartUnderWay(ServiceError(.unavailable, "this node took over a newer state meanwhile; ask another"))
        let machine = snapshot.take()
        machine.graph.keepHistory(configuration.history)
        drive { replica, time, effects in
            replica.install(machine, blockCount: snapshot.blockCount, at: time, into: &effects)
        }
        metrics.snapshotsInstalled += 1
        logger.notice("snapshot installed", metadata: ["raft.index": .stringConvertible(index.rawValue)])
        scheduleTurnEnd()
    }
}

extension TimeSpan {
    /// Seconds, for people.
    var seconds: Double { Double(nanoseconds) / 1e9 }
}
