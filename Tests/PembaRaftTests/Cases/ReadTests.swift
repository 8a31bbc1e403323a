// Pemba: linearizable reads where implementations of Raft have gone wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases R1 to R10 of the reliability checklist that concern the core; there are no leases.
struct ReadTests {
    /// A leader whose no-op is committed and whose first round of heartbeats is answered.
    private func leader(of voters: [UInt64] = [1, 2, 3], learners: [UInt64] = []) -> TestNode {
        let node = TestNode(1, of: voters, learners: learners)
        node.becomeLeader(votes: Array(voters.dropFirst().prefix(voters.count / 2)))
        node.acknowledge(from: Array(voters.dropFirst()))
        node.answerHeartbeats(from: Array(voters.dropFirst()))
        _ = node.takeSent()
        return node
    }

    @Test func readIsAnsweredByAQuorumOfHeartbeats() {
        let node = leader(of: [1, 2, 3, 4, 5])
        node.step(.read(ticket: 7))
        #expect(node.takeSent().heartbeats == [n(2), n(3), n(4), n(5)] && node.ready.isEmpty)
        node.answerHeartbeats(from: [2])
        #expect(node.ready.isEmpty)
        node.answerHeartbeats(from: [3])
        #expect(node.ready.map(\.ticket) == [7] && node.ready.map(\.index) == [i(2)])
    }

    @Test func r1ReadWaitsForTheFirstCommitmentOfTheTerm() {
        let node = TestNode(1, terms: [1, 1])
        node.becomeLeader(votes: [2])
        node.step(.read(ticket: 7))
        node.answerHeartbeats(from: [2, 3])
        #expect(node.ready.isEmpty)
        node.acknowledge(from: [2])
        node.answerHeartbeats(from: [2])
        #expect(node.ready.map(\.index) == [i(4)])
    }

    @Test func r3DelayedAnswersToAnOlderRoundReleaseNothing() {
        let node = leader()
        node.step(.read(ticket: 1))
        let old = node.core.reads.context
        node.answerHeartbeats(from: [2])
        #expect(node.ready.map(\.ticket) == [1])
        // Asked again with the same ticket: a new context, and the old answer counts for nothing.
        node.step(.read(ticket: 1))
        #expect(node.core.reads.context > old)
        node.answerHeartbeats(from: [3], context: old)
        #expect(node.ready.count == 1)
        node.answerHeartbeats(from: [3])
        #expect(node.ready.count == 2)
    }

    @Test func contextsFromTheFutureCountForNothing() {
        let node = leader()
        node.answerHeartbeats(from: [2, 3], context: .max)
        node.step(.read(ticket: 1))
        #expect(node.ready.isEmpty)
    }

