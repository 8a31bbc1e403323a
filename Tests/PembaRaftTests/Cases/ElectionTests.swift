// Pemba: elections where implementations of Raft have gone wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases E1 to E16 of the reliability checklist, except transfers.
struct ElectionTests {
    @Test func e1VoteLeavesOnlyAfterItIsDurable() {
        let node = TestNode(1)
        node.persistsAtOnce = false
        node.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 2, term: 5)
        #expect(node.sent.isEmpty)
        #expect(node.pending.map(\.hardState) == [HardState(term: t(5), vote: n(2))])
        node.persist()
        #expect(node.takeSent().contains(.voteResponse(granted: true)))
        #expect(node.disk.hardState == HardState(term: t(5), vote: n(2)))
    }

    @Test func e1RefusalOfANewTermWaitsForTheTerm() {
        let node = TestNode(1, terms: [1, 1])
        node.persistsAtOnce = false
        node.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 2, term: 5)
        #expect(node.sent.isEmpty)
        node.persist()
        #expect(node.takeSent().contains(.voteResponse(granted: false)))
    }

    /// It would campaign in the term once more after a crash, with what is left of its log, and count votes for more.
    @Test func e1CandidateAsksForVotesOnlyOnceItsTermIsDurable() {
        let node = TestNode(1)
        node.persistsAtOnce = false
        node.timeOut()
        node.receive(.preVoteResponse(granted: true), from: 2, term: node.term.rawValue + 1)
        #expect(node.role == .candidate)
        #expect(!node.takeSent().map(\.body).contains { if case .requestVote = $0 { true } else { false } })
        node.persist()
        #expect(node.takeSent().map(\.body).count { if case .requestVote = $0 { true } else { false } } == 2)
    }

    @Test func e2OneVoteATermAcrossARestart() {
        let first = TestNode(1)
        first.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 2, term: 5)
        let second = TestNode(options: first.options, disk: first.disk, seed: 9)
        second.receive(.requestVote(lastIndex: i(9), lastTerm: t(4), transfer: false), from: 3, term: 5)
        #expect(second.takeSent().contains(.voteResponse(granted: false)) && second.vote == n(2))
        second.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 2, term: 5)
        #expect(second.takeSent().contains(.voteResponse(granted: true)))
    }

    @Test func e3TheLastTermDecidesBeforeTheLength() {
        let node = TestNode(1, terms: [1, 1, 1, 1, 1])
        node.receive(.requestVote(lastIndex: i(2), lastTerm: t(2), transfer: false), from: 2, term: 3)
        #expect(node.takeSent().contains(.voteResponse(granted: true)))
    }

    @Test func e4NodesOfOneSeedDrawDifferentTimeouts() {
        let deadlines = Set(
            (1...5 as ClosedRange<UInt64>).map { TestNode($0, of: [1, 2, 3, 4, 5]).core.electionDeadline }
        )
        #expect(deadlines.count == 5)
    }

    @Test func e5SingleVoterLeadsAndCommitsOnlyAfterItsOwnWrites() {
        let node = TestNode(1, of: [1])
        node.persistsAtOnce = false
        node.timeOut()
        #expect(node.role == .candidate)
        node.persist()
        #expect(node.role == .leader && node.commit == .zero)
        node.persist()
        #expect(node.commit == i(2))
    }

    /// Others may be quicker than the own disk.
    ///
    /// A leader that forgot its term in a crash could be elected in it again.
    @Test func nobodyLeadsInATermThatIsNotDurable() {
        let node = TestNode(1)
        node.timeOut()
        node.persistsAtOnce = false
        node.receive(.preVoteResponse(granted: true), from: 2, term: 2)
        node.receive(.voteResponse(granted: true), from: 2, term: 2)
        node.receive(.voteResponse(granted: true), from: 3, term: 2)
        #expect(node.role == .candidate)
        node.persist()
        #expect(node.role == .leader)
    }

    @Test func e6CandidateStepsDownForALeaderOfItsTerm() {
        let node = TestNode(1)
        node.becomeCandidate(with: [2])
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 3, term: 2)
        #expect(node.role == .follower && node.leader == n(3) && node.vote == n(1))
    }

    @Test func e7PreVoteChangesNothing() {
        let node = TestNode(1)
        let (deadline, disk, leaderships) = (node.core.electionDeadline, node.disk.hardState, node.leaderships)
        node.now = ms(400)
        node.receive(.preVote(lastIndex: i(9), lastTerm: t(9)), from: 2, term: 10)
        #expect(node.takeSent().contains(.preVoteResponse(granted: true)))
        #expect(node.term == t(1) && node.vote == nil && node.core.electionDeadline == deadline)
        #expect(node.disk.hardState == disk && node.leaderships == leaderships && node.pending.isEmpty)
        // It grants another one too: nothing was promised.
        node.receive(.preVote(lastIndex: i(9), lastTerm: t(9)), from: 3, term: 10)
        #expect(node.takeSent().contains(.preVoteResponse(granted: true)))
    }

    @Test func e8LatePreVoteGrantIsNoVote() {
        let node = TestNode(1, of: [1, 2, 3, 4, 5])
        node.timeOut()
        for voter in [2, 3] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
        #expect(node.role == .candidate)
        for voter in [4, 5] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
        #expect(node.role == .candidate)
        // And one of a campaign in an earlier term does not count in a later one.
        node.timeOut()
        for voter in [2, 3, 4] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
        #expect(node.role == .preCandidate)
    }

    @Test func e9PreCandidateThatLagsInTermsStillGetsElected() {
        // The second has an older term and the better log; the first cannot win.
        let network = TestNetwork([
            TestNode(1, of: [1, 2], term: 7), TestNode(2, of: [1, 2], term: 2, terms: [2, 2]),
        ])
        network.run(.seconds(5))
        #expect(network.leaders.map(\.id) == [n(2)])
    }

    @Test func e10PreCandidateForgetsItsLeader() {
        let node = TestNode(1)
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 2, term: 1)
        #expect(node.leader == n(2))
        node.timeOut()
        #expect(node.leader == nil)
        // So it no longer stands in the way of others.
        _ = node.takeSent()
        node.receive(.preVote(lastIndex: i(1), lastTerm: t(1)), from: 3, term: 2)
        #expect(node.takeSent().contains(.preVoteResponse(granted: true)))
    }

    @Test func e11AnotherLeadsSoonAfterTheLeaderDies() {
        for size in [3, 5] as [UInt64] {
            let network = TestNetwork(voters: Array(1...size))
            network.elect(1)
            network.isolate(1)
            network.run(.seconds(3))
            let leaders = network.leaders.map(\.id)
            #expect(leaders.count == 1 && leaders != [n(1)])
        }
    }

    @Test func e12NodeStuckInAHigherTermIsFreed() {
        let network = TestNetwork([TestNode(1, terms: [1, 1]), TestNode(2, terms: [1, 1]), TestNode(3, term: 9)])
        network.cut(1, 3)
        network.cut(2, 3)
        network.elect(1)
        #expect(network[1].term < network[3].term)
        network.heal()
        network.run(.seconds(3))
        #expect(network.leaders.count == 1)
        #expect(Set(network.nodes.map(\.term)).count == 1 && network[3].log == network.leaders[0].log)
    }

    @Test func e14LearnerVotesWhenAskedAndNeverCampaigns() {
        let learner = TestNode(4, of: [1, 2, 3], learners: [4])
        learner.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 2, term: 5)
        #expect(learner.takeSent().contains(.voteResponse(granted: true)))
        learner.timeOut()
        learner.step(.campaign)
        #expect(learner.role == .follower && learner.takeSent().isEmpty)
    }

    @Test func e15RemovedOrDeafNodeCannotDeposeALeader() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        let term = network[1].term
        let stranger = TestNode(9, of: [1, 2, 3, 9])
        for round in 2...6 as ClosedRange<UInt64> {
            network.run(.milliseconds(100))
            stranger.timeOut()
            for message in stranger.takeSent() {
                for node in network.nodes where node.id == message.to { node.step(.message(message)) }
            }
            // One that skips the pre-vote fares no better.
            for node in [2, 3] as [UInt64] {
                let request = RaftMessage.Body.requestVote(lastIndex: i(99), lastTerm: t(99), transfer: false)
                network[node].receive(request, from: 9, term: 90 + round)
            }
            network.settle()
        }
        #expect(network[1].role == .leader && network[1].term == term)
    }

    /// Only the hub hears everybody, and the leader only the hub: the leader gives way, the hub can win.
    @Test func e16QuorumLossEndsWithTheHubInPower() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5])
        network.elect(3)
        for left in [2, 3, 4, 5] as [UInt64] {
            for right in [2, 3, 4, 5] as [UInt64] where left < right { network.cut(left, right) }
        }
        network.run(.seconds(6))
        #expect(network.leaders.map(\.id) == [n(1)])
        network[1].propose()
        network.settle()
        #expect(network[1].commit == network[1].last)
    }

    /// Only the hub can win, but its log is behind: it must not, until it has caught up; and then it does.
    @Test func e16ConstrainedElectionNeverElectsTheOneThatIsBehind() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5])
        network.elect(3)
        network.isolate(1)
        network[3].propose()
        network.settle()
        network.heal()
        // The first hears everybody; the rest hear only it and, of them, the fourth hears the fifth and the second.
        network.cut(2, 3)
        network.cut(3, 4)
        network.cut(3, 5)
        network.cut(2, 5)
        network.run(.seconds(8))
        let leaders = network.leaders
        #expect(leaders.count == 1 && leaders.first?.commit == leaders.first?.last)
        #expect(leaders.allSatisfy { $0.last >= i(3) })
    }

    /// In a chain of three whose leader is an end, the far end cannot hear it; the leader stays, terms do not race.
    @Test func e16ChainKeepsItsLeader() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        let term = network[1].term
        network.cut(1, 3)
        network.run(.seconds(10))
        #expect(network.leaders.map(\.id) == [n(1)] && network[1].term == term)
        network[1].propose()
        network.settle()
        #expect(network[1].commit == network[1].last)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func moreWillingNodesCampaignFirst(seed: UInt64) {
        let nodes = [(1, 0), (2, 3), (3, 1)].map { (id: UInt64, priority: Int) in
            TestNode(id, seed: seed) { $0.electionPriority = priority }
        }
        let network = TestNetwork(nodes)
        network.run(.milliseconds(1_010))
        #expect(network.leaders.map(\.id) == [n(2)])
        // One that is less willing leads all the same if nobody else does.
        network.isolate(2)
        network.run(.seconds(3))
        #expect(network.leaders.map(\.id) == [n(3)])
    }

    @Test func leaderWithoutAQuorumStepsDownAndFallsSilent() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        let elected = node.now
        node.tick(at: elected + .milliseconds(499))
        #expect(node.role == .leader)
        #expect(node.core.nextDeadline <= elected + .milliseconds(500))
        _ = node.takeSent()
        node.tick(at: elected + .milliseconds(500))
        #expect(node.role == .follower && node.leader == nil && node.takeSent().isEmpty)
        #expect(node.core.nextDeadline >= elected + .milliseconds(1_000))
    }

    /// A leader that hears but is not heard gets no answers; being asked for pre-votes must not keep it in power.
    @Test func leaderThatIsNotHeardStepsDown() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.cutOneWay(from: 1, to: 2)
        network.cutOneWay(from: 1, to: 3)
        network.run(.seconds(4))
        #expect(network.leaders.count == 1 && network[1].role != .leader)
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        for _ in 0..<5 {
            node.tick(at: node.now + .milliseconds(100))
            for peer in [2, 3] as [UInt64] {
                node.receive(.preVote(lastIndex: i(1), lastTerm: t(1)), from: peer, term: 3)
            }
        }
        #expect(node.role == .follower)
    }

    /// A pause of the process is no reason to give up followers whose answers wait in the buffer.
    @Test func messagesThatWaitedDuringAPauseAreHeardFirst() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.now = node.now + .seconds(10)
        node.answerHeartbeats(from: [2])
        node.step(.tick)
        #expect(node.role == .leader)
    }

    @Test func timeNeverFalls() {
        let node = TestNode(1)
        node.tick(at: ms(400))
        node.now = ms(10)
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 2, term: 1)
        #expect(node.core.electionDeadline >= ms(900))
    }
}
