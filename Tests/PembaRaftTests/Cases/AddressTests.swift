// Pemba: where members are reached, and who of a new cluster has come.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// What configurations say of their members beside who votes.
struct AddressTests {
    // MARK: Addresses

    @Test func newMembersBringTheirAddressesAndTakeThemAlong() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.add(.blank(4))
        let goal = MembershipGoal(voters: [1, 2, 4].map(n))
        guard case .appended = network[1].change(.reach(goal, addresses: [address(4)])) else {
            Issue.record("the change was not begun")
            return
        }
        #expect(network[1].configuration.addresses == [address(4)])
        network.run(.seconds(5))
        #expect(network[4].configuration.voters == [1, 2, 4].map(n))
        #expect(network[4].configuration.addresses == [address(4)])
        network[1].change(voters: [1, 2])
        network.run(.seconds(2))
        #expect(network[1].configuration == RaftConfiguration(voters: [1, 2].map(n), removed: [3, 4].map(n)))
    }

    @Test func anAddressOfAStrangerIsRefused() {
        let node = TestNode.leading()
        let goal = MembershipGoal(voters: [1, 2, 3].map(n), learners: [n(4)])
        #expect(node.change(.reach(goal, addresses: [address(5)])) == .refused(.notMember(n(5))))
        #expect(node.change(.relocate(address(4))) == .refused(.notMember(n(4))))
        #expect(node.configuration.learners.isEmpty)
    }

    /// Of two addresses for one node nobody could read the entry, and no node would start again.
    @Test func twoAddressesOfOneNodeAreRefused() {
        let node = TestNode.leading()
        let last = node.last
        let goal = MembershipGoal(voters: [1, 2, 3].map(n), learners: [n(4)])
        let twice = MembershipRequest.reach(goal, addresses: [address(4), address(4)])
        #expect(node.change(twice) == .refused(.twoAddresses(n(4))))
        let different = MembershipRequest.reach(goal, addresses: [address(4), address(4, port: 9)])
        #expect(node.change(different) == .refused(.twoAddresses(n(4))))
        #expect(node.last == last && node.configuration.learners.isEmpty)
    }

    @Test func aMemberMovesWithoutAnythingElseChanging() {
        let node = TestNode.leading()
        node.change(.relocate(address(2)))
        node.acknowledge(from: [2, 3])
        #expect(node.configuration == RaftConfiguration(voters: [1, 2, 3].map(n), addresses: [address(2)]))
        #expect(node.change(.relocate(address(2))) == .refused(.unchanged))
        node.change(.relocate(address(2, port: 9)))
        node.acknowledge(from: [2, 3])
        #expect(node.configuration.addresses == [address(2, port: 9)])
        #expect(node.change(.relocate(address(3)), expected: i(3)) == .refused(.stale(expected: i(3), actual: i(4))))
    }

    // MARK: Those of a new cluster

    /// Nodes of a new cluster, as the first start makes them.
    private func newNode(_ id: UInt64, seed: UInt64 = 7) -> TestNode {
        let voters = [1, 2, 3].map(n)
        let first = RaftConfiguration(voters: voters, awaited: voters)
        let entry = LogEntry(index: i(1), term: t(1), timestamp: .zero, kind: .configuration, payload: first.encoded)
        let disk = TestDisk(hardState: HardState(term: t(1)), entries: [entry])
        return TestNode(options: RaftOptions(id: n(id)), disk: disk, seed: seed)
    }

    @Test func whoHasComeIsAwaitedNoMore() {
        let network = TestNetwork([newNode(1), newNode(2), newNode(3)])
        #expect(network.nodes.allSatisfy { $0.core.logContent == .firstEntry && !$0.core.mustHaveData(n(3)) })
        network.isolate(3)
        network.elect(1)
        network.run(.seconds(1))
        #expect(network[1].configuration.awaited == [n(3)])
        #expect(network[1].core.logContent == .more)
        #expect(network[1].core.mustHaveData(n(2)) && !network[1].core.mustHaveData(n(3)))
        // The third was late, and is no other than it should be.
        network.heal()
        network.run(.seconds(1))
        #expect(network.nodes.allSatisfy { $0.configuration == RaftConfiguration(voters: [1, 2, 3].map(n)) })
        #expect(network[3].last == network[1].last && network[2].core.mustHaveData(n(3)))
    }

    /// One that was made anew under its id has only what it was made with, and says so.
    @Test func whoIsMadeAnewHasTooLittle() {
        let network = TestNetwork([newNode(1), newNode(2), newNode(3)])
        network.elect(1)
        network.run(.seconds(1))
        network.replace(newNode(3, seed: 8))
        #expect(network[3].core.logContent == .firstEntry)
        #expect(network[1].core.mustHaveData(n(3)) && network[2].core.mustHaveData(n(3)))
        #expect(!network[1].core.isEnough(.firstEntry, for: n(3)) && network[1].core.isEnough(.more, for: n(3)))
    }

    /// Its vote is taken, but it does not know what it promised before; with nothing it would, and be given everything.
    @Test func whoIsMadeAnewIsRefusedEvenIfItDoesNotVote() {
        let network = TestNetwork([newNode(1), newNode(2), newNode(3)])
        network.elect(1)
        network.run(.seconds(1))
        network[1].change(voters: [1, 2], learners: [3])
        network.run(.seconds(1))
        for id in [1, 2] as [UInt64] {
            #expect(!network[id].core.isEnough(.firstEntry, for: n(3)) && network[id].core.isEnough(.empty, for: n(3)))
        }
        // One that has left is to hear so, and one that was never there is not of this cluster's concern.
        network[1].change(voters: [1, 2], learners: [])
        network.run(.seconds(1))
        #expect([n(3), n(9)].allSatisfy { network[1].core.isEnough(.firstEntry, for: $0) })
    }

    /// The first of a new cluster that are late are given everything, whether they vote by then or not.
    @Test func whoIsAwaitedMayHaveOnlyItsFirstEntry() {
        let network = TestNetwork([newNode(1), newNode(2), newNode(3)])
        network.isolate(3)
        network.elect(1)
        network.run(.seconds(1))
        #expect(network[1].core.isEnough(.firstEntry, for: n(3)) && !network[1].core.isEnough(.firstEntry, for: n(2)))
        network[1].change(voters: [1, 2], learners: [3])
        network.run(.seconds(1))
        #expect(network[1].core.isEnough(.firstEntry, for: n(3)))
    }

    /// A learner that held nothing and was given the first entry alone was not made with it.
    @Test func whoWasGivenTheFirstEntryWasNotMadeWithIt() {
        let voters = [1, 2, 3].map(n)
        let first = RaftConfiguration(voters: voters, awaited: voters)
        let entry = LogEntry(index: i(1), term: t(1), timestamp: .zero, kind: .configuration, payload: first.encoded)
        for (votesFrom, content) in [(i(0), LogContent.firstEntry), (i(7), .more)] {
            var state = HardState(term: t(2))
            state.votesFrom = votesFrom
            let node = TestNode(options: RaftOptions(id: n(3)), disk: TestDisk(hardState: state, entries: [entry]))
            #expect(node.core.logContent == content)
        }
    }

    /// Others may commit what the leader has not on its own disk: if it fails, it comes back with its first entry alone.
    @Test func leaderIsAwaitedUntilItHoldsMoreItself() {
        let node = newNode(1)
        node.persistsAtOnce = false
        node.timeOut()
        node.receive(.preVoteResponse(granted: true), from: 2, term: 2)
        node.persist()
        node.receive(.voteResponse(granted: true), from: 2, term: 2)
        #expect(node.role == .leader && node.last == i(2) && node.core.durability.index == i(1))
        for _ in 0..<2 { node.acknowledge(from: [2, 3]) }
        #expect(node.commit == i(3) && node.core.durability.index == i(1))
        #expect(node.configuration.awaited == [n(1)])
        node.persist()
        node.acknowledge(from: [2, 3])
        #expect(node.configuration.awaited.isEmpty)
    }

    /// A voter that was started to be given everything, before it ever took part, is given it.
    @Test func awaitedVoterMayBeginWithNothing() {
        let network = TestNetwork([newNode(1), newNode(2), .blank(3)])
        network.elect(1)
        network.run(.seconds(2))
        #expect(network[3].last == network[1].last && network[1].configuration.awaited.isEmpty)
        #expect(network[1].core.status().peers.allSatisfy { !$0.hasLostData })
    }
}
