// Pemba: tests of the storage thread.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import Logging
import PembaCore
import PembaRaft
import PembaStorage
import Synchronization
import Testing

@testable import PembaServer

struct StorageThreadTests {
    /// What the thread delivered, and a wait for it.
    private final class Inbox: Sendable {
        private let events = Mutex<[StorageEvent]>([])
        private let arrived = DispatchSemaphore(value: 0)

        func deliver(_ new: [StorageEvent]) {
            events.withLock { $0 += new }
            arrived.signal()
        }

        /// The events, once `isComplete` holds for them.
        func wait(until isComplete: ([StorageEvent]) -> Bool) -> [StorageEvent] {
            while true {
                let now = events.withLock { $0 }
                if isComplete(now) || arrived.wait(timeout: .now() + 20) == .timedOut { return now }
            }
        }
    }

    private static let identity = StoreIdentity(cluster: ClusterID(high: 1, low: 2), node: NodeID(1), epoch: .first)

    private static func store<Files: FileSystem>(
        _ folder: String,
        _ files: Files
    ) throws -> ReplicaStore<Files> {
        let first = LogEntry(index: LogIndex(1), term: Term(1), timestamp: .zero, kind: .noop, payload: [])
        try ReplicaStore.initialise(
            folder,
            files: files,
            identity: identity,
            hardState: HardState(term: Term(1)),
            firstEntries: [first],
            options: .small
        )
        return try ReplicaStore(opening: folder, files: files, expecting: identity, options: .small)
    }

    private static let gauge = SpaceGauge(lowBytes: 0, criticalBytes: 0)
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A thread on a folder of the disk, which is removed at the end.
    private func withThread(
        _ body: (String, StorageThread, Inbox) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let inbox = Inbox()
        let store = try Self.store(folder.path, POSIXFileSystem())
        try body(
            folder.path,
            StorageThread.start(store, gauge: Self.gauge, logger: Self.logger) { inbox.deliver($0) },
            inbox
        )
    }

    private static func request(_ number: UInt64) -> PersistRequest {
        let entry = LogEntry(
            index: LogIndex(number + 1),
            term: Term(1),
            timestamp: .zero,
            kind: .noop,
            payload: []
        )
        return PersistRequest(
            sequence: PersistSequence(number),
            hardState: nil,
            entries: [entry],
            lastIndex: entry.index,
            lastTerm: entry.term
        )
    }

    private static let point = SnapshotPoint(
        lastIndex: LogIndex(1),
        lastTerm: Term(1),
        timestamp: .zero,
        configuration: RaftConfiguration(voters: [NodeID(1)]),
        stateHash: [UInt8](repeating: 7, count: SnapshotPoint.stateHashBytes)
    )

    @Test func whatGathersIsAcknowledgedTogetherAndIsThere() throws {
        try withThread { folder, thread, inbox in
            for number in 1...500 as ClosedRange<UInt64> {
                thread.submit(.persist(Self.request(number), submitted: SystemClock.now()))
            }
            thread.submit(.close)
            let events = inbox.wait { if case .closed? = $0.last { true } else { false } }
            var acknowledged: [UInt64] = []
            var count = 0
            for case .persisted(let sequence, let index, _, let submitted, _) in events {
                acknowledged.append(sequence.rawValue)
                #expect(index.rawValue == sequence.rawValue + 1)
                count += submitted.count
            }
            #expect(acknowledged == acknowledged.sorted() && acknowledged.last == 500 && count == 500)
            let again = try ReplicaStore(
                opening: folder,
                files: POSIXFileSystem(),
                expecting: Self.identity,
                options: .small
            )
            #expect(again.recovered.entries.last?.index == LogIndex(501))
            again.close()
        }
    }

    /// Blocks of a snapshot are written in between, and the snapshot is current afterwards.
    @Test func snapshotsAreWrittenBetweenAppends() throws {
        try withThread { _, thread, inbox in
            thread.submit(.beginSnapshot(Self.point))
            for number in 1...20 as ClosedRange<UInt64> {
                thread.submit(.persist(Self.request(number), submitted: SystemClock.now()))
                thread.submit(.writeSnapshotBlock([UInt8](repeating: UInt8(number), count: 10_000)))
            }
            thread.submit(.finishSnapshot)
            thread.submit(.readSnapshotBlocks(for: NodeID(2), index: LogIndex(1), from: 0, count: 100))
            thread.submit(.close)
            let events = inbox.wait { if case .closed? = $0.last { true } else { false } }
            var written: UInt32?
            var read: Int?
            for event in events {
                if case .snapshotWritten(_, _, let count) = event { written = count }
                if case .snapshotBlocksRead(_, _, _, let blocks) = event { read = blocks?.count }
            }
            #expect(written == 20)
            #expect(read == 21)
        }
    }

    /// What a peer asks for does not end the process, whatever is on the disk; the thread goes on.
    @Test func aRottenSnapshotIsAnsweredAsUnavailable() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let isAsked = try Self.askForRottenBlock()
            exit(isAsked ? 0 : 1)
        }
    }

    /// Whether a block that has rotted is answered as one that is not there, and what comes after it is done.
    private static func askForRottenBlock() throws -> Bool {
        var isUnavailable = false
        var isPersisted = false
        try StorageThreadTests().withThread { folder, thread, inbox in
            thread.submit(.beginSnapshot(point))
            thread.submit(.writeSnapshotBlock([UInt8](repeating: 5, count: 10_000)))
            thread.submit(.finishSnapshot)
            _ = inbox.wait { if case .snapshotWritten? = $0.last { true } else { false } }
            let blocks = folder + "/snapshots/snapshot-0000000000000001/blocks"
            guard let handle = Foundation.FileHandle(forUpdatingAtPath: blocks) else { return }
            try handle.seek(toOffset: 30)
            try handle.write(contentsOf: [0xFF, 0xFE, 0xFD])
            try handle.close()
            thread.submit(.readSnapshotBlocks(for: NodeID(2), index: LogIndex(1), from: 1, count: 1))
            // The order of persists and other work is not that of their submission.
            _ = inbox.wait { if case .snapshotBlocksRead? = $0.last { true } else { false } }
            thread.submit(.persist(request(1), submitted: SystemClock.now()))
            thread.submit(.close)
            for event in inbox.wait(until: { if case .closed? = $0.last { true } else { false } }) {
                if case .snapshotBlocksRead(_, _, _, nil) = event { isUnavailable = true }
                if case .persisted = event { isPersisted = isUnavailable }
            }
        }
        return isUnavailable && isPersisted
    }

    /// A failed sync ends the process at once, with its own exit code, and acknowledges nothing.
    @Test func aFailedSyncEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(70)) {
            let files = SimulatedFileSystem(seed: 3)
            let inbox = Inbox()
            let store = try Self.store("/data", files)
            files.syncsUntilFailure = 0
            let thread = StorageThread.start(store, gauge: Self.gauge, logger: Self.logger) { inbox.deliver($0) }
            thread.submit(.persist(Self.request(1), submitted: SystemClock.now()))
            _ = inbox.wait { !$0.isEmpty }
        }
    }
}
