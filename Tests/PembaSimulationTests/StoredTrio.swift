// Pemba: three replicas on simulated disks, for tests of what disks do to them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage

/// Three replicas with their stores, whose messages and disk operations are done at once, one after the other.
final class StoredTrio {
    typealias Disk = SimulatedFileSystem
    typealias Store = ReplicaStore<SimulatedFileSystem>

    /// A process: gone as a whole when it is stopped.
    final class Process {
        let store: Store
        var replica: Replica
        /// What it found when it started.
        let recovered: RecoveredState

        init(store: Store, replica: consuming Replica, recovered: RecoveredState) {
            self.store = store
            self.replica = replica
            self.recovered = recovered
        }
    }

    static let folder = "/data"
    private static let cluster = ClusterID(high: 7, low: 7)
    private static let members = [NodeID(1), NodeID(2), NodeID(3)]
    private static let options = StoreOptions(
        segmentBytes: 24 << 10,
        fillStepBytes: 12 << 10,
        batchBytes: 4 << 10,
        snapshotSyncBytes: 8 << 10,
        ballastBytes: 0
    )

    let disks: [Disk]
    private(set) var processes: [Process?] = [nil, nil, nil]
    private var messages: [(Int, Int, PeerMessage)] = []
    private var answers: [RequestID: Result<CommandOutcome, ServiceError>] = [:]
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var nextRequest: UInt64 = 1
    private var random: SeededRandom
    private let snapshotAfterEntries: Int

    init(seed: UInt64, snapshotAfterEntries: Int) throws {
        random = SeededRandom(seed: seed)
        self.snapshotAfterEntries = snapshotAfterEntries
        let entry = LogEntry(
            index: LogIndex(1),
            term: Term(1),
            timestamp: .zero,
            kind: .configuration,
            payload: RaftConfiguration(voters: StoredTrio.members).encoded
        )
        disks = [Disk(seed: seed), Disk(seed: seed + 1), Disk(seed: seed + 2)]
        for (place, disk) in disks.enumerated() {
            try Store.initialise(
                StoredTrio.folder,
                files: disk,
                identity: identity(place),
                hardState: HardState(term: Term(1)),
                firstEntries: [entry],
                options: StoredTrio.options
            )
            try start(place)
        }
    }

    private func identity(_ place: Int) -> StoreIdentity {
        StoreIdentity(cluster: StoredTrio.cluster, node: StoredTrio.members[place], epoch: .first)
    }

    private var time: ReplicaTime { ReplicaTime(now: now, wall: Timestamp(nanoseconds: Int64(now.nanoseconds))) }

    /// The place of the node that leads.
    var leader: Int? { processes.firstIndex { $0?.replica.leadership.role == .leader } }

    // MARK: - Processes

    /// Starts a node from its disk.
    func start(_ place: Int) throws {
        var store = try open(place)
        var machine: StateMachine
        do {
            machine = try load(store)
        } catch let error as StorageError where error.code == .snapshotDamaged {
            try store.setSnapshotAside()
            store.close()
            store = try open(place)
            machine = try load(store)
        }
        var raft = RaftOptions(id: StoredTrio.members[place])
        raft.trailingEntries = 8
        let options = ReplicaOptions(
            cluster: StoredTrio.cluster,
            epoch: .first,
            raft: raft,
            snapshotAfterEntries: snapshotAfterEntries,
            auditInterval: 16
        )
        let boot = ReplicaBoot(
            hardState: store.recovered.hardState,
            stateMachine: machine,
            snapshotBlockCount: store.snapshot?.blockCount ?? 0,
            entries: store.recovered.entries
        )
        let replica = Replica(options: options, boot: boot, seed: random.next(), time: time)
        processes[place] = Process(store: store, replica: replica, recovered: store.recovered)
        for peer in 0..<3 where peer != place && processes[peer] != nil {
            try step(place, .linkUp(StoredTrio.members[peer]))
            try step(peer, .linkUp(StoredTrio.members[place]))
        }
    }

    /// Ends a node's process in order.
    func stop(_ place: Int) throws {
        processes[place]?.store.close()
        processes[place] = nil
        disks[place].kill()
        messages.removeAll { $0.0 == place || $0.1 == place }
        for peer in 0..<3 where peer != place && processes[peer] != nil {
            try step(peer, .linkDown(StoredTrio.members[place]))
        }
    }

    private func open(_ place: Int) throws -> Store {
        try Store(
            opening: StoredTrio.folder,
            files: disks[place],
            expecting: identity(place),
            options: StoredTrio.options
        )
    }

