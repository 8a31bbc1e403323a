// Pemba: looking after the disk.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaReplica
import PembaService
import PembaStorage

/// What the loop knows of the disk.
struct DiskState {
    /// How much room it has.
    var space = DiskSpace.ample
    /// Bytes that are free, as of the last look.
    var freeBytes = 0
    /// What was found damaged since the start.
    var findings: UInt64 = 0
    /// Whether the storage thread has been asked to look and has not done so yet.
    var isLooking = false
}

extension Node {
    /// Asks the storage thread once a second how the disk is, and ends the process if a call to it comes to no end.
    ///
    /// A leader whose disk hangs has handed over long before (`storage.stall_timeout_ms`). The process ends because nobody
    /// knows what the disk holds: what recovers must read it, and whoever supervises the process must know.
    func watchDisk() {
        guard phase != .stopped else { return }
        if let since = monitor.waitingSince, SystemClock.now() - since >= configuration.storage.abortTimeout {
            logger.critical(
                "the disk does not answer; the node stops, and recovers when it is started again",
                metadata: ["storage.waited_seconds": .stringConvertible((SystemClock.now() - since).seconds)]
            )
            return abort()
        }
        if !disk.isLooking {
            disk.isLooking = true
            storage.submit(.look(scrubBytes: configuration.storage.scrubBytesPerSecond))
        }
        loop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.watchDisk() }
    }

    /// The storage thread has looked, or a write found no room.
    func diskLookedAt(_ space: DiskSpace, freeBytes: Int?, isAnswer: Bool) {
        if isAnswer { disk.isLooking = false }
        disk.freeBytes = freeBytes ?? disk.freeBytes
        guard space != disk.space else { return }
        let sentence =
            switch space {
            case .ample: "the disk has room again"
            case .low: "the disk has little room: a snapshot is written and the log before it is deleted"
            case .critical: "the disk is almost full: a leader hands over or refuses writes"
            }
        logger.log(
            level: space == .ample ? .notice : .error,
            "\(sentence)",
            metadata: ["storage.free_bytes": .stringConvertible(disk.freeBytes)]
        )
        disk.space = space
        step(.diskSpace(space))
    }

    /// Something stored has rotted.
    func damageFound(_ error: StorageError) {
        disk.findings += 1
        logger.error(
            "what is stored has rotted; a new snapshot is written in its place",
            metadata: ["error": "\(error)"]
        )
        step(.storageDamaged)
    }

    /// This node's state is not that of the others.
    func quarantined(_ quarantine: Quarantine) {
        logger.critical(
            "the state of this node is not that of the others: it answers nothing any more",
            metadata: [
                "raft.index": .stringConvertible(quarantine.index.rawValue), "state.hash": "\(quarantine.own)",
                "state.others": "\(quarantine.others)",
            ]
        )
        restartUnderWay(ServiceError(.unavailable, "the state of this node is not that of the others; ask another"))
    }

    /// What the disk means for the node's readiness.
    var diskAlarms: [String] {
        switch disk.space {
        case .ample: []
        case .low: ["the disk has little room (\(disk.freeBytes) bytes)"]
        case .critical: ["the disk is almost full (\(disk.freeBytes) bytes): no writes are taken while this node leads"]
        }
    }
}
