// Pemba: tests of the client's parts that need no network.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaTestSupport
import Synchronization
import Testing

@testable import PembaClient

@Suite("Correlation table") struct CorrelationTableTests {
    @Test("an answer finds its request once, whatever the order; a late one finds nothing") func correlations() throws {
        for seed in Seeds(short: 20, full: 1_000) {
            var random = SeededRandom(seed: seed)
            var table = CorrelationTable<Int>(capacity: 64)
            var live: [(UInt64, Int)] = []
            var dead: [UInt64] = []
            for step in 0..<2_000 {
                if random.chance(1, in: 2), let correlation = table.insert(step, expiry: 0) {
                    #expect(correlation != 0)
                    #expect(!dead.contains(correlation))
                    live.append((correlation, step))
                } else if !live.isEmpty {
                    let (correlation, value) = live.remove(at: random.below(live.count))
                    #expect(table.entry(correlation) == value)
                    #expect(table.remove(correlation) == value, "\(Seeds.replay(seed, "correlations"))")
                    dead.append(correlation)
                }
                if let late = dead.last { #expect(table.remove(late) == nil) }
                #expect(table.count == live.count)
            }
        }
    }

    @Test("the table is full at its capacity and has room again after an answer") func full() {
        var table = CorrelationTable<Int>(capacity: 2)
        let first = table.insert(1, expiry: 0)
        _ = table.insert(2, expiry: 0)
        #expect(table.insert(3, expiry: 0) == nil)
        _ = table.remove(first ?? 0)
        #expect(table.insert(3, expiry: 0) != nil)
    }

    @Test("what has expired is taken out, the rest stays") func expiry() {
        var table = CorrelationTable<Int>(capacity: 8)
        _ = table.insert(1, expiry: 10)
        let second = table.insert(2, expiry: 11) ?? 0
        #expect(table.removeExpired(at: 10) == [1])
        #expect(table.entry(second) == 2)
        #expect(table.removeAll() == [2])
        #expect(table.count == 0)
    }

    @Test("garbage correlations find nothing", arguments: [0, 1, 0xFFFF, UInt64.max]) func garbage(_ number: UInt64) {
        var table = CorrelationTable<Int>(capacity: 8)
        _ = table.insert(1, expiry: 10)
        #expect(table.remove(number) == nil)
    }
}

@Suite("Sequence window") struct SequenceWindowTests {
    @Test("numbers ascend, and the first unacknowledged is the lowest that is not done") func window() {
        var window = SequenceWindow()
        #expect((1...4).map { _ in window.allocate() } == [1, 2, 3, 4])
        window.complete(2)
        #expect(window.firstUnacknowledged == 1)
        window.complete(1)
        #expect(window.firstUnacknowledged == 3)
        window.complete(1)
        window.complete(99)
        #expect(window.firstUnacknowledged == 3)
        window.complete(4)
        window.complete(3)
        #expect(window.firstUnacknowledged == 5)
        #expect(window.allocate() == 5)
    }

    @Test("no more are out than the cluster keeps answers for") func limit() {
        var window = SequenceWindow()
        for _ in 0..<Limits.answersPerSession { #expect(window.allocate() != nil) }
        #expect(window.allocate() == nil)
        window.complete(2)
        #expect(window.allocate() == nil)
        window.complete(1)
        #expect(window.allocate() != nil)
    }
}

@Suite("Submission queue") struct SubmissionQueueTests {
    @Test("every request comes out once, those of one thread in order") func concurrent() async {
        let queue = SubmissionQueue()
        let (threads, each) = (4, 2_000)
        let taken = Mutex<[(Int, Int)]>([])
        let drain: @Sendable () -> Void = {
            queue.drain { request in
                guard case .read(_, _, _, let number) = request.operation else { return }
                taken.withLock { $0.append((number / 10_000, number % 10_000)) }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    for number in 0..<each {
                        let operation = Operation.read(
                            filter: RelationshipFilter(),
                            nil,
                            cursor: nil,
                            limit: thread * 10_000 + number
                        )
                        // As the client does it: whoever finds the queue empty has it drained.
                        if queue.push(ClientRequest(operation, deadline: .distantFuture)), thread == 0 { drain() }
                        if number % 100 == 0, thread == 0 { drain() }
                    }
                }
            }
        }
        drain()
        let all = taken.withLock { $0 }
        #expect(all.count == threads * each)
        for thread in 0..<threads {
            #expect(all.filter { $0.0 == thread }.map(\.1) == Array(0..<each))
        }
    }
}

@Suite("Keys that callers ask for") struct ManualSessionTests {
    @Test("the latest 1,024 keys can be repeated") func keys() {
        var session = ManualSession(id: 9, lastUse: 0)
        for _ in 1...Limits.answersPerSession {
            #expect(session.takeKey(now: 0).firstUnacknowledged == 1)
        }
        let next = session.takeKey(now: 0)
        #expect(next == IdempotencyKey(session: 9, sequence: 1_025, firstUnacknowledged: 2))
        #expect(session.next(now: 1_800_000_000_001) == nil)
        #expect(session.next(now: 1_800_000_000_000) != nil)
    }
}
