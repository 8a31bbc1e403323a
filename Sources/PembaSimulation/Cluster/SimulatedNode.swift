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
    struct Process {
        let store: ReplicaStore<SimulatedFileSystem>
        let replica: Replica
        /// Work that waits for the disk.
        var jobs: Deque<DiskJob> = []
        /// Whether the disk is at work.
        var isDiskBusy = false
        /// The requests that wait for an answer.
        var waiting: [RequestID: ClientRequest] = [:]
        var nextRequest: UInt64 = 1
        /// Whether an `apply` event is on its way.
        var isApplying = false

        init(store: ReplicaStore<SimulatedFileSystem>, replica: Replica) {
            self.store = store
            self.replica = replica
        }
    }

    let id: NodeID
    let disk: SimulatedFileSystem
    var clock: SimulatedClock
    var process: Process?
    /// How often it has started.
    var boot: UInt64 = 0
    /// While it is stopped: when it goes on.
    var pausedUntil: UInt64 = 0
    /// When its timer fires; `.max`: it is not set.
    var timerDue: UInt64 = .max
    /// Makes timers that were set before invalid.
    var timerGeneration: UInt64 = 0
    /// What is durable on this machine, by what its disk acknowledged.
    var durable = DurableLog()

    init(id: NodeID, disk: SimulatedFileSystem, clock: SimulatedClock) {
        self.id = id
        self.disk = disk
        self.clock = clock
    }

    /// The data folder on the disk.
    static let folder = "/data"
}

/// The terms of the entries that a disk has acknowledged, and the durable vote: what a crash may not take away.
struct DurableLog {
    /// The index of the durable snapshot.
    private(set) var snapshot: LogIndex = .zero
    private(set) var hardState = HardState()
    private var terms: [UInt64: Term] = [:]
    private var last: LogIndex = .zero

    /// Notes an acknowledged write.
    mutating func append(_ request: PersistRequest) {
        if let hardState = request.hardState { self.hardState = hardState }
        guard let first = request.entries.first else { return }
        var index = first.index
        while index <= last {
            terms[index.rawValue] = nil
            index = index.next
        }
        for entry in request.entries { terms[entry.index.rawValue] = entry.term }
        last = request.lastIndex
    }

    /// Notes what a node found on its disk and builds on: more than was acknowledged may have reached it.
    mutating func recover(_ recovered: RecoveredState) {
        hardState = recovered.hardState
        snapshot = max(snapshot, recovered.snapshot?.point.lastIndex ?? .zero)
        terms = [:]
        for entry in recovered.entries { terms[entry.index.rawValue] = entry.term }
        last = recovered.entries.last?.index ?? snapshot
    }

    /// Notes an acknowledged snapshot; `isInstalled`: the log before and after it gave way.
    mutating func install(_ index: LogIndex, isInstalled: Bool) {
        snapshot = max(snapshot, index)
        guard isInstalled else { return }
        terms = [:]
        last = index
    }

    /// Whether the entry of `term` at `index` is durable here.
    func holds(_ index: LogIndex, term: Term) -> Bool { index <= snapshot || terms[index.rawValue] == term }
}
