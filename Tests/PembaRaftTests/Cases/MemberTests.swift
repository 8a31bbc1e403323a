// Pemba: members that go and come back where implementations of Raft have gone wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases C10 to C15 of the reliability checklist.
struct MemberTests {
    private func append(_ node: TestNode, _ entries: [LogEntry], term: UInt64, commit: UInt64 = 0) {
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(1),
            previousTerm: t(1),
            entries: entries,
            commit: i(commit)
        )
        node.receive(body, from: 2, term: term)
    }

    // MARK: C10 Configurations in snapshots

    @Test func c10ConfigurationSurvivesCompactions() {
        let node = TestNode(1) { $0.trailingEntries = 0 }
        let entries = [
            entry(2, term: 1), configurationEntry(3, term: 1, RaftConfiguration(voters: [1, 2, 3, 4].map(n))),
            entry(4, term: 1),
            configurationEntry(5, term: 1, RaftConfiguration(voters: [1, 2, 4].map(n))),
        ]
        append(node, entries, term: 1, commit: 4)
        for index in [2, 4] as [UInt64] {
            node.step(.applied(i(index)))
            #expect(node.core.snapshotPoint(at: i(index))?.configuration.voters.count == (index == 2 ? 3 : 4))
            node.step(.compact(i(index)))
        }
        #expect(node.core.snapshot.configuration.voters == [n(1), n(2), n(3), n(4)])
        #expect(node.core.currentConfiguration.voters == [n(1), n(2), n(4)])
        node.disk.snapshot = node.core.snapshot
        node.disk.entries.removeAll { $0.index <= i(4) }
        let restarted = TestNode(options: node.options, disk: node.disk)
        #expect(restarted.core.currentConfiguration.voters == [n(1), n(2), n(4)])
        #expect(restarted.core.snapshotPoint(at: i(4))?.configuration.voters == [n(1), n(2), n(3), n(4)])
    }

    @Test func c10JointConfigurationOfASnapshotDecides() {
        let joint = RaftConfiguration(voters: [1, 2].map(n), outgoingVoters: [1, 3].map(n), autoLeave: true)
        let point = RaftSnapshotPoint(index: i(9), term: t(1), timestamp: .zero, configuration: joint)
        let disk = TestDisk(hardState: HardState(term: t(1)), snapshot: point, entries: [])
        let node = TestNode(options: RaftOptions(id: n(1)), disk: disk)
        node.becomeLeader(votes: [2, 3])
        node.acknowledge(from: [2])
        #expect(node.commit == i(9))
        node.acknowledge(from: [3])
        #expect(
            node.commit == i(10) && node.configuration == RaftConfiguration(voters: [1, 2].map(n), removed: [n(3)])
        )
    }

    @Test func c10RemovedNodesOfASnapshotStayRemoved() {
        let configuration = RaftConfiguration(voters: [1, 2].map(n), removed: [n(3)])
        let point = RaftSnapshotPoint(index: i(9), term: t(1), timestamp: .zero, configuration: configuration)
        let disk = TestDisk(hardState: HardState(term: t(1)), snapshot: point, entries: [])
        let node = TestNode(options: RaftOptions(id: n(1)), disk: disk)
        node.receive(.preVote(lastIndex: i(19), lastTerm: t(9)), from: 3, term: 9)
        #expect(node.takeSent().map(\.body) == [.removed(configuration: i(9))])
        let removed = TestNode(options: RaftOptions(id: n(3)), disk: disk)
        #expect(removed.core.status().removedAt == i(9))
        // And those of a snapshot that arrives later.
        let late = TestNode(2, of: [1, 2, 3])
        late.receive(.installSnapshot(index: i(9), term: t(1)), from: 1, term: 1)
        late.step(.snapshotInstalled(point))
        _ = late.takeSent()
        late.receive(.preVote(lastIndex: i(19), lastTerm: t(9)), from: 3, term: 9)
        #expect(late.takeSent().map(\.body) == [.removed(configuration: i(9))])
    }

    // MARK: C11, C12 Removed ids

    @Test func c11RemovedNodeIsToldAndParks() {
        let network = TestNetwork(voters: [1, 2, 3, 4])
        network.elect(1)
        network.isolate(4)
        network[1].change(voters: [1, 2, 3])
        network.run(.seconds(3))
        let term = network[1].term
        network.heal()
        network.run(.seconds(3))
        #expect(network[4].core.status().removedAt == i(3) && network[4].leader == nil)
        #expect(network[1].role == .leader && network[1].term == term)
        // From then on it says nothing.
        network[4].timeOut()
        network[4].step(.campaign)
        #expect(network[4].takeSent().isEmpty)
        // A restart changes nothing: it asks, and is told again.
        network.replace(TestNode(options: network[4].options, disk: network[4].disk, seed: 5))
        network.run(.seconds(3))
        #expect(network[4].core.status().removedAt == i(3) && network[1].term == term)
    }

    @Test func c11RemovedNodeIsTurnedAwayOnlyOnceTheRemovalIsCommitted() {
        let node = TestNode.leading([1, 2, 3, 4])
        node.change(voters: [1, 2, 3])
        node.receive(.preVote(lastIndex: i(9), lastTerm: t(9)), from: 4, term: 9)
        #expect(node.takeSent().contains(.preVoteResponse(granted: false)))
        node.acknowledge(from: [2])
        #expect(node.takeSent().filter { $0.to == n(4) }.map(\.body) == [.removed(configuration: i(3))])
        node.receive(.requestVote(lastIndex: i(9), lastTerm: t(9), transfer: true), from: 4, term: 9)
        #expect(node.takeSent().map(\.body) == [.removed(configuration: i(3))] && node.term == t(2))
    }

    @Test func c11NobodyIsParkedByAnOlderConfiguration() {
        let node = TestNode.leading()
        node.receive(.removed(configuration: i(1)), from: 3, term: 9)
        #expect(node.role == .leader && node.core.status().removedAt == nil)
        node.receive(.removed(configuration: i(7)), from: 3, term: 1)
        #expect(node.role == .follower && node.core.status().removedAt == i(7))
    }

    @Test func c12RemovedIdStaysAwayAndANewOneIsWelcome() {
        let node = TestNode.leading()
        node.change(voters: [1, 2])
        node.acknowledge(from: [2])
        #expect(node.change(voters: [1, 2, 3]) == .refused(.removedNode(n(3))))
        #expect(node.change(voters: [1, 2], learners: [3]) == .refused(.removedNode(n(3))))
        #expect(node.change(voters: [1, 2, 4]) == .appended(index: i(4), term: t(2)))
    }

    // MARK: C13 to C15

    @Test func c13StartUsesTheLastConfigurationInTheLog() {
        let node = TestNode(1)
        append(node, [configurationEntry(2, term: 2, RaftConfiguration(voters: [1, 2, 3, 4, 5].map(n)))], term: 2)
        let restarted = TestNode(options: node.options, disk: node.disk)
        #expect(restarted.commit == .zero && restarted.core.currentConfiguration.voters.count == 5)
    }

    @Test func c14ChangeOfAConfigurationThatIsReplacedFails() {
        let node = TestNode.leading()
        node.change(voters: [1, 2])
        node.acknowledge(from: [2])
        let refusal = MembershipRefusal.stale(expected: i(1), actual: i(3))
        #expect(node.change(voters: [1, 2, 4], expected: i(1)) == .refused(refusal) && node.last == i(3))
    }

    @Test func c14SenselessGoalsAreRefused() {
        let node = TestNode.leading()
        #expect(node.change(voters: []) == .refused(.impossible(.noVotersLeft)))
        #expect(node.change(voters: [0, 1]) == .refused(.nodeZero))
        #expect(node.change(voters: [1, 2], learners: [2]) == .refused(.twoRoles(n(2))))
        #expect(node.change(voters: [1, 2, 3]) == .refused(.unchanged))
        let many = Array(1...256 as ClosedRange<UInt64>)
        #expect(node.change(voters: many) == .refused(.tooManyMembers(count: 256, limit: 255)))
        #expect(node.last == i(2))
        #expect(TestNode(1).change(voters: [1]) == .notLeader(leader: nil))
        node.step(.transferLeadership(to: n(2)))
        #expect(node.change(voters: [1, 2]) == .transferring)
    }

    @Test func c15ChangeByALeaderWithoutAQuorumIsRolledBack() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5])
        network.elect(1)
        network.isolate(1)
        network[1].change(voters: [1, 2, 3, 4])
        network.run(.seconds(4))
        #expect(network[1].commit == i(2) && network[1].configuration.voters.count == 4)
        #expect(network[1].role != .leader)
        network.heal()
        network.run(.seconds(3))
        #expect(network.leaders.count == 1 && network[1].configuration == network.leaders[0].configuration)
        #expect(network[1].configuration == RaftConfiguration(voters: [1, 2, 3, 4, 5].map(n)))
    }
}
