// Pemba: tests of replicas whose disks are full, hang or rot.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ReplicaDiskTests {
    private func failure(_ trio: ReplicaTrio, _ id: RequestID) -> ServiceError? {
        if case .failure(let error)? = trio.answers[id] { return error }
        return nil
    }

    private func isDone(_ trio: ReplicaTrio, _ id: RequestID) -> Bool {
        if case .success? = trio.answers[id] { return true }
        return false
    }

    @Test func d5LeaderWithoutRoomHandsOverAndNothingFails() {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        trio.step(leader, .diskSpace(.critical))
        let during = trio.submit(leader, .openSession)
        #expect(trio.pass(.seconds(2)) { trio.leader.map { $0 != leader } ?? false })
        _ = trio.pass(.milliseconds(500))
        #expect(isDone(trio, during))
        let after = trio.submit(leader, .openSession)
        _ = trio.pass(.milliseconds(500))
        #expect(isDone(trio, after))
    }

    @Test func d5WithoutRoomAnywhereWritesAreRefusedAndTakenAgainWithoutHelp() {
        let trio = ReplicaTrio()
        _ = trio.elect()
        for place in 0..<3 { trio.step(place, .diskSpace(.critical)) }
        _ = trio.pass(.seconds(5))
        // Each has handed over once at most.
        let leader = trio.elect()
        for place in 0..<3 {
            let id = trio.submit(place, .openSession)
            _ = trio.pass(.milliseconds(300))
            #expect(failure(trio, id)?.code == .overloaded, "node \(place)")
            #expect(failure(trio, id)?.message.contains("almost full") == true)
        }
        // Elections work: their file is as long as it will ever be.
        trio.isolated = [leader]
        let others = trio.nodes.filter { $0 !== trio.nodes[leader] }
        #expect(trio.pass(.seconds(5)) { others.contains { $0.replica.leadership.role == .leader } })
        trio.isolated = []
        for place in 0..<3 { trio.step(place, .diskSpace(.low)) }
        _ = trio.pass(.seconds(1))
        let id = trio.submit(leader, .openSession)
        _ = trio.pass(.seconds(1))
        #expect(isDone(trio, id))
    }

    /// The others' disks suffice until the leader hands over; then it takes no writes, which its clients take elsewhere.
    @Test func d7ANodeWhoseDiskHangsSendsItsWritersElsewhere() {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        trio.hung = [leader]
        let before = trio.submit(leader, .openSession)
        _ = trio.pass(.milliseconds(500))
        #expect(isDone(trio, before))
        #expect(trio.pass(.seconds(4)) { trio.leader.map { $0 != leader } ?? false })
        #expect(trio.nodes[leader].replica.status(at: trio.time).isDiskStalled)
        let refused = trio.submit(leader, .openSession)
        #expect(failure(trio, refused)?.code == .unavailable)
        #expect(failure(trio, refused)?.message.contains("completes nothing") == true)
        let elsewhere = trio.submit((leader + 1) % 3, .openSession)
        _ = trio.pass(.milliseconds(500))
        #expect(isDone(trio, elsewhere))
        trio.awaken()
        _ = trio.pass(.seconds(1))
        // What it forwards is answered here, as before.
        let again = trio.submit(leader, .openSession)
        _ = trio.pass(.seconds(1))
        #expect(isDone(trio, again) && !trio.nodes[leader].replica.status(at: trio.time).isDiskStalled)
    }

    /// What waits at such a node and can be repeated is told when its disk is given up, and not when it runs out of time;
    /// the rest is told what became of it when the disk goes on.
    @Test func d7WritesThatWaitAtANodeWhoseDiskHangsAreGivenUp() {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        trio.hung = [leader]
        trio.isolated = [leader]
        let id = trio.submit(leader, .openSession, patience: .seconds(60))
        let single = trio.submit(leader, .writeSchema(source: MachineDriver.schema), patience: .seconds(60))
        #expect(trio.pass(.seconds(4)) { failure(trio, id) != nil })
        #expect(failure(trio, id)?.code == .outcomeUnknown)
        _ = trio.pass(.seconds(10))
        #expect(failure(trio, single) == nil)
        trio.awaken()
        trio.isolated = []
        _ = trio.pass(.seconds(2))
        // Others have the place of its entry in the log by now.
        for _ in 0..<3 { _ = trio.submit((leader + 1) % 3, .openSession) }
        #expect(trio.pass(.seconds(10)) { isDone(trio, single) || failure(trio, single) != nil })
        #expect(failure(trio, single)?.code != .outcomeUnknown)
    }

    @Test func littleRoomAndRotLeadToASnapshotAtOnce() {
        for input in [ReplicaInput.diskSpace(.low), .storageDamaged] {
            let trio = ReplicaTrio()
            let leader = trio.elect()
            let id = trio.submit(leader, .openSession)
            _ = trio.pass(.milliseconds(300))
            #expect(isDone(trio, id) && trio.nodes[leader].replica.snapshots.index == .zero)
            trio.step(leader, input)
            _ = trio.pass(.milliseconds(300))
            let node = trio.nodes[leader]
            #expect(node.replica.snapshots.index == node.replica.stateMachine.index)
            #expect(trio.compactions[leader] == node.replica.snapshots.index)
            // Once is enough.
            let more = trio.submit(leader, .openSession)
            _ = trio.pass(.milliseconds(300))
            #expect(isDone(trio, more) && node.replica.snapshots.index < node.replica.stateMachine.index)
        }
    }
}
