// Pemba: tests of the verdict on histories; each broken promise is planted once.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaTooling
import Testing

struct ChaosCheckerTests {
    private let cluster = ClusterID(high: 1, low: 2)
    private let tuple = RelationTuple(
        resource: ObjectReference(type: "doc", id: "1"),
        relation: "viewer",
        subject: SubjectReference(type: "user", id: "a")
    )

    private func zookie(_ revision: UInt64) -> Zookie {
        Zookie(cluster: cluster, epoch: .first, revision: Revision(revision))
    }

    private func write(
        _ operation: TupleUpdate.Operation,
        _ outcome: ChaosHistory.WriteOutcome,
        at time: UInt64
    ) -> ChaosHistory.Write {
        ChaosHistory.Write(tuple: tuple, operation: operation, began: time, ended: time + 5, outcome: outcome)
    }

    private func check(
        _ consistency: Consistency,
        _ permissionship: Permissionship,
        at revision: UInt64,
        began: UInt64 = 100
    ) -> ChaosHistory.Check {
        let answer = CheckAnswer(Decision(permissionship), zookie: zookie(revision))
        return ChaosHistory.Check(
            tuple: tuple,
            consistency: consistency,
            began: began,
            ended: began + 5,
            answer: answer
        )
    }

    /// Created at 10, removed at 20, created again with unknown outcome.
    private var history: ChaosHistory {
        var history = ChaosHistory()
        history.writes = [
            write(.create, .acknowledged(Revision(10)), at: 10), write(.delete, .acknowledged(Revision(20)), at: 20),
            write(.create, .unknown, at: 30),
        ]
        history.checks = [
            check(.minimizeLatency, .noPermission, at: 9), check(.atLeastAsFresh(zookie(10)), .hasPermission, at: 15),
            check(.fullyConsistent, .hasPermission, at: 25), check(.fullyConsistent, .noPermission, at: 25),
        ]
        history.final = [tuple: true]
        return history
    }

    @Test func aGoodHistoryHasNoViolations() {
        #expect(ChaosChecker.violations(of: history) == [])
    }

    @Test func aWrongAnswerIsFound() {
        var broken = history
        broken.checks.append(check(.minimizeLatency, .noPermission, at: 12))
        #expect(ChaosChecker.violations(of: broken).count == 1)
    }

    @Test func anAnswerFromBeforeItsZookieIsFound() {
        var broken = history
        broken.checks.append(check(.atLeastAsFresh(zookie(18)), .hasPermission, at: 15))
        #expect(ChaosChecker.violations(of: broken).first?.contains("before its zookie") == true)
    }

    @Test func aStaleFullyConsistentAnswerIsFound() {
        var broken = history
        broken.checks.append(check(.fullyConsistent, .hasPermission, at: 15))
        #expect(ChaosChecker.violations(of: broken).first?.contains("fully consistent") == true)
    }

    /// Two answers of one revision about a tuple that may or may not have been written: only their order in time is wrong.
    @Test func anAnswerThatIsTakenBackIsFound() {
        var broken = history
        broken.checks = [
            check(.fullyConsistent, .hasPermission, at: 25, began: 100),
            check(.fullyConsistent, .noPermission, at: 25, began: 200),
        ]
        broken.final = [:]
        #expect(ChaosChecker.violations(of: broken).count == 1)
        #expect(ChaosChecker.violations(of: broken).first?.contains("no order explains") == true)
    }

    @Test func aLostAndAResurrectedTupleAreFound() {
        var lost = history
        lost.writes[2] = write(.create, .acknowledged(Revision(30)), at: 30)
        lost.final = [tuple: false]
        lost.checks = []
        #expect(ChaosChecker.violations(of: lost).first?.contains("lost") == true)
        var resurrected = history
        resurrected.writes.removeLast()
        resurrected.checks = []
        #expect(ChaosChecker.violations(of: resurrected).first?.contains("resurrected") == true)
    }

    @Test func aDoubleApplicationIsFound() {
        var broken = history
        broken.writes[2] = write(.create, .refused(.alreadyExists), at: 30)
        broken.checks = []
        broken.final = [:]
        #expect(ChaosChecker.violations(of: broken).first?.contains("although its only writer") == true)
    }

    @Test func revisionsAgainstRealTimeAreFound() {
        var broken = ChaosHistory()
        broken.writes = [
            write(.create, .acknowledged(Revision(10)), at: 10), write(.delete, .acknowledged(Revision(9)), at: 50),
        ]
        #expect(ChaosChecker.violations(of: broken).count == 2)
    }

    @Test func aGrantedEnemyIsFound() {
        let item = CheckItem(resource: tuple.resource, permission: "view", subject: tuple.subject)
        var broken = ChaosHistory()
        let granted = CheckAnswer(.has, zookie: zookie(8))
        broken.newEnemies = [
            ChaosHistory.NewEnemy(name: "revoked membership", item: item, after: Revision(7), answer: granted),
            ChaosHistory.NewEnemy(name: "revoked membership", item: item, after: Revision(9), answer: granted),
        ]
        #expect(ChaosChecker.violations(of: broken).count == 2)
    }
}
