// Pemba: reads that wait.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ReadGateTests {
    private let late = Instant(nanoseconds: 1_000)

    private func id(_ number: UInt64) -> RequestID { RequestID(number) }

    @Test func readsAreReleasedInTheOrderOfTheirRevisions() {
        var gate = ReadGate()
        gate.awaitRevision(id(1), Revision(9), deadline: late)
        gate.awaitRevision(id(2), Revision(5), deadline: late)
        gate.awaitRevision(id(3), Revision(5), deadline: late)
        var effects: [ReplicaEffect] = []
        gate.release(applied: Revision(4), into: &effects)
        #expect(effects.isEmpty)
        gate.release(applied: Revision(9), into: &effects)
        #expect(effects == [.readReady(id(2)), .readReady(id(3)), .readReady(id(1))])
        #expect(gate.count == 0)
    }

    @Test func oneRoundServesAllThatWaitedAndNoneThatCameLater() {
        var gate = ReadGate()
        gate.awaitRound(id(1), deadline: late)
        gate.awaitRound(id(2), deadline: late)
        #expect(gate.wantsRound(at: .zero))
        gate.startRound(ticket: 7, lostAt: late)
        gate.awaitRound(id(3), deadline: late)
        #expect(!gate.wantsRound(at: .zero))
        var effects: [ReplicaEffect] = []
        gate.completeRound(ticket: 7, index: LogIndex(4), applied: Revision(4), into: &effects)
        #expect(effects == [.readReady(id(1)), .readReady(id(2))])
        #expect(gate.wantsRound(at: .zero))
    }

    /// A node that is cut off for an hour hears the same questions again and again.
    @Test func readsThatRanOutOfTimeAreForgottenWhileNoRoundCanBeHeld() {
        var gate = ReadGate()
        var effects: [ReplicaEffect] = []
        for number in 1...100 as ClosedRange<UInt64> {
            let now = Instant(nanoseconds: number * 10)
            gate.awaitRound(id(number), deadline: now + TimeSpan(nanoseconds: 5))
            gate.startRound(ticket: number, lostAt: now)
            // Every other round is refused; the rest are never heard of again.
            if number.isMultiple(of: 2) { gate.failRound(ticket: number, retry: now) }
            gate.expire(at: now + TimeSpan(nanoseconds: 5), applied: .zero, hasLeader: false, into: &effects)
            #expect(gate.count == 0)
            #expect(gate.joining.count + gate.inRound.count <= 2)
        }
        #expect(effects.count == 100)
    }

    @Test func aRoundsIndexMustBeApplied() {
        var gate = ReadGate()
        gate.awaitRound(id(1), deadline: late)
        gate.startRound(ticket: 1, lostAt: late)
        var effects: [ReplicaEffect] = []
        gate.completeRound(ticket: 1, index: LogIndex(8), applied: Revision(7), into: &effects)
        #expect(effects.isEmpty)
        gate.release(applied: Revision(8), into: &effects)
        #expect(effects == [.readReady(id(1))])
    }

    @Test func anAnswerToAnEarlierRoundReleasesNothing() {
        var gate = ReadGate()
        gate.awaitRound(id(1), deadline: late)
        gate.startRound(ticket: 1, lostAt: Instant(nanoseconds: 10))
        #expect(gate.wantsRound(at: Instant(nanoseconds: 10)))
        gate.startRound(ticket: 2, lostAt: late)
        var effects: [ReplicaEffect] = []
        gate.completeRound(ticket: 1, index: LogIndex(1), applied: Revision(9), into: &effects)
        gate.failRound(ticket: 1, retry: .zero)
        #expect(effects.isEmpty)
        gate.completeRound(ticket: 2, index: LogIndex(1), applied: Revision(9), into: &effects)
        #expect(effects == [.readReady(id(1))])
    }

    @Test func aRoundThatFailsIsHeldAgainLater() {
        var gate = ReadGate()
        gate.awaitRound(id(1), deadline: late)
        gate.startRound(ticket: 1, lostAt: late)
        gate.failRound(ticket: 1, retry: Instant(nanoseconds: 50))
        #expect(!gate.wantsRound(at: Instant(nanoseconds: 49)))
        #expect(gate.nextDeadline == Instant(nanoseconds: 50))
        #expect(gate.wantsRound(at: Instant(nanoseconds: 50)))
        gate.failRound(ticket: 1, retry: late)
        gate.retryRound()
        #expect(gate.wantsRound(at: .zero))
    }

    @Test func aZookieBeyondTheClusterIsOfTheFutureAndOthersWait() {
        var gate = ReadGate()
        gate.awaitVerdict(id(1), on: Revision(20), deadline: late)
        gate.awaitVerdict(id(2), on: Revision(9), deadline: late)
        gate.startRound(ticket: 1, lostAt: late)
        var effects: [ReplicaEffect] = []
        gate.completeRound(ticket: 1, index: LogIndex(10), applied: Revision(5), into: &effects)
        guard case .readFailed(id(1), let error)? = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(error.code == .futureZookie)
        effects = []
        gate.release(applied: Revision(9), into: &effects)
        #expect(effects == [.readReady(id(2))])
    }

    @Test func aReadOfAMomentToComeJoinsARoundWhenItHasCome() {
        var gate = ReadGate()
        gate.awaitMoment(id(1), due: Instant(nanoseconds: 50), deadline: late)
        gate.reach(Instant(nanoseconds: 49))
        #expect(!gate.wantsRound(at: Instant(nanoseconds: 49)) && gate.nextDeadline == Instant(nanoseconds: 50))
        gate.reach(Instant(nanoseconds: 50))
        #expect(gate.wantsRound(at: Instant(nanoseconds: 50)))
        gate.startRound(ticket: 1, lostAt: late)
        var effects: [ReplicaEffect] = []
        gate.completeRound(ticket: 1, index: LogIndex(4), applied: Revision(4), into: &effects)
        #expect(effects == [.readReady(id(1))])
        #expect(gate.count == 0 && gate.nextDeadline == late)
    }

    @Test func deadlinesSayWhatIsMissing() {
        var gate = ReadGate()
        gate.awaitRevision(id(1), Revision(9), deadline: Instant(nanoseconds: 5))
        gate.awaitRound(id(2), deadline: Instant(nanoseconds: 5))
        gate.awaitRound(id(3), deadline: late)
        #expect(gate.nextDeadline == .zero)
        gate.startRound(ticket: 1, lostAt: late)
        #expect(gate.nextDeadline == Instant(nanoseconds: 5))
        var effects: [ReplicaEffect] = []
        gate.expire(at: Instant(nanoseconds: 5), applied: Revision(3), hasLeader: false, into: &effects)
        let codes = effects.map { effect -> ErrorCode? in
            if case .readFailed(_, let error) = effect { return error.code }
            return nil
        }
        #expect(codes == [.revisionNotReached, .noLeader])
        if case .readFailed(_, let error)? = effects.first { #expect(error.detail("revision") == "3") }
        #expect(gate.count == 1)
    }

    @Test func freshnessNeedsTheIndexToBeApplied() {
        var freshness = Freshness()
        let bound = TimeSpan(nanoseconds: 100)
        #expect(!freshness.isWithin(bound, at: .zero))
        freshness.learn(RaftFreshness(asOf: Instant(nanoseconds: 50), commit: LogIndex(5)), applied: LogIndex(4))
        #expect(!freshness.isWithin(bound, at: Instant(nanoseconds: 60)))
        freshness.apply(LogIndex(5))
        #expect(freshness.isWithin(bound, at: Instant(nanoseconds: 150)))
        #expect(!freshness.isWithin(bound, at: Instant(nanoseconds: 151)))
        freshness.learn(RaftFreshness(asOf: Instant(nanoseconds: 90), commit: LogIndex(5)), applied: LogIndex(5))
        #expect(freshness.staleness(at: Instant(nanoseconds: 100)) == TimeSpan(nanoseconds: 10))
    }
}
