// Pemba: the work of the storage thread.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaStorage

/// Does the storage thread's work on its store; confined to that thread.
final class StorageWorker<Files: FileSystem> {
    private let store: ReplicaStore<Files>
    private let logger: Logger
    /// How full the disk is.
    private var gauge: SpaceGauge
    /// Whether the blocks that come belong to a snapshot that was begun and has not failed.
    private var isWritingSnapshot = false
    /// The installed snapshot that is being loaded.
    private var loading: SnapshotLoading?

    init(store: ReplicaStore<Files>, gauge: SpaceGauge, logger: Logger) {
        self.store = store
        self.gauge = gauge
        self.logger = logger
    }

    /// Makes a group of requests durable with one sync; false if there is no room for it and it is to be tried again.
    func persist(
        _ group: [(request: PersistRequest, submitted: Instant)],
        into events: inout [StorageEvent]
    ) -> Bool {
        guard let last = group.last?.request else { preconditionFailure("an empty group was to be persisted") }
        let start = SystemClock.now()
        guard append(group.map(\.request)) else {
            gauge.foundNoRoom()
            events.append(.space(gauge.level, freeBytes: try? store.freeBytes(), isAnswer: false))
            return false
        }
        events.append(
            persisted(group, last, sync: SystemClock.now() - start)
        )
        return true
    }

    /// Appends, giving up the ballast for it; false if there is no room even so.
    private func append(_ requests: [PersistRequest]) -> Bool {
        while true {
            do throws(StorageError) {
                try store.append(requests)
                return true
            } catch {
                guard error.code == .noSpace else { fail("append to the log: \(error)") }
            }
            let isReleased = mustSucceed("give up the ballast") { () throws(StorageError) in
                try store.releaseBallast()
            }
            guard isReleased else { return false }
            logger.error("the disk is full; the ballast was deleted for the log's sake")
        }
    }

    private func persisted(
        _ group: [(request: PersistRequest, submitted: Instant)],
        _ last: PersistRequest,
        sync: TimeSpan
    ) -> StorageEvent {
        .persisted(
            sequence: last.sequence,
            lastIndex: last.lastIndex,
            lastTerm: last.lastTerm,
            submitted: group.map(\.submitted),
            sync: sync
        )
    }

    /// Does one bounded piece of `work`; true if the same work is to be continued later.
    func perform(_ work: StorageWork, into events: inout [StorageEvent]) -> Bool {
        switch work {
        case .compact(let index):
            mustSucceed("compact the log") { () throws(StorageError) in try store.compact(upTo: index) }
        case .beginSnapshot(let point):
            isWritingSnapshot = true
            events += writeSnapshot { () throws(StorageError) in
                try store.beginSnapshot(point)
                return []
            }
        case .writeSnapshotBlock(let raw):
            events += writeSnapshot { () throws(StorageError) in
                try store.writeSnapshotBlock(raw)
                return [.snapshotBlockWritten]
            }
        case .finishSnapshot:
            events += writeSnapshot { () throws(StorageError) in
                let manifest = try store.finishSnapshot()
                let point = manifest.point
                isWritingSnapshot = false
                return [
                    .snapshotWritten(index: point.lastIndex, term: point.lastTerm, blockCount: manifest.blockCount)
                ]
            }
        case .readSnapshotBlocks(let peer, let index, let from, let count):
            let blocks = readBlocks(index, from: from, count: count, into: &events)
            events.append(.snapshotBlocksRead(for: peer, index: index, from: from, blocks: blocks))
        case .storeSnapshotBlock(let index, let number, let bytes):
            events.append(storeBlock(index, number, bytes))
        case .installSnapshot(let index):
            return install(index, into: &events)
        case .look(let bytes): look(scrubBytes: bytes, into: &events)
        case .persist, .close:
            preconditionFailure("persist and close are not pieces of other work")
        }
        return false
    }

    /// Prepares the disk for later appends by one bounded step; true if there is more to do.
    func prepare() -> Bool {
        // What little room there is may be needed for something else.
        guard gauge.level == .ample else { return false }
        do throws(StorageError) {
            return try store.prepare()
        } catch {
            // Without room nothing is prepared; the append that needs the room says so.
            guard error.code == .noSpace else { fail("prepare the log: \(error)") }
            return false
        }
    }

    /// Closes the store.
    ///
    /// Everything acknowledged is durable already.
    func close() { store.close() }