    private func load(_ store: Store) throws -> StateMachine {
        guard let manifest = store.snapshot else { return StateMachine(capacity: .small, hashSeed: random.next()) }
        var loader = SnapshotLoader(capacity: .small, hashSeed: random.next())
        for number in 1...manifest.blockCount {
            let block = try store.snapshotPayload(number)
            try block.withUnsafeBytes { try loader.load($0) }
        }
        return try loader.finish()
    }

    // MARK: - Running

    /// Lets time pass in steps until something is so; false if it never is.
    func pass(_ span: TimeSpan, until isDone: () -> Bool = { false }) throws -> Bool {
        let end = now + span
        try settle()
        while now < end, !isDone() {
            now = now + .milliseconds(10)
            for place in 0..<3 {
                guard let process = processes[place], process.replica.nextDeadline <= now else { continue }
                try step(place, .tick)
            }
            try settle()
        }
        return isDone()
    }

    /// Submits a command at a node and waits for its answer; nil if it failed.
    func submit(_ place: Int, _ command: ClientCommand) throws -> CommandOutcome? {
        let id = RequestID(nextRequest)
        nextRequest += 1
        try step(place, .submit(id, command, deadline: now + .seconds(5)))
        _ = try pass(.seconds(6)) { answers[id] != nil }
        return try? answers.removeValue(forKey: id)?.get()
    }

    /// Whether all run, owe nothing and have the same state.
    var isWhole: Bool {
        let running = processes.compactMap { $0 }
        guard running.count == 3, leader != nil else { return false }
        let hashes = running.map { $0.replica.stateMachine.stateHash }
        return running.allSatisfy { $0.replica.debt == nil && $0.replica.quarantine == nil } && Set(hashes).count == 1
    }

    private func settle() throws {
        while !messages.isEmpty {
            let (from, to, message) = messages.removeFirst()
            if processes[to] != nil { try step(to, .peer(from: StoredTrio.members[from], message)) }
        }
    }

    private func step(_ place: Int, _ input: ReplicaInput) throws {
        try drive(place) { replica, effects in
            replica.step(input, at: time, into: &effects)
            replica.flush(at: time, into: &effects)
        }
    }

    private func drive(_ place: Int, _ body: (inout Replica, inout [ReplicaEffect]) -> Void) throws {
        guard let process = processes[place] else { return }
        var effects: [ReplicaEffect] = []
        body(&process.replica, &effects)
        process.replica.checkInvariants()
        for effect in effects { try perform(effect, place, process) }
    }

    private func perform(_ effect: ReplicaEffect, _ place: Int, _ process: Process) throws {
        let store = process.store
        switch effect {
        case .persist(let request):
            try store.append([request])
            let (index, term) = (request.lastIndex, request.lastTerm)
            try step(place, .persisted(sequence: request.sequence, lastIndex: index, lastTerm: term))
        case .send(let peer, let message): messages.append((place, Int(peer.rawValue) - 1, message))
        case .reply(let id, let result): answers[id] = result
        case .applyPending:
            var isMore = true
            while isMore {
                try drive(place) { replica, effects in
                    isMore = replica.applyCommitted(maxEntries: 4, at: time, into: &effects)
                }
            }
        case .writeSnapshot: try writeSnapshot(place, process)
        case .readSnapshotBlocks(let peer, let index, let from, let count):
            let blocks = try store.readSnapshotBlocks(index, from: from, count: count)
            try step(place, .snapshotBlocksRead(for: peer, index: index, from: from, blocks: blocks))
        case .storeSnapshotBlock(let index, let number, let bytes):
            let isStored = try store.storeReceivedBlock(index, number: number, bytes: bytes)
            let next = number == 0 ? store.firstMissingBlock(index) ?? .max : number + 1
            try step(place, .snapshotBlockStored(index: index, number: number, missing: isStored ? next : nil))
        case .installSnapshot(let index):
            let manifest = try store.installReceived(index)
            let machine = try load(store)
            try drive(place) { replica, effects in
                replica.install(machine, blockCount: manifest.blockCount, at: time, into: &effects)
            }
        case .compactLog(let index): try store.compact(upTo: index)
        default: break
        }
    }

    private func writeSnapshot(_ place: Int, _ process: Process) throws {
        let header = process.replica.beginSnapshot()
        try process.store.beginSnapshot(
            SnapshotPoint(
                lastIndex: header.point.index,
                lastTerm: header.point.term,
                timestamp: header.point.timestamp,
                configuration: header.point.configuration,
                stateHash: header.stateHash
            )
        )
        while let block = process.replica.nextSnapshotBlock() { try process.store.writeSnapshotBlock(block) }
        let manifest = try process.store.finishSnapshot()
        let (index, term) = (manifest.point.lastIndex, manifest.point.lastTerm)
        try step(place, .snapshotWritten(index: index, term: term, blockCount: manifest.blockCount))
    }
}
