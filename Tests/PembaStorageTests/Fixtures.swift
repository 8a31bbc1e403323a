// Pemba: what the tests of storage share.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaStorage

typealias Disk = SimulatedFileSystem
typealias Store = ReplicaStore<SimulatedFileSystem>

/// Values and stores that tests begin with.
enum Fixture {
    static let folder = "/data"
    static let identity = StoreIdentity(
        cluster: ClusterID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210),
        node: NodeID(2),
        epoch: .first
    )
    static let configuration = RaftConfiguration(voters: [NodeID(1), NodeID(2), NodeID(3)])
    static let options = StoreOptions(
        segmentBytes: 32 << 10,
        fillStepBytes: 12 << 10,
        batchBytes: 16 << 10,
        snapshotSyncBytes: 8 << 10,
        ballastBytes: 24 << 10
    )

    /// The entry that every node of a new cluster begins with.
    static let first = LogEntry(
        index: LogIndex(1),
        term: Term(1),
        timestamp: .zero,
        kind: .configuration,
        payload: configuration.encoded
    )

    static func entry(_ index: UInt64, term: UInt64 = 1, bytes: Int = 40) -> LogEntry {
        var random = SeededRandom(seed: index &* 1_000 &+ term)
        return LogEntry(
            index: LogIndex(index),
            term: Term(term),
            timestamp: Timestamp(nanoseconds: Int64(index) * 1_000),
            kind: .command,
            payload: (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        )
    }

    static func entries(_ range: ClosedRange<UInt64>, term: UInt64 = 1, bytes: Int = 40) -> [LogEntry] {
        range.map { entry($0, term: term, bytes: bytes) }
    }

    static func request(_ entries: [LogEntry], hardState: HardState? = nil) -> PersistRequest {
        PersistRequest(
            sequence: PersistSequence(1),
            hardState: hardState,
            entries: entries,
            lastIndex: entries.last?.index ?? .zero,
            lastTerm: entries.last?.term ?? .zero
        )
    }

    static func point(_ index: UInt64, term: UInt64 = 1) -> SnapshotPoint {
        SnapshotPoint(
            lastIndex: LogIndex(index),
            lastTerm: Term(term),
            timestamp: Timestamp(nanoseconds: Int64(index) * 1_000),
            configuration: configuration,
            stateHash: Array(0..<16)
        )
    }

    /// The content of block `number` of the snapshot at `index`.
    static func block(_ index: UInt64, _ number: Int, bytes: Int = 5_000) -> [UInt8] {
        var random = SeededRandom(seed: index &* 100 &+ UInt64(number))
        return (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next() & 0x0F) }
    }

    static func initialise(_ disk: Disk, identity: StoreIdentity = identity) throws(StorageError) {
        try Store.initialise(
            folder,
            files: disk,
            identity: identity,
            hardState: HardState(term: Term(1)),
            firstEntries: [first],
            options: options
        )
    }

    static func open(_ disk: Disk, identity: StoreIdentity = identity) throws(StorageError) -> Store {
        try Store(opening: folder, files: disk, expecting: identity, options: options)
    }

    /// Opens as a node does: all of the snapshot is read, and given up if it is damaged.
    static func openLoading(_ disk: Disk) throws(StorageError) -> Store {
        let store = try open(disk)
        do throws(StorageError) {
            for number in 1...UInt32(max(1, store.snapshot?.blocks.count ?? 0)) where store.snapshot != nil {
                _ = try store.snapshotPayload(number)
            }
            return store
        } catch {
            guard error.code == .snapshotDamaged else { throw error }
            try store.setSnapshotAside()
            store.close()
            return try open(disk)
        }
    }

    /// A disk with an initialised node, and its open store.
    static func newStore(seed: UInt64 = 1) throws(StorageError) -> (Disk, Store) {
        let disk = Disk(seed: seed)
        try initialise(disk)
        return (disk, try open(disk))
    }

    /// Writes a snapshot of three blocks, of which the first two are synced before the end.
    static func writeSnapshot(_ store: Store, _ index: UInt64, term: UInt64 = 1) throws(StorageError) {
        try store.beginSnapshot(point(index, term: term))
        try store.writeSnapshotBlock(block(index, 1))
        try store.writeSnapshotBlock(block(index, 2))
        try store.writeSnapshotBlock(block(index, 3))
        _ = try store.finishSnapshot()
    }

    /// The blocks of a snapshot that another node of the cluster has.
    static func foreignSnapshot(_ index: UInt64, term: UInt64) throws(StorageError) -> [[UInt8]] {
        let disk = Disk(seed: 99)
        var other = identity
        other.node = NodeID(1)
        try initialise(disk, identity: other)
        let store = try open(disk, identity: other)
        try store.append([request([], hardState: HardState(term: Term(term)))])
        try writeSnapshot(store, index, term: term)
        return try store.readSnapshotBlocks(LogIndex(index), from: 0, count: 100) ?? []
    }

    static func receive(_ blocks: [[UInt8]], _ index: UInt64, into store: Store) throws(StorageError) -> Bool {
        var accepted = true
        for (number, block) in blocks.enumerated() {
            let stored = try store.storeReceivedBlock(LogIndex(index), number: UInt32(number), bytes: block)
            accepted = stored && accepted
        }
        return accepted
    }

    static func segmentNames(_ disk: Disk) throws(StorageError) -> [String] {
        try disk.list(folder + "/log").filter { $0.hasPrefix("segment") }
    }
}

/// The code of the error that `body` throws; nil if it throws none.
func code<Value>(_ body: () throws(StorageError) -> Value) -> StorageError.Code? {
    do throws(StorageError) {
        _ = try body()
        return nil
    } catch {
        return error.code
    }
}
