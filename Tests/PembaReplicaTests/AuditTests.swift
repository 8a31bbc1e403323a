// Pemba: tests of audits of the state.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService
import Testing

@testable import PembaReplica

@Suite struct AuditTests {
    private let voters = JointQuorum(incoming: [NodeID(1), NodeID(2), NodeID(3)])

    private func at(_ index: UInt64, _ hash: UInt64) -> AuditStatement {
        AuditStatement(index: LogIndex(index), hash: hash)
    }

    /// Writes until audits are through everywhere.
    private func write(_ trio: ReplicaTrio, at place: Int, count: Int = 20) {
        for _ in 0..<count {
            _ = trio.submit(place, .openSession)
            trio.settle()
        }
        _ = trio.pass(.milliseconds(300))
    }

    /// Makes the state of a node differ from the others'.
    private func corrupt(_ trio: ReplicaTrio, _ place: Int) { trio.nodes[place].replica.stateMachine.schemaHash ^= 1 }

    private func quarantined(_ trio: ReplicaTrio) -> [Bool] { trio.nodes.map { $0.replica.quarantine != nil } }

    @Test func equalStatesAreNeverQuarantined() {
        let trio = ReplicaTrio(auditInterval: 8)
        let leader = trio.elect()
        write(trio, at: leader, count: 100)
        #expect(quarantined(trio) == [false, false, false])
        #expect(trio.nodes[leader].replica.stateMachine.index > LogIndex(108), "no audits were written")
        #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1)
    }

    @Test func aFollowerWhoseStateDiffersAnswersNothingAnyMore() {
        let trio = ReplicaTrio(auditInterval: 8)
        let leader = trio.elect()
        let follower = (leader + 1) % 3
        corrupt(trio, follower)
        write(trio, at: leader)
        #expect(quarantined(trio) == (0..<3).map { $0 == follower })
        let node = trio.nodes[follower]
        let read = trio.read(follower, .minimizeLatency)
        let write = trio.submit(follower, .openSession)
        #expect(trio.reads[read]??.code == .unavailable)
        guard case .failure(let error)? = trio.answers[write] else {
            Issue.record("a node whose state differs took a write")
            return
        }
        #expect(error.code == .unavailable && !node.replica.isFresh(at: trio.now))
        // It goes on to take part in consensus: the log is not what is wrong.
        self.write(trio, at: leader)
        #expect(node.replica.stateMachine.index == trio.nodes[leader].replica.stateMachine.index)
    }

    @Test func aLeaderWhoseStateDiffersIsToldByTheMajorityAndHandsOver() {
        let trio = ReplicaTrio(auditInterval: 8)
        let leader = trio.elect()
        corrupt(trio, leader)
        write(trio, at: (leader + 1) % 3)
        #expect(quarantined(trio) == (0..<3).map { $0 == leader })
        #expect(trio.pass(.seconds(3)) { trio.leader.map { $0 != leader } ?? false })
    }

    @Test func oneDissenterOfThreeIsWrongAndTwoAreRight() {
        for id in [1, 2, 3] as [UInt64] {
            var audit = Audit(interval: 8)
            audit.note(at(8, id == 1 ? 5 : 7))
            // The leader, node 1, claims 5.
            let answer = audit.hear(at(8, 5), from: NodeID(1), id: NodeID(id), voters: voters)
            #expect((answer != nil) == (id != 1) && (audit.quarantine != nil) == (id != 1))
            _ = audit.hear(at(8, 7), from: NodeID(2), id: NodeID(id), voters: voters)
            #expect((audit.quarantine != nil) == (id != 1), "one dissent decides nothing")
            _ = audit.hear(at(8, 7), from: NodeID(2), id: NodeID(id), voters: voters)
            #expect((audit.quarantine != nil) == (id != 1), "nor does the same one again")
            _ = audit.hear(at(8, 7), from: NodeID(3), id: NodeID(id), voters: voters)
            #expect((audit.quarantine != nil) == (id == 1), "node \(id)")
        }
    }

    @Test func whatIsNotKnownAnyMoreIsNotJudged() {
        var audit = Audit(interval: 8)
        #expect(audit.hear(at(8, 5), from: NodeID(1), id: NodeID(2), voters: voters) == nil)
        #expect(audit.quarantine == nil)
        audit.note(at(16, 6))
        _ = audit.hear(at(16, 5), from: NodeID(1), id: NodeID(2), voters: voters)
        #expect(audit.quarantine == Quarantine(index: LogIndex(16), own: 6, others: 5))
        // A snapshot brings another state, and another judgement.
        audit.restart()
        #expect(audit.quarantine == nil)
    }
}
