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
            latency: TimeSpan(nanoseconds: 20),
            timeout: TimeSpan(nanoseconds: 100),
            now: .zero
        )
    }

    @Test func blocksAreAskedForAWindowAtATime() {
        var receiver = receiver()
        #expect(receiver.start() == .fetch(from: 0, count: 1))
        #expect(receiver.receive(number: 0, total: 7, bytes: [0], now: .zero) == [.store(number: 0, bytes: [0])])
        #expect(receiver.blockStored(number: 0, missing: 1, now: .zero) == [.fetch(from: 1, count: 4)])
        for number in 1...4 as ClosedRange<UInt32> {
            let actions1 = receiver.receive(number: number, total: 7, bytes: [1], now: .zero)
            #expect(actions1.count == 1)
        }
        let actions2 = receiver.blockStored(number: 1, missing: 2, now: .zero)
        #expect(actions2.isEmpty)
        #expect(receiver.blockStored(number: 2, missing: 3, now: .zero) == [.fetch(from: 5, count: 2)])
        for number in 5...6 as ClosedRange<UInt32> {
            let actions3 = receiver.receive(number: number, total: 7, bytes: [1], now: .zero)
            #expect(actions3.count == 1)
        }
        for number in 3...5 as ClosedRange<UInt32> {
            let actions4 = receiver.blockStored(number: number, missing: number + 1, now: .zero)
            #expect(actions4.isEmpty)
        }
        #expect(receiver.blockStored(number: 6, missing: 7, now: .zero) == [.complete])
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
        _ = receiver.blockStored(number: 0, missing: 1, now: .zero)
        let actions8 = receiver.receive(number: 1, total: 8, bytes: [], now: .zero)
        #expect(actions8.isEmpty)
        let actions9 = receiver.blockStored(number: 3, missing: 4, now: .zero)
        #expect(actions9.isEmpty)
    }

    /// Messages may overtake each other, also in a transfer in which nothing is lost.
    @Test func s5BlocksThatOvertakeOthersAreKept() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [0], now: .zero)
        _ = receiver.blockStored(number: 0, missing: 1, now: .zero)
        for number in [4, 2, 2] as [UInt32] {
            let actions = receiver.receive(number: number, total: 7, bytes: [UInt8(number)], now: .zero)
            #expect(actions.isEmpty)
        }
        let inOrder = receiver.receive(number: 1, total: 7, bytes: [1], now: .zero)
        #expect(inOrder == [.store(number: 1, bytes: [1]), .store(number: 2, bytes: [2])])
        // Asked for again, and there already: what comes after the one that was lost need not come again.
        _ = receiver.blockStored(number: 1, missing: 2, now: .zero)
        _ = receiver.blockStored(number: 2, missing: 3, now: .zero)
        let now = Instant(nanoseconds: 100)
        #expect(receiver.retry(now: now) == [.fetch(from: 3, count: 2)])
        let rest = receiver.receive(number: 3, total: 7, bytes: [3], now: now)
        #expect(rest == [.store(number: 3, bytes: [3]), .store(number: 4, bytes: [4])])
        #expect(receiver.blockStored(number: 3, missing: 4, now: now) == [.fetch(from: 5, count: 2)])
    }

    /// Another node had the same index in a snapshot of its own, and its manifest is written when that of the new source has
    /// not come.
    @Test func s5WhatIsWrittenOfATransferBeforeIsNoneOfThisOne() {
        var receiver = receiver()
        _ = receiver.start()
        let actions = receiver.blockStored(number: 0, missing: 1, now: .zero)
        #expect(actions.isEmpty && receiver.stored == 0 && !receiver.isInstalling)
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        #expect(receiver.blockStored(number: 0, missing: 1, now: .zero) == [.fetch(from: 1, count: 4)])
    }

    @Test func aDamagedBlockIsAskedForAgain() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 0, missing: 1, now: .zero)
        _ = receiver.receive(number: 1, total: 7, bytes: [], now: .zero)
        #expect(receiver.blockStored(number: 1, missing: nil, now: .zero) == [.fetch(from: 1, count: 2)])
        #expect(receiver.receive(number: 1, total: 7, bytes: [5], now: .zero) == [.store(number: 1, bytes: [5])])
    }

    /// A disk that takes nothing is asked at its own pace, not at the network's, and not for ever.
    @Test func aDiskThatTakesNothingEndsTheTransfer() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 0, missing: 1, now: .zero)
        var now = Instant.zero
        var questions = 0
        var hasFailed = false
        for _ in 0..<1_000 where !hasFailed {
            // The block comes at once and is refused at once; time passes only while nothing is asked.
            _ = receiver.receive(number: 1, total: 7, bytes: [], now: now)
            var actions = receiver.blockStored(number: 1, missing: nil, now: now)
            if actions.isEmpty {
                now = receiver.retryAt
                actions = receiver.retry(now: now)
            }
            for action in actions {
                if case .fetch = action { questions += 1 }
                if action == .fail { hasFailed = true }
            }
        }
        #expect(hasFailed && questions == 8, "\(questions)")
        #expect(now >= Instant(nanoseconds: 700))
    }

    @Test func afterABreakItGoesOnFromWhatIsStored() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 0, missing: 1, now: .zero)
        _ = receiver.receive(number: 1, total: 7, bytes: [], now: .zero)
        _ = receiver.blockStored(number: 1, missing: 2, now: .zero)
        #expect(receiver.retry(now: Instant(nanoseconds: 100)) == [.fetch(from: 2, count: 2)])
        #expect(receiver.retryAt == Instant(nanoseconds: 200))
    }

    /// Storage has the first blocks from before: of this source or another one with the same snapshot, of this process or
    /// the one before it.
    @Test func s5WhatIsThereFromBeforeIsNotAskedForAgain() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 20, bytes: [], now: .zero)
        #expect(receiver.blockStored(number: 0, missing: 15, now: .zero) == [.fetch(from: 15, count: 4)])
        let early = receiver.receive(number: 1, total: 20, bytes: [], now: .zero)
        #expect(early.isEmpty)
        for number in 15...18 as ClosedRange<UInt32> {
            _ = receiver.receive(number: number, total: 20, bytes: [], now: .zero)
            _ = receiver.blockStored(number: number, missing: number + 1, now: .zero)
        }
        _ = receiver.receive(number: 19, total: 20, bytes: [], now: .zero)
        #expect(receiver.blockStored(number: 19, missing: .max, now: .zero) == [.complete])
        // All of it is there: nothing is fetched but the manifest.
        var complete = self.receiver()
        _ = complete.start()
        _ = complete.receive(number: 0, total: 20, bytes: [], now: .zero)
        #expect(complete.blockStored(number: 0, missing: .max, now: .zero) == [.complete])
    }

    /// Blocks that are slow to come hold up the heartbeats behind them.
    @Test func theWindowShrinksWhileBlocksAreSlowAndGrowsAgain() {
        var receiver = receiver()
        _ = receiver.start()
        _ = receiver.receive(number: 0, total: 1_000, bytes: [], now: .zero)
        var now = Instant.zero
        var next: UInt32 = 1
        var actions = receiver.blockStored(number: 0, missing: 1, now: now)
        /// Every question is answered after `span`; the window afterwards.
        func answer(_ questions: Int, after span: UInt64) -> UInt32 {
            for _ in 0..<questions {
                guard case .fetch(let from, let count)? = actions.first else { return 0 }
                now = now + TimeSpan(nanoseconds: span)
                for number in max(from, next)..<(from + count) {
                    _ = receiver.receive(number: number, total: 1_000, bytes: [], now: now)
                }
                actions.removeFirst()
                while next < from + count {
                    let more = receiver.blockStored(number: next, missing: next + 1, now: now)
                    next += 1
                    actions += more
                }
            }
            return receiver.window
        }
        #expect(answer(3, after: 1) == 4)
        #expect(answer(1, after: 30) == 2)
        #expect(answer(3, after: 30) == 1)
        #expect(answer(2, after: 15) == 1)
        #expect(answer(4, after: 5) == 4)
    }

    /// 1 GiB in blocks of 256 KiB, cut five times: by silence, twice by a broken link, by a restart of the receiver and by a
    /// leader that has the same snapshot.
    @Test func aGibibyteCutFiveTimesIsSentHardlyTwice() {
        let total: UInt32 = 4_097
        let cuts: [UInt32] = [500, 1_200, 2_000, 2_900, 3_700]
        /// Blocks that storage has.
        var stored: UInt32 = 0
        var sent = 0
        var source = NodeID(1)
        func begin() -> (SnapshotReceiver, [SnapshotReceiver.Action]) {
            var receiver = SnapshotReceiver(
                source: source,
                index: LogIndex(9),
                term: Term(2),
                window: 8,
                latency: .milliseconds(100),
                timeout: .seconds(1),
                now: .zero
            )
            let first = receiver.start()
            return (receiver, [first])
        }
        var (receiver, actions) = begin()
        var cut = 0
        while let action = actions.first {
            actions.removeFirst()
            switch action {
            case .fetch(let from, let count):
                for number in from..<min(total, from + count) {
                    sent += 1
                    // What was sent after a cut is lost on the way, and sent again.
                    if cut < cuts.count, number >= cuts[cut] { continue }
                    actions += receiver.receive(number: number, total: total, bytes: [], now: .zero)
                }
            case .store(let number, _):
                stored = max(stored, number + 1)
                actions += receiver.blockStored(number: number, missing: stored, now: .zero)
            case .complete: break
            case .fail: Issue.record("the transfer failed")
            }
            guard actions.isEmpty, !receiver.isInstalling else { continue }
            switch cut {
            case 0, 1, 2: actions = receiver.retry(now: .zero)
            case 3: (receiver, actions) = begin()
            default:
                source = NodeID(2)
                (receiver, actions) = begin()
            }
            cut += 1
        }
        #expect(receiver.isInstalling && stored == total && cut == cuts.count)
        #expect(Double(sent) <= Double(total) * 1.05, "\(sent) blocks of \(total)")
    }

    @Test func questionsWaitForTheirTurn() {
        var pace = TransferPace(bytesPerSecond: 1_000_000)
        func question(_ peer: UInt64, from: UInt32) -> TransferPace.Question {
            .init(peer: NodeID(peer), index: LogIndex(5), from: from, count: 4)
        }
        let now = Instant(nanoseconds: 1_000_000_000)
        let isFirst = pace.ask(question(2, from: 1), now: now)
        #expect(isFirst)
        pace.sent(bytes: 500_000, now: now)
        let isSecond = pace.ask(question(2, from: 5), now: now)
        let isOther = pace.ask(question(3, from: 1), now: now)
        // Asked again: it does not lose its turn.
        let isAgain = pace.ask(question(2, from: 5), now: now)
        #expect(!isSecond && !isOther && !isAgain)
        let due = pace.nextDeadline
        #expect((.milliseconds(490) ... .milliseconds(500)).contains(due - now))
        #expect(pace.next(now: now) == nil)
        #expect(pace.next(now: due) == question(2, from: 5))
        #expect(pace.next(now: due) == question(3, from: 1))
        #expect(pace.next(now: due) == nil && pace.nextDeadline == .distantFuture)
    }

    /// A receiver asks for its window in pieces.
    ///
    /// If one that waits were forgotten for the next, the blocks of the next would come out of order, and only the
    /// receiver's timeout would mend that.
    @Test func piecesOfOneWindowWaitTogether() {
        var pace = TransferPace(bytesPerSecond: 1_000_000)
        func question(_ from: UInt32, _ count: UInt32, index: UInt64 = 5) -> TransferPace.Question {
            .init(peer: NodeID(2), index: LogIndex(index), from: from, count: count)
        }
        let now = Instant(nanoseconds: 1_000_000_000)
        pace.sent(bytes: 500_000, now: now)
        let areAsked = [question(1, 4), question(5, 4), question(9, 2)].map { pace.ask($0, now: now) }
        #expect(areAsked == [false, false, false])
        let due = pace.nextDeadline
        #expect(pace.next(now: due) == question(1, 10))
        #expect(pace.next(now: due) == nil)
        // Questions overtake each other: none is forgotten.
        pace.sent(bytes: 1, now: due)
        for piece in [question(5, 4), question(13, 2), question(1, 4)] { _ = pace.ask(piece, now: due) }
        #expect(pace.next(now: pace.nextDeadline) == question(1, 14))
        // After a break, less may be asked for.
        pace.sent(bytes: 1, now: due)
        for piece in [question(5, 4), question(4, 2)] { _ = pace.ask(piece, now: due) }
        #expect(pace.next(now: pace.nextDeadline) == question(4, 5))
        // Of another snapshot, or more than there can be: no arithmetic goes wrong.
        pace.sent(bytes: 500_000, now: due)
        _ = pace.ask(question(11, .max - 11), now: due)
        _ = pace.ask(question(.max, .max), now: due)
        #expect(pace.next(now: pace.nextDeadline) == question(11, .max))
        pace.sent(bytes: 500_000, now: due)
        _ = pace.ask(question(11, 2), now: due)
        _ = pace.ask(question(13, 2, index: 6), now: due)
        #expect(pace.next(now: pace.nextDeadline) == question(13, 2, index: 6))
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

    /// Whoever has got the last block verifies and loads the snapshot, and asks nothing meanwhile.
    @Test func aNodeThatInstallsWhatItGotIsWaitedFor() {
        var keeper = keeper(entries: 3)
        keeper.question(from: NodeID(2), index: LogIndex(5), asked: 2, at: .zero)
        keeper.question(from: NodeID(3), index: LogIndex(5), asked: keeper.total, at: .zero)
        let broken = keeper.takeBroken(at: Instant(nanoseconds: 100))
        #expect(broken.map(\.peer) == [NodeID(2)])
        #expect(keeper.progress(of: NodeID(3)) != nil)
        let patience = RaftOptions(id: NodeID(1)).snapshotRetention
        #expect(keeper.nextDeadline == Instant.zero + patience)
        keeper.ended(for: NodeID(3), index: LogIndex(4))
        #expect(keeper.progress(of: NodeID(3)) != nil)
        let late = keeper.takeBroken(at: .zero + patience)
        #expect(late.map(\.peer) == [NodeID(3)])
    }

    /// How many blocks of log make the next snapshot due.
    private func blocksDue(after blockCount: UInt32) -> Int {
        var keeper = keeper(entries: .max, bytes: 1 << 30, blockCount: blockCount)
        var blocks = 0
        while !keeper.beginIfDue(at: .zero) {
            keeper.applied(payloadBytes: Limits.snapshotBlockBytes)
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
