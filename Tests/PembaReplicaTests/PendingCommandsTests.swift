// Pemba: what is known of commands without an answer.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService
import Testing

@testable import PembaReplica

@Suite struct PendingCommandsTests {
    private let payload = Proposal(origin: NodeID(1), request: 0, command: .openSession).encode()
    private let late = Instant(nanoseconds: 1_000)

    private func pending(_ ids: UInt64..., hasKey: Bool = false) -> PendingCommands {
        var commands = PendingCommands(boot: 7)
        for id in ids { commands.add(RequestID(id), payload: payload, hasKey: hasKey, deadline: late) }
        return commands
    }

    private func codes(_ failed: [(RequestID, ServiceError)]) -> [ErrorCode] { failed.map(\.1.code) }

    @Test func attemptsAreNumberedAndAnsweredOnce() throws {
        var commands = pending(1, 2)
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        #expect(batch.map(\.id) == [RequestID(1), RequestID(2)])
        #expect(batch.map(\.number) == [7 << 32 | 1, 7 << 32 | 2])
        #expect(try Proposal(decoding: batch[1].payload).request == batch[1].number)
        commands.appended(batch[...], first: LogIndex(4))
        #expect(commands.answer(batch[0].number) == RequestID(1))
        #expect(commands.answer(batch[0].number) == nil)
        #expect(commands.count == 1)
        #expect(commands.bytes == payload.count)
    }

    @Test func batchesAreBounded() {
        var commands = pending(1, 2, 3)
        let result12 = commands.takeBatch(maxBytes: payload.count * 2)
        #expect(result12.count == 2)
        let result13 = commands.takeBatch(maxBytes: 1)
        #expect(result13.count == 1)
        let result14 = commands.takeBatch(maxBytes: 1)
        #expect(result14.isEmpty)
    }

    @Test func whatWasNeverProposedIsKnownNotToBeDone() {
        var commands = pending(1)
        let failed20 = commands.expire(at: late, hasLeader: false)
        #expect(codes(failed20) == [.noLeader])
        commands = pending(1)
        let failed21 = commands.expire(at: late, hasLeader: true)
        #expect(codes(failed21) == [.deadlineExceeded])
    }

    @Test func whatWasProposedIsUnknownAtItsDeadline() {
        var commands = pending(1, 2)
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        commands.appended(batch[..<1], first: LogIndex(4))
        commands.forwarded(Array(batch[1...]), term: Term(3))
        let failed22 = commands.expire(at: late, hasLeader: true)
        #expect(codes(failed22) == [.outcomeUnknown, .outcomeUnknown])
        #expect(commands.answer(batch[0].number) == nil)
        #expect(commands.count == 0)
    }

    @Test func whatAnotherEntryReplacedIsProposedAgain() {
        var commands = pending(1)
        let first = commands.takeBatch(maxBytes: 1 << 20)
        commands.appended(first[...], first: LogIndex(4))
        commands.settle(applied: LogIndex(3), term: Term(3))
        #expect(!commands.hasQueued)
        commands.settle(applied: LogIndex(4), term: Term(3))
        let second = commands.takeBatch(maxBytes: 1 << 20)
        #expect(second.map(\.id) == [RequestID(1)])
        #expect(second[0].number > first[0].number)
        commands.putBack(second[...])
        // It can never be committed: nothing is uncertain about it.
        let failed23 = commands.expire(at: late, hasLeader: false)
        #expect(codes(failed23) == [.noLeader])
    }

    /// An entry of a later term says that what was sent to the leader before is not in the log and never will be.
    @Test func whatTheLogHasPassedByIsProposedAgain() {
        var commands = pending(1, 2)
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        commands.forwarded([batch[0]], term: Term(3))
        commands.forwarded([batch[1]], term: Term(4))
        commands.settle(applied: LogIndex(8), term: Term(3))
        #expect(!commands.hasQueued)
        commands.settle(applied: LogIndex(9), term: Term(4))
        let again = commands.takeBatch(maxBytes: 1 << 20)
        #expect(again.map(\.id) == [RequestID(1)])
        commands.putBack(again[...])
        // It is certain that it was not done, that of the other is not.
        let failed = commands.expire(at: late, hasLeader: false)
        #expect(failed.map(\.0) == [RequestID(1), RequestID(2)])
        #expect(codes(failed) == [.noLeader, .outcomeUnknown])
    }

