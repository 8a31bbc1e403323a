// Pemba: one simulated node.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage

/// A machine with a disk, and the process on it while it runs.
final class SimulatedNode {
    /// Work for the disk, done in this order.
    enum DiskJob {
        case persist(PersistRequest)
        case readBlocks(peer: NodeID, index: LogIndex, from: UInt32, count: UInt32)
        case storeBlock(index: LogIndex, number: UInt32, bytes: [UInt8])
        case install(LogIndex)
        case compact(LogIndex)
        case beginSnapshot(SnapshotPoint)
        case writeSnapshotBlock([UInt8])
        case finishSnapshot
    }

    /// The process: gone as a whole when it dies.
    final class Process {
        let store: ReplicaStore<SimulatedFileSystem>
        var replica: Replica
        /// What happened to its consensus.
        let recorder: FlightRecorder
        /// Work that waits for the disk.
        var jobs: Deque<DiskJob> = []
        /// Whether the disk is at work.
        var isDiskBusy = false
        /// The number of the snapshot of its own that it writes or wrote last.
        var snapshotNumber = 0
        /// Whether the blocks that come belong to a snapshot of its own that was begun and has not failed.
        var isWritingSnapshot = false
        /// The requests that wait for an answer.
        var waiting: [RequestID: ClientRequest] = [:]
        var nextRequest: UInt64 = 1
        /// The evaluations that are interrupted, by number.
        var evaluations: [UInt64: SuspendedEvaluation] = [:]
        var nextEvaluation: UInt64 = 1
        /// The clients that it tells what changes.
        var watchers: [Watcher] = []
        /// Who fetches its snapshots: which one, and when a question came last.
        var fetchers: [Fetcher] = []
        /// What it fetches itself, and when it last asked for blocks or got one.
        var fetch: (index: LogIndex, lastMoved: UInt64)?
        /// Whether an `apply` event is on its way.
        var isApplying = false

        init(store: ReplicaStore<SimulatedFileSystem>, replica: consuming Replica, recorder: FlightRecorder) {
            self.store = store
            self.replica = replica
            self.recorder = recorder
        }
    }

    /// A node that fetches a snapshot.
    struct Fetcher {
        let peer: NodeID
        let index: LogIndex
        let lastQuestion: UInt64
    }

    let id: NodeID
    var disk: SimulatedFileSystem
    var clock: SimulatedClock
    var process: Process?
    /// How often it has started.
    var boot: UInt64 = 0
    /// While it is stopped: when it goes on.
    var pausedUntil: UInt64 = 0
    /// Whether its disk has lost or shown something that it should not have.
    var isRotten = false
    /// Whether it has lost everything and has not been given anything since.
    var isWiped = false
    /// Whether it was given what a node of a new cluster begins with after that: it is refused until it is emptied again.
    var isMadeAnew = false
    /// While its disk completes nothing: when it goes on.
    var diskHungUntil: UInt64 = 0
    /// The number of the disk's work under way; the end of any other is not waited for any more.
    var diskWork: UInt64 = 0
    /// The blocks that it was sent: those before `end` of the snapshot that `source` has at `index`.
    var blocksSent: (source: Int, index: LogIndex, end: UInt32)?
    /// Entries that it applies at once.
    var applyBatchMax = 16
    /// Whether it is of the version that the run's upgrade brings.
    var isUpgraded = false
    /// When its timer fires; `.max`: it is not set.
    var timerDue: UInt64 = .max
    /// Makes timers that were set before invalid.
    var timerGeneration: UInt64 = 0
    /// What is durable on this machine, by what its disk acknowledged.
    var durable = DurableLog()
    /// What its disk had acknowledged when it was lost, if it voted: others have counted that.
    var lost: DurableLog?

    init(id: NodeID, disk: SimulatedFileSystem, clock: SimulatedClock) {
        self.id = id
        self.disk = disk
        self.clock = clock
    }

    /// Whether the entry is durable here, or was when others counted it.
    func holds(_ index: LogIndex, term: Term) -> Bool {
        durable.holds(index, term: term) || lost?.holds(index, term: term) == true
    }

    /// The data folder on the disk.
    static let folder = "/data"
}

/// Questions about one state, some of which are answered.
struct SuspendedEvaluation {
    let request: ClientRequest
    let rest: ArraySlice<CheckItem>
    var decisions: [Result<Permissionship, ErrorCode>]
    /// The state, and what it is a state of.
    let basis: HeldBasis
    let machine: StateMachine
}

/// A client that is told what changes.
struct Watcher {
    let client: Int
    let attempt: UInt64
    /// What it has been told of.
    var place: HistoryPlace
    /// When what it was told last arrives: word comes in order.
    var arrival: UInt64 = 0
}
