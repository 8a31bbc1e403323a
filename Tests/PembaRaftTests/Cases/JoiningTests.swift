// Pemba: nodes that come, and voters that are demoted.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases C8 and C9 of the reliability checklist.
struct JoiningTests {
    // MARK: C8 Catching up

    @Test func c8NewNodeLearnsFirstAndGetsItsVoteWhenItHasCaughtUp() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        for _ in 0..<20 { network[1].propose() }
        network.settle()
        network.add(.blank(4))
        #expect(network[1].change(voters: [1, 2, 3, 4]) == .appended(index: i(23), term: t(2)))
        #expect(
            network[1].configuration.learners == [n(4)] && network[1].core.status().catchingUp.map(\.node) == [n(4)]
        )
        network.run(.seconds(1))
        #expect(network[1].configuration == RaftConfiguration(voters: [1, 2, 3, 4].map(n)))
        #expect(network[4].log == network[1].log && network[1].commit == i(24))
        #expect(network[1].core.status().catchingUp.isEmpty)
    }

    @Test func c8SeveralCatchUpAndReplaceOthersInOneJointStep() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        for id in [4, 5] as [UInt64] { network.add(.blank(id)) }
        var joint: [RaftConfiguration] = []
        network.loses = { message in
            for entry in [message].appends.flatMap(\.entries) {
                if let next = RaftCore.configuration(in: entry), next.isJoint { joint.append(next) }
            }
            return false
        }
        network[1].change(voters: [1, 4, 5])
        network.run(.seconds(1))
        #expect(joint.first?.voters == [1, 4, 5].map(n) && joint.first?.outgoingVoters == [1, 2, 3].map(n))
        #expect(network[1].configuration == RaftConfiguration(voters: [1, 4, 5].map(n), removed: [2, 3].map(n)))
        for id in [2, 3] as [UInt64] { #expect(network[id].core.status().removedAt == network[1].last) }
    }

    @Test func c8NextLeaderGoesOnWithTheGoal() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.add(.blank(4))
        network.cut(1, 4)
        network[1].change(voters: [1, 2, 3, 4])
        network.settle()
        #expect(network[2].configuration.goal != nil)
        network.isolate(1)
        network.run(.seconds(4))
        #expect(network.leaders.last?.configuration == RaftConfiguration(voters: [1, 2, 3, 4].map(n)))
    }

    @Test func c8UnreachableNodeDoesNotGetItsVoteAndTheClusterGoesOn() {
        let network = TestNetwork(voters: [1, 2, 3]) { $0.catchUpTimeout = .seconds(2) }
        network.elect(1)
        network[1].change(voters: [1, 2, 3, 4])
        network.run(.milliseconds(1_900))
        #expect(network[1].configuration.goal != nil)
        network.run(.milliseconds(300))
        let failure = AbandonedChange(node: n(4), failure: .silent, index: i(4))
        #expect(network[1].core.status().abandoned == failure && network[1].commit == i(4))
        #expect(network[1].configuration == RaftConfiguration(voters: [1, 2, 3].map(n), learners: [n(4)]))
    }

    /// Rounds are measured one by one, against the log as it was when each began.
    @Test func c8SlowNodeGetsAsManyRoundsAsAllowed() {
        var options = RaftOptions(id: n(1))
        options.catchUpRoundsMax = 3
        var peer = PeerProgress(id: n(4), next: i(1), now: .zero)
        var catchUp = CatchUp(node: n(4), target: i(10), now: .zero)
        func observe(_ match: UInt64, last: UInt64, at time: UInt64) -> CatchUp.Verdict {
            _ = peer.accept(i(match))
            peer.lastContact = ms(time)
            return catchUp.observe(peer, last: i(last), now: ms(time), options: options)
        }
        #expect(observe(9, last: 30, at: 400) == .underWay && catchUp.round == 1)
        #expect(observe(10, last: 30, at: 600) == .underWay && catchUp.round == 2 && catchUp.target == i(30))
        #expect(observe(30, last: 50, at: 1_200) == .underWay && catchUp.round == 3 && catchUp.target == i(50))
        var quick = catchUp
        #expect(quick.observe(peer, last: i(50), now: ms(1_300), options: options) == .underWay)
        _ = peer.accept(i(50))
        #expect(quick.observe(peer, last: i(60), now: ms(1_700), options: options) == .caughtUp)
        #expect(observe(50, last: 60, at: 1_701) == .failed(.tooSlow))
    }

    @Test func c8NodeThatCaughtUpAndFellSilentWaitsForNobodyInVain() {
        let options = RaftOptions(id: n(1))
        var peer = PeerProgress(id: n(4), next: i(1), now: .zero)
        var catchUp = CatchUp(node: n(4), target: i(1), now: .zero)
        _ = peer.accept(i(1))
        #expect(catchUp.observe(peer, last: i(1), now: ms(10), options: options) == .caughtUp)
        #expect(catchUp.observe(peer, last: i(9), now: ms(600), options: options) == .underWay)
        #expect(catchUp.observe(peer, last: i(9), now: ms(60_000), options: options) == .failed(.silent))
    }

    @Test func c8OperatorAbandonsAChange() {
        let node = TestNode.leading()
        #expect(node.change(.abandon) == .refused(.nothingToAbandon))
        node.change(voters: [1, 2, 3, 4])
        node.acknowledge(from: [2])
        #expect(node.change(.abandon) == .appended(index: i(4), term: t(2)))
        node.acknowledge(from: [2])
        #expect(node.configuration.learners == [n(4)] && node.configuration.goal == nil)
        #expect(node.change(voters: [1, 2, 3]) == .appended(index: i(5), term: t(2)))
        #expect(node.configuration.removed == [n(4)])
    }

    // MARK: C9 Demotion

    @Test func c9DemotedVotersVoteUntilTheJointConfigurationIsLeft() {
        let node = TestNode.leading(learners: [4])
        node.change(voters: [1, 4], learners: [2, 3])
        node.acknowledge(from: [2, 4])
        let joint = node.configuration
        #expect(joint.voters == [1, 4].map(n) && joint.outgoingVoters == [1, 2, 3].map(n))
        #expect(joint.nextLearners == [2, 3].map(n) && joint.learners.isEmpty)
        node.acknowledge(from: [4])
        #expect(node.commit < node.last)
        node.acknowledge(from: [2])
        #expect(node.configuration == RaftConfiguration(voters: [1, 4].map(n), learners: [2, 3].map(n)))
        // What is known of them is kept.
        #expect(node.core.status().peers.first { $0.id == n(2) }?.match == i(4))
    }

    // MARK: Snapshots on the way to a vote

    /// What is observed of a learner once a second, and heard of each time.
    private func observe(
        _ catchUp: inout CatchUp,
        _ peer: inout PeerProgress,
        from start: Instant,
        seconds: Int
    ) -> CatchUp.Verdict {
        var verdict = CatchUp.Verdict.underWay
        for second in 0..<seconds where verdict == .underWay {
            let now = start + .seconds(UInt64(second))
            peer.lastContact = now
            verdict = catchUp.observe(peer, last: i(100), now: now, options: RaftOptions(id: n(1)))
        }
        return verdict
    }

    /// However long a snapshot takes, and the moment after it, before the log grows from there.
    @Test func theTimeOfASnapshotDoesNotCount() {
        var catchUp = CatchUp(node: n(4), target: i(100), now: .zero)
        var peer = PeerProgress(id: n(4), next: i(1), now: .zero)
        peer.becomeSnapshot(i(50))
        #expect(observe(&catchUp, &peer, from: .zero, seconds: 600) == .underWay)
        peer.becomeProbe()
        #expect(observe(&catchUp, &peer, from: .zero + .seconds(600), seconds: 50) == .underWay)
        #expect(observe(&catchUp, &peer, from: .zero + .seconds(650), seconds: 60) == .failed(.silent))
    }

    /// One whose disk takes no snapshot asks for one after the other, and is given up all the same.
    @Test func snapshotsThatNeverArriveAreNotSentForEver() {
        var catchUp = CatchUp(node: n(4), target: i(100), now: .zero)
        var peer = PeerProgress(id: n(4), next: i(1), now: .zero)
        var now = Instant.zero
        var transfers = 0
        var verdict = CatchUp.Verdict.underWay
        while verdict == .underWay, transfers < 1_000 {
            peer.becomeSnapshot(i(50))
            verdict = observe(&catchUp, &peer, from: now, seconds: 5)
            now = now + .seconds(5)
            peer.becomeProbe()
            if verdict == .underWay { verdict = observe(&catchUp, &peer, from: now, seconds: 1) }
            now = now + .seconds(1)
            transfers += 1
        }
        #expect(verdict == .failed(.silent) && transfers == CatchUp.lostTransfersMax)
    }
}