    @Test func r4DeposedLeaderDropsItsReads() {
        let node = leader()
        node.step(.read(ticket: 1))
        node.step(.read(ticket: 2))
        node.receive(.readIndex(request: 5), from: 3, term: 2)
        _ = node.takeSent()
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 2, term: 9)
        #expect(node.failed == [1, 2] && node.ready.isEmpty)
        #expect(node.takeSent().contains(.readIndexResponse(request: 5, index: nil)))
    }

    @Test func r4LeaderWithoutAQuorumFailsItsReads() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.isolate(1)
        network[1].step(.read(ticket: 1))
        network.run(.seconds(1))
        #expect(network[1].failed == [1] && network[1].ready.isEmpty)
    }

    @Test func r5JointConfigurationNeedsBothHalves() {
        let node = TestNode(options: RaftOptions(id: n(1)), disk: .joint(incoming: [1, 2, 3], outgoing: [1, 4, 5]))
        node.becomeLeader(votes: [2, 4])
        node.acknowledge(from: [2, 4])
        node.answerHeartbeats(from: [2, 4])
        node.step(.read(ticket: 1))
        node.answerHeartbeats(from: [2, 3])
        #expect(node.ready.isEmpty)
        node.answerHeartbeats(from: [5])
        #expect(node.ready.map(\.ticket) == [1])
    }

    @Test func r6LearnersDoNotCount() {
        let node = leader(learners: [4, 5])
        node.step(.read(ticket: 1))
        node.answerHeartbeats(from: [4, 5])
        #expect(node.ready.isEmpty)
    }

    @Test func r8NodeWithoutALeaderFailsReadsAtOnce() {
        let node = TestNode(1, terms: [1, 1])
        node.step(.read(ticket: 1))
        #expect(node.failed == [1])
    }

    @Test func readsThatArriveDuringARoundShareTheNext() {
        let node = leader()
        node.step(.read(ticket: 1))
        for ticket in 2...50 as ClosedRange<UInt64> { node.step(.read(ticket: ticket)) }
        #expect(node.takeSent().heartbeats.count == 2)
        node.answerHeartbeats(from: [2])
        #expect(node.ready.map(\.ticket) == [1] && node.takeSent().heartbeats.count == 2)
        node.answerHeartbeats(from: [2])
        #expect(node.ready.map(\.ticket) == Array(1...50) && node.takeSent().heartbeats.isEmpty)
    }

    @Test func lostRoundIsRepeatedByTheNextHeartbeat() {
        let node = leader()
        node.step(.read(ticket: 1))
        let context = node.takeSent().context
        node.tick(at: node.core.heartbeatDeadline)
        #expect(node.takeSent().context == context)
        node.answerHeartbeats(from: [2])
        #expect(node.ready.map(\.ticket) == [1])
    }

    @Test func singleVoterAnswersAtOnce() {
        let node = TestNode(1, of: [1])
        node.timeOut()
        node.step(.read(ticket: 1))
        #expect(node.ready.map(\.index) == [i(2)])
    }

    // MARK: Followers

    @Test func followersAndLearnersAskTheLeader() {
        let network = TestNetwork(voters: [1, 2, 3], learners: [4])
        network.elect(1)
        network[1].propose()
        network.settle()
        for id in [2, 4] as [UInt64] {
            network[id].step(.read(ticket: 10 + id))
            network.settle()
            #expect(network[id].ready.map(\.ticket) == [10 + id] && network[id].ready.map(\.index) == [i(3)])
        }
    }

    @Test func followerAsksOneQuestionAtATime() {
        let node = TestNode(2)
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 1, term: 1)
        _ = node.takeSent()
        for ticket in 1...10 as ClosedRange<UInt64> { node.step(.read(ticket: ticket)) }
        let asked = node.takeSent()
        #expect(asked.count == 1)
        guard case .readIndex(let request)? = asked.first?.body else {
            Issue.record("nothing was asked")
            return
        }
        node.receive(.readIndexResponse(request: request + 1, index: i(9)), from: 1, term: 1)
        node.receive(.readIndexResponse(request: request, index: i(9)), from: 3, term: 1)
        #expect(node.ready.isEmpty)
        node.receive(.readIndexResponse(request: request, index: i(9)), from: 1, term: 1)
        #expect(node.ready.map(\.ticket) == [1] && node.takeSent().contains(.readIndex(request: request + 1)))
        node.receive(.readIndexResponse(request: request, index: i(9)), from: 1, term: 1)
        #expect(node.ready.count == 1)
        node.receive(.readIndexResponse(request: request + 1, index: nil), from: 1, term: 1)
        #expect(node.failed == Array(2...10))
    }

    @Test func r10ReadInAPartitionTimesOutAndIsNotAnswered() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.isolate(2)
        network[2].step(.read(ticket: 1))
        #expect(network[2].core.nextDeadline <= network.now + .milliseconds(500))
        network.run(.milliseconds(510))
        #expect(network[2].failed == [1] && network[2].ready.isEmpty)
    }

    @Test func readsFailWhenTheLeaderChangesOrItsLinkBreaks() {
        let node = TestNode(2)
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 1, term: 1)
        node.step(.read(ticket: 1))
        node.step(.read(ticket: 2))
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 3, term: 2)
        #expect(node.failed == [1, 2])
        node.step(.read(ticket: 3))
        node.step(.unreachable(n(3)))
        #expect(node.failed == [1, 2, 3])
    }

    /// The numbers of questions start at random: an answer to one from before a restart does not fit.
    @Test func questionsOfAnEarlierLifeAreNotAnsweredInALaterOne() {
        func firstQuestion(seed: UInt64) -> [RaftMessage] {
            let node = TestNode(2, seed: seed)
            node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 1, term: 1)
            _ = node.takeSent()
            node.step(.read(ticket: 1))
            return node.takeSent()
        }
        #expect(firstQuestion(seed: 1) != firstQuestion(seed: 2))
    }

    // MARK: Freshness

    @Test func freshnessOfAFollowerKeepsUpWithTheHeartbeats() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.run(.seconds(2))
        for id in [1, 2, 3] as [UInt64] {
            guard let fresh = network[id].core.freshness.known else {
                Issue.record("node \(id) knows nothing")
                return
            }
            #expect(network.now - fresh.asOf <= .milliseconds(400) && fresh.commit == i(2))
        }
        network.isolate(3)
        let known = network[3].core.freshness.known
        network[1].propose()
        network.run(.seconds(2))
        #expect(network[3].core.freshness.known == known)
    }

    /// Heartbeats that lay in a buffer while the process was stopped do not make it fresh.
    @Test func heartbeatsFromBeforeAPauseDoNotMakeANodeFresh() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.run(.seconds(2))
        var buffered: [RaftMessage] = []
        network.loses = { message in
            if message.to == n(3) { buffered.append(message) }
            return message.to == n(3)
        }
        network.run(.milliseconds(300))
        let node = network[3]
        let paused = network.now
        node.now = paused + .seconds(60)
        for message in buffered { node.step(.message(message)) }
        guard let fresh = node.core.freshness.known else {
            Issue.record("nothing is known")
            return
        }
        #expect(fresh.asOf <= paused)
    }

    /// A follower that lags behind hears the leader's whole commit index, so it cannot take itself for fresh.
    @Test func freshnessSpeaksOfTheLeadersCommitIndex() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.run(.seconds(1))
        network.loses = { message in
            if case .appendEntries = message.body { return message.to == n(3) }
            return false
        }
        network[1].propose()
        network.run(.seconds(1))
        #expect(network[3].commit == i(2) && network[3].core.freshness.known?.commit == i(3))
    }

    /// A leader without a quorum vouches for less and less.
    @Test func freshnessEndsWithTheQuorum() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5])
        network.elect(1)
        network.run(.seconds(1))
        for left in [1, 2] as [UInt64] { for right in [3, 4, 5] as [UInt64] { network.cut(left, right) } }
        let parted = network.now
        network.run(.milliseconds(450))
        for id in [1, 2] as [UInt64] {
            guard let fresh = network[id].core.freshness.known else {
                Issue.record("nothing is known")
                return
            }
            #expect(fresh.asOf <= parted)
        }
    }
}
