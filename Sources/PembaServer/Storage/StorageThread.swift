// Pemba: the thread that owns the log and the snapshots.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Foundation
package import Logging
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
package import PembaStorage
import Synchronization

/// Owns a node's store: everything that may wait for the disk happens here, in order, and nothing else waits for it.
///
/// Persist requests that have gathered while one sync was under way go into the next together: one fdatasync is
/// outstanding at any time and there is no timer. Between two of them at most one piece of other work is done, which
/// is a block of a snapshot, so that a snapshot does not hold up appends. Only two pieces are longer: taking up a half
/// received snapshot after a restart, and verifying a received one. Both read all of it, on a node that is behind.
///
/// A failed sync ends the process at once: what the disk holds then is not known, and a second sync proves nothing.
package final class StorageThread: Sendable {
    /// Hands events to the loop; called on the storage thread, once for each sync or piece of work.
    package typealias Deliver = @Sendable ([StorageEvent]) -> Void

    private struct Queues {
        /// Persist requests that wait, in order of their sequence.
        var persists: [(request: PersistRequest, submitted: Instant)] = []
        /// Everything else, in order.
        var others: Deque<StorageWork> = []
    }

    /// How the thread goes on after a turn.
    private enum Turn {
        /// With the next turn; with `prepares`, the disk can be prepared for later appends while nothing waits.
        case goOn(prepares: Bool)
        /// With the writes for which there was no room, after a pause or when other work comes.
        case retry
        /// The store is closed.
        case ended
    }

    /// How long writes that found no room wait until they are tried again.
    private static let retryPause = DispatchTimeInterval.milliseconds(200)

    private let queues = Mutex(Queues())
    /// Signalled once for every piece of work.
    private let arrived = DispatchSemaphore(value: 0)

    private init() {}

    /// Starts the thread; from here on `store` belongs to it.
    package static func start<Files: FileSystem & SendableMetatype>(
        _ store: sending ReplicaStore<Files>,
        gauge: SpaceGauge,
        logger: Logger,
        deliver: @escaping Deliver
    ) -> StorageThread {
        let storage = StorageThread()
        let worker = StorageWorker(store: store, gauge: gauge, logger: logger)
        let handover = Handover(worker)
        let thread = Thread {
            let worker = handover.value
            var turn = Turn.goOn(prepares: true)
            while true {
                switch turn {
                case .goOn(let prepares): turn = storage.runTurn(worker, prepares: prepares, deliver: deliver)
                case .retry:
                    _ = storage.arrived.wait(timeout: .now() + StorageThread.retryPause)
                    turn = storage.doWork(worker, prepares: false, deliver: deliver)
                case .ended: return
                }
            }
        }
        thread.name = "pemba-storage"
        // Verification and decompression use deep frames of C; the default of other threads is 512 KiB.
        thread.stackSize = 8 << 20
        thread.start()
        return storage
    }

    /// Adds work; never waits.
    package func submit(_ work: StorageWork) {
        queues.withLock { queues in
            if case .persist(let request, let submitted) = work {
                queues.persists.append((request, submitted))
            } else {
                queues.others.append(work)
            }
        }
        arrived.signal()
    }

    /// Does what waits: all persists as one group, then at most one other piece.
    private func runTurn<Files: FileSystem>(
        _ worker: StorageWorker<Files>,
        prepares: Bool,
        deliver: Deliver
    ) -> Turn {
        if prepares, arrived.wait(timeout: .now()) == .timedOut { return .goOn(prepares: worker.prepare()) }
        if !prepares { arrived.wait() }
        return doWork(worker, prepares: prepares, deliver: deliver)
    }

    private func doWork<Files: FileSystem>(
        _ worker: StorageWorker<Files>,
        prepares: Bool,
        deliver: Deliver
    ) -> Turn {
        let (persists, other) = takeWork()
        var events: [StorageEvent] = []
        let isDone = persists.isEmpty || worker.persist(persists, into: &events)
        if !isDone { queues.withLock { $0.persists.insert(contentsOf: persists, at: 0) } }
        if !events.isEmpty { deliver(events) }
        guard let other else { return isDone ? .goOn(prepares: prepares || !persists.isEmpty) : .retry }
        return finishTurn(worker, other, isDone: isDone, deliver: deliver)
    }

    private func finishTurn<Files: FileSystem>(
        _ worker: StorageWorker<Files>,
        _ other: StorageWork,
        isDone: Bool,
        deliver: Deliver
    ) -> Turn {
        if case .close = other {
            worker.close()
            deliver([.closed])
            return .ended
        }
        var events: [StorageEvent] = []
        if worker.perform(other, into: &events) {
            // The rest of the piece is done in later turns, so that persists come in between.
            queues.withLock { $0.others.prepend(other) }
            arrived.signal()
        }
        if !events.isEmpty { deliver(events) }
        return isDone ? .goOn(prepares: true) : .retry
    }

    private func takeWork() -> (persists: [(request: PersistRequest, submitted: Instant)], other: StorageWork?) {
        queues.withLock { queues in
            let persists = queues.persists
            queues.persists = []
            return (persists, queues.others.popFirst())
        }
    }
}

/// Carries the worker into its thread.
///
/// `@unchecked Sendable`: made by the starting thread and read once by the started one, before which nobody else has
/// it.
private final class Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