    /// A snapshot in the place of the log keeps to itself what became of attempts: nobody waits for what nobody says.
    @Test func whatASnapshotHidesIsUnknownAtOnce() {
        var commands = pending(1, 2, 3)
        commands.add(RequestID(4), payload: payload, hasKey: true, deadline: late)
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        commands.appended(batch[..<1], first: LogIndex(4))
        commands.forwarded([batch[1], batch[3]], term: Term(3))
        commands.forwarded([batch[2]], term: Term(5))
        let failed = commands.jumped(to: Term(4))
        #expect(failed.map(\.0) == [RequestID(1), RequestID(2)])
        #expect(codes(failed) == [.outcomeUnknown, .outcomeUnknown])
        let again = commands.takeBatch(maxBytes: 1 << 20)
        #expect(again.map(\.id) == [RequestID(4)])
        #expect(commands.answer(batch[2].number) == RequestID(3))
    }

    @Test func onlyKeyedCommandsAreSentAgain() {
        var commands = pending(1)
        commands.forwarded(commands.takeBatch(maxBytes: 1 << 20), term: Term(3))
        commands.retryKeyed()
        #expect(!commands.hasQueued)
        commands = pending(1, hasKey: true)
        let first = commands.takeBatch(maxBytes: 1 << 20)
        commands.forwarded(first, term: Term(3))
        commands.retryKeyed()
        let second = commands.takeBatch(maxBytes: 1 << 20)
        #expect(second.map(\.id) == [RequestID(1)])
        let result16 = commands.refused(first[0].number, .noLeader)
        #expect(result16 == nil)
        commands.putBack(second[...])
        let failed24 = commands.failQueued(.noLeader)
        #expect(codes(failed24) == [.outcomeUnknown])
    }

    @Test func aRefusalIsKnownUnlessAnEarlierAttemptIsNot() {
        var commands = pending(1)
        let overloaded = ServiceError(.overloaded, "full")
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        commands.forwarded(batch, term: Term(3))
        let result17 = commands.refused(batch[0].number, overloaded)
        #expect(result17?.1 == overloaded)
        commands = pending(1, hasKey: true)
        commands.forwarded(commands.takeBatch(maxBytes: 1 << 20), term: Term(3))
        commands.retryKeyed()
        let again = commands.takeBatch(maxBytes: 1 << 20)
        commands.forwarded(again, term: Term(3))
        let result18 = commands.refused(again[0].number, overloaded)
        #expect(result18?.1.code == .outcomeUnknown)
    }

    @Test func aRefusalForWantOfALeaderIsWaitedOut() {
        var commands = pending(1)
        let batch = commands.takeBatch(maxBytes: 1 << 20)
        commands.forwarded(batch, term: Term(3))
        let result19 = commands.refused(batch[0].number, .noLeader)
        #expect(result19 == nil)
        let result15 = commands.takeBatch(maxBytes: 1 << 20)
        #expect(result15.map(\.id) == [RequestID(1)])
    }

    @Test func forwardedProposalsAreTakenOnce() {
        var forwarded = ForwardedProposals()
        forwarded.begin(term: Term(3))
        func isNew(_ request: UInt64, node: UInt64 = 2, term: UInt64 = 3) -> Bool {
            if case .new = forwarded.note(origin: NodeID(node), request: request, term: Term(term)) { return true }
            return false
        }
        #expect(isNew(5))
        #expect(!isNew(5))
        #expect(!isNew(4))
        #expect(isNew(6))
        #expect(isNew(5, node: 3))
        #expect(isNew(1 << 32 | 1))
        #expect(!isNew(9, term: 2))
        forwarded.begin(term: Term(4))
        #expect(!isNew(9, term: 3))
        #expect(isNew(5, term: 4))
    }

    @Test func theQueueGivesTheSmallestFirstAndEqualOnesInOrder() {
        var queue = PriorityQueue<Int, Int>()
        var random = SeededRandom(seed: 1)
        var expected: [(Int, Int)] = []
        for value in 0..<500 {
            let key = random.below(40)
            queue.insert(value, at: key)
            expected.append((key, value))
        }
        queue.keep { $0 % 3 != 0 }
        expected = expected.filter { $0.1 % 3 != 0 }.sorted { $0 < $1 }
        var found: [Int] = []
        while let value = queue.removeFirst() { found.append(value) }
        #expect(found == expected.map(\.1))
    }
}
