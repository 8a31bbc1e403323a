// Pemba: fetching and keeping snapshots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import Testing

@testable import PembaReplica

@Suite struct SnapshotReceiverTests {
    private func receiver() -> SnapshotReceiver {
        SnapshotReceiver(
            source: NodeID(1),
            index: LogIndex(9),
            term: Term(2),
            window: 4,
            timeout: TimeSpan(nanoseconds: 100),
            now: .zero
        )
    }

    @Test func blocksAreAskedForAWindowAtATime() {
        var receiver = receiver()
        #expect(receiver.start() == .fetch(from: 0, count: 1))
        #expect(receiver.receive(number: 0, total: 7, bytes: [0], now: .zero) == [.store(number: 0, bytes: [0])])
        #expect(receiver.blockStored(number: 0, succeeded: true, now: .zero) == [.fetch(from: 1, count: 4)])
        for number in 1...4 as ClosedRange<UInt32> {
            let actions1 = receiver.receive(number: number, total: 7, bytes: [1], now: .zero)
            #expect(actions1.count == 1)
        }
        let actions2 = receiver.blockStored(number: 1, succeeded: true, now: .zero)
        #expect(actions2.isEmpty)
        #expect(receiver.blockStored(number: 2, succeeded: true, now: .zero) == [.fetch(from: 5, count: 2)])
        for number in 5...6 as ClosedRange<UInt32> {
            let actions3 = receiver.receive(number: number, total: 7, bytes: [1], now: .zero)
            #expect(actions3.count == 1)
        }
        for number in 3...5 as ClosedRange<UInt32> {
            let actions4 = receiver.blockStored(number: number, succeeded: true, now: .zero)
            #expect(actions4.isEmpty)
        }
        #expect(receiver.blockStored(number: 6, succeeded: true, now: .zero) == [.complete])
        #expect(receiver.isInstalling)
        #expect(receiver.retryAt == .distantFuture)
    }

    @Test func strayAndRepeatedBlocksAreIgnored() {
        var receiver = receiver()
        _ = receiver.start()
        let actions5 = receiver.receive(number: 1, total: 7, bytes: [], now: .zero)
        #expect(actions5.isEmpty)
        let actions6 = receiver.receive(number: 0, total: 0, bytes: [], now: .zero)
        #expect(actions6.isEmpty)
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        let actions7 = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        #expect(actions7.isEmpty)
        _ = receiver.blockStored(number: 0, succeeded: true, now: .zero)
        let actions8 = receiver.receive(number: 1, total: 8, bytes: [], now: .zero)
        #expect(actions8.isEmpty)
        let actions9 = receiver.blockStored(number: 3, succeeded: true, now: .zero)
        #expect(actions9.isEmpty)
    }

    @Test func aDamagedBlockIsAskedForAgain() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 0, succeeded: true, now: .zero)
        _ = receiver.receive(number: 1, total: 7, bytes: [], now: .zero)
        #expect(receiver.blockStored(number: 1, succeeded: false, now: .zero) == [.fetch(from: 1, count: 4)])
        #expect(receiver.receive(number: 1, total: 7, bytes: [5], now: .zero) == [.store(number: 1, bytes: [5])])
    }

    @Test func afterABreakItGoesOnFromWhatIsStored() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 0, succeeded: true, now: .zero)
        _ = receiver.receive(number: 1, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 1, succeeded: true, now: .zero)
        #expect(receiver.retry(now: Instant(nanoseconds: 100)) == [.fetch(from: 2, count: 4)])
        #expect(receiver.retryAt == Instant(nanoseconds: 200))
    }

    @Test func silenceEndsTheTransfer() {
        var receiver = receiver()
        _ = receiver.start()
        var actions: [SnapshotReceiver.Action] = []
        for _ in 0..<20 where actions != [.fail] { actions = receiver.retry(now: .zero) }
        #expect(actions == [.fail])
    }

    private func keeper(entries: Int, bytes: Int = 1 << 20, blockCount: UInt32 = 3) -> SnapshotKeeper {
        let options = ReplicaOptions(
            cluster: ClusterID(high: 1, low: 1),
            epoch: .first,
            raft: RaftOptions(id: NodeID(1)),
            snapshotAfterBytes: bytes,
            snapshotAfterEntries: entries,
            transferTimeout: TimeSpan(nanoseconds: 100)
        )
        return SnapshotKeeper(index: LogIndex(5), blockCount: blockCount, options: options)
    }

    /// How many blocks of log make the next snapshot due.
    private func blocksDue(after blockCount: UInt32) -> Int {
        var keeper = keeper(entries: .max, bytes: 1 << 30, blockCount: blockCount)
        var blocks = 0
        while !keeper.beginIfDue(at: .zero) {
            keeper.applied(payloadBytes: SnapshotBlock.blockBytes)
            blocks += 1
        }
        return blocks
    }

    @Test func aSnapshotIsDueWhenTheLogIsAsLongAsTheLastOneButNotTooShort() {
        #expect(blocksDue(after: 0) == 64)
        #expect(blocksDue(after: 64) == 64)
        #expect(blocksDue(after: 300) == 300)
        #expect(blocksDue(after: 100_000) == 4_096)
    }

    @Test func aSnapshotIsDueAfterSoManyEntriesOrBytes() {
        var keeper = keeper(entries: 3)
        for _ in 0..<2 { keeper.applied(payloadBytes: 1) }
        #expect(false == keeper.beginIfDue(at: .zero))
        keeper.applied(payloadBytes: 1)
        #expect(true == keeper.beginIfDue(at: .zero))
        #expect(false == keeper.beginIfDue(at: .zero))
        keeper.fixed()
        keeper.replace(index: LogIndex(8), blockCount: 4)
        #expect(false == keeper.beginIfDue(at: .zero))
        keeper.applied(payloadBytes: 1 << 20)
        #expect(true == keeper.beginIfDue(at: .zero))
        keeper.failed(retry: Instant(nanoseconds: 10))
        #expect(false == keeper.beginIfDue(at: Instant(nanoseconds: 9)))
        #expect(true == keeper.beginIfDue(at: Instant(nanoseconds: 10)))
    }

    @Test func whoFetchesHoldsUpTheNextSnapshotForAWhile() {
        var keeper = keeper(entries: 1)
        keeper.question(from: NodeID(2), index: LogIndex(5), at: .zero)
        for _ in 0..<7 { keeper.applied(payloadBytes: 1) }
        #expect(false == keeper.beginIfDue(at: .zero))
        #expect(keeper.nextDeadline == Instant(nanoseconds: 100))
        let actions10 = keeper.takeBroken(at: Instant(nanoseconds: 99))
        #expect(actions10.isEmpty)
        let actions11 = keeper.takeBroken(at: Instant(nanoseconds: 100))
        #expect(actions11.map(\.peer) == [NodeID(2)])
        #expect(true == keeper.beginIfDue(at: .zero))
    }
}