    /// Blocks for a peer; nil if they cannot be had.
    ///
    /// A block that has rotted on the disk is no reason to stop: this node does not need it, and whatever a peer asks for
    /// must not end this process.
    private func readBlocks(
        _ index: LogIndex,
        from: UInt32,
        count: UInt32,
        into events: inout [StorageEvent]
    ) -> [[UInt8]]? {
        do throws(StorageError) {
            return try store.readSnapshotBlocks(index, from: from, count: count)
        } catch {
            events.append(.damaged(error))
            return nil
        }
    }

    /// Sees how much room there is, and reads some of what is stored again.
    private func look(scrubBytes: Int, into events: inout [StorageEvent]) {
        do throws(StorageError) {
            let free = try store.freeBytes()
            gauge.read(freeBytes: free)
            events.append(.space(gauge.level, freeBytes: free, isAnswer: true))
        } catch {
            // That it cannot be told is no reason to stop.
            logger.warning("the room on the disk cannot be told", metadata: ["error": "\(error)"])
            events.append(.space(gauge.level, freeBytes: nil, isAnswer: true))
        }
        guard scrubBytes > 0 else { return }
        do throws(StorageError) {
            try store.scrub(bytes: scrubBytes)
        } catch {
            events.append(.damaged(error))
        }
    }

    private func storeBlock(_ index: LogIndex, _ number: UInt32, _ bytes: [UInt8]) -> StorageEvent {
        do throws(StorageError) {
            guard try store.storeReceivedBlock(index, number: number, bytes: bytes) else {
                return .snapshotBlockStored(index: index, number: number, missing: nil)
            }
            // With the manifest it is known what is here from before.
            let missing = number == 0 ? store.firstMissingBlock(index) ?? .max : number + 1
            return .snapshotBlockStored(index: index, number: number, missing: missing)
        } catch {
            guard error.code == .noSpace else { fail("store a received snapshot: \(error)") }
            logger.error("no room for a received snapshot", metadata: ["error": "\(error)"])
            return .snapshotBlockStored(index: index, number: number, missing: nil)
        }
    }

    // MARK: - Errors

    /// A snapshot of this node's own may fail for want of room; it is tried again later, and the log stays.
    ///
    /// What was on its way for the failed one is dropped.
    private func writeSnapshot(_ body: () throws(StorageError) -> [StorageEvent]) -> [StorageEvent] {
        guard isWritingSnapshot else { return [] }
        do throws(StorageError) {
            return try body()
        } catch {
            guard error.code == .noSpace || error.code == .snapshotRefused else { fail("write a snapshot: \(error)") }
            isWritingSnapshot = false
            mustSucceed("drop a snapshot") { () throws(StorageError) in try store.abortSnapshot() }
            return [.snapshotNotWritten(error)]
        }
    }

    @discardableResult
    private func mustSucceed<Value>(_ what: String, _ body: () throws(StorageError) -> Value) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            fail("\(what): \(error)")
        }
    }

    /// Ends the process at once: nothing may be acknowledged any more, not even an orderly good-bye.
    private func fail(_ what: String) -> Never {
        logger.critical(
            "storage failed; the node stops, and recovers when it is started again",
            metadata: ["error": "cannot \(what)"]
        )
        _exit(ExitCode.failed.rawValue)
    }
}

// MARK: - Installing

extension StorageWorker {
    /// Verifies a received snapshot and makes it current; then, in later turns, loads its blocks one by one.
    private func install(_ index: LogIndex, into events: inout [StorageEvent]) -> Bool {
        guard loading != nil else { return makeCurrent(index, into: &events) }
        do throws(SnapshotLoadingError) {
            if try loading?.loadNext(from: store) == true { return true }
            guard let loaded = try loading.take()?.finish() else { return false }
            events.append(.snapshotInstalled(index: index, loaded))
        } catch {
            // It is current on the disk, so there is no way back to the state before.
            fail("load an installed snapshot: \(error)")
        }
        return false
    }

    private func makeCurrent(_ index: LogIndex, into events: inout [StorageEvent]) -> Bool {
        do throws(StorageError) {
            loading = SnapshotLoading(try store.installReceived(index))
            return true
        } catch {
            guard error.code == .noSpace || error.code == .snapshotRefused else { fail("install a snapshot: \(error)") }
            events.append(.snapshotInstallFailed(index: index, reason: error.description))
            return false
        }
    }
}
