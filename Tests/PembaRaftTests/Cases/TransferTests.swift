// Pemba: handing leadership over.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The case E13 of the reliability checklist, and what belongs to it.
struct TransferTests {
    @Test func e13TransferToACaughtUpVoterIsImmediateAndPassesTheLease() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network[1].step(.transferLeadership(to: n(3)))
        network.settle()
        #expect(network.leaders.map(\.id) == [n(3)])
        #expect(network[1].leader == n(3) && network[2].leader == n(3))
    }

    @Test func e13TransferToTheBestPicksTheOneWithMost() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.acknowledge(from: [2], upTo: i(1))
        node.acknowledge(from: [3])
        _ = node.takeSent()
        node.step(.transferLeadership(to: nil))
        #expect(node.takeSent().filter { $0.body == .timeoutNow }.map(\.to) == [n(3)])
    }

    @Test func e13TargetIsBroughtUpToDateFirst() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.acknowledge(from: [2], upTo: i(1))
        _ = node.takeSent()
        node.step(.transferLeadership(to: n(2)))
        #expect(!node.takeSent().contains(.timeoutNow))
        node.acknowledge(from: [2])
        #expect(node.takeSent().contains(.timeoutNow))
    }

    @Test func e13ProposalsAreRefusedMeanwhileAndTakenAgainAfterATimeout() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.acknowledge(from: [2, 3])
        node.step(.transferLeadership(to: n(2)))
        #expect(node.core.status().transferTarget == n(2))
        #expect(node.propose() == .transferring)
        let begun = node.now
        for _ in 0..<5 {
            node.tick(at: node.now + .milliseconds(100))
            node.answerHeartbeats(from: [2, 3])
        }
        #expect(node.now == begun + .milliseconds(500) && node.role == .leader)
        #expect(node.propose() == .appended(first: i(3), term: t(2)))
    }

    @Test func e13TransferToSelfLearnerOrStrangerIsRefused() {
        for target in [1, 4, 9] as [UInt64] {
            let node = TestNode(1, learners: [4])
            node.becomeLeader(votes: [2])
            node.acknowledge(from: [2, 3, 4])
            _ = node.takeSent()
            node.step(.transferLeadership(to: n(target)))
            #expect(node.core.status().transferTarget == nil && node.takeSent().isEmpty)
        }
    }

    @Test func e13SecondTransferReplacesTheFirstAndARepeatedOneDoesNotProlongIt() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.step(.transferLeadership(to: n(2)))
        let deadline = node.core.transfer?.deadline
        node.now = node.now + .milliseconds(10)
        node.step(.transferLeadership(to: n(2)))
        #expect(node.core.transfer?.deadline == deadline)
        node.step(.transferLeadership(to: n(3)))
        #expect(node.core.transfer?.target == n(3))
        _ = node.takeSent()
        node.acknowledge(from: [2])
        #expect(!node.takeSent().contains(.timeoutNow))
    }

    @Test func e13TransferEndsWithTheTerm() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.step(.transferLeadership(to: n(2)))
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 3, term: 9)
        #expect(node.core.transfer == nil && node.role == .follower)
    }

    @Test func e13OnlyTheLeaderMakesAnybodyCampaign() {
        let node = TestNode(1)
        node.receive(.timeoutNow, from: 2, term: 1)
        #expect(node.role == .follower)
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 3, term: 1)
        node.receive(.timeoutNow, from: 2, term: 1)
        #expect(node.role == .follower)
        node.receive(.timeoutNow, from: 3, term: 1)
        #expect(node.role == .candidate && node.term == t(2))
    }

    @Test func e13TransferWorksWhileAFollowerIsGone() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.isolate(2)
        network.run(.milliseconds(700))
        network[1].step(.transferLeadership(to: nil))
        network.settle()
        #expect(network.leaders.map(\.id) == [n(3)])
    }
}
