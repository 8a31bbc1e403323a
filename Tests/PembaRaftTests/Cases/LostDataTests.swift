// Pemba: nodes that come back without their data.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaRaft

/// The case C11 of the reliability checklist, as far as it is about lost data.
struct LostDataTests {
    @Test func c11VoterThatLostItsDataIsRefused() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network[1].propose()
        network.settle()
        network.replace(.blank(3))
        network.run(.seconds(2))
        #expect(network[3].last == .zero)
        #expect(network[1].core.status().peers.filter(\.hasLostData).map(\.id) == [n(3)])
        // It counts for nothing: without the second, nothing is committed and nobody stays in power.
        network.isolate(2)
        network[1].propose()
        network.run(.seconds(2))
        #expect(network[1].commit == i(3) && network.leaders.isEmpty)
    }

    /// A voter answers a heartbeat of an earlier leadership after it has elected the same node again.
    @Test func c11AnswerToAnEarlierLeadershipIsNoSignOfLostData() {
        let node = TestNode.elected()
        node.receive(.heartbeatResponse(context: 0, probe: 0), from: 2, term: node.term.rawValue)
        #expect(node.core.status().peers.allSatisfy { !$0.hasLostData })
        node.acknowledge(from: [2])
        #expect(node.commit == node.last)
    }

    /// A learner does not count: one that lost its data gets it again, and no vote before it has.
    @Test(arguments: [false, true]) func c11LearnerThatLostItsDataGetsItAgain(isToVote: Bool) {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.add(.blank(4))
        network[1].change(voters: [1, 2, 3] + (isToVote ? [4, 5] : []), learners: isToVote ? [] : [4])
        for _ in 0..<20 { network[1].propose() }
        network.run(.seconds(1))
        #expect(network[4].last == network[1].last && network[1].configuration.learners.contains(n(4)))
        network.replace(.blank(4))
        network.run(.seconds(1))
        #expect(network[4].log == network[1].log && network[4].commit == network[1].commit)
        #expect(network[1].core.status().peers.allSatisfy { !$0.hasLostData })
        let peer = network[1].core.status().peers.first { $0.id == n(4) }
        #expect(peer?.match == network[1].last)
    }

    /// What it had promised was counted in configurations in which it voted, and is committed by now.
    @Test func c11VoterThatLostItsDataGetsItAgainAsALearner() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network[1].propose()
        network.settle()
        network.replace(.blank(3))
        network.run(.seconds(1))
        #expect(network[1].core.status().peers.filter(\.hasLostData).map(\.id) == [n(3)])
        network[1].change(voters: [1, 2], learners: [3])
        network.run(.seconds(1))
        #expect(network[1].core.status().peers.allSatisfy { !$0.hasLostData })
        #expect(network[3].log == network[1].log && network[3].commit == network[1].commit)
    }

    /// It was down for so long that the log does not reach back to what it had, so that a snapshot would be due.
    @Test func c11VoterThatLostItsDataGetsNoSnapshot() {
        for hadAcknowledged in [false, true] {
            let node = TestNode(1, terms: [1, 1, 1, 1]) { $0.trailingEntries = 0 }
            node.becomeLeader(votes: [2])
            if hadAcknowledged { node.acknowledge(from: [3], upTo: i(2)) }
            node.step(.unreachable(n(3)))
            node.acknowledge(from: [2])
            node.step(.applied(node.commit))
            node.step(.compact(node.commit))
            node.answerHeartbeats(from: [3], context: 0)
            #expect(node.snapshotsSent.isEmpty && node.core.status().peers.last?.hasLostData == true)
        }
    }

    /// Nor does one whose new, empty disk is damaged besides: it knows no more of what it had.
    @Test func c11NodeWithoutDataGrantsNoVotesAndConfirmsNoReads() {
        let (new, made) = (HardState(), HardState(term: t(1)))
        for state in [new, new.owing(.tail), new.owing(.range), made.owing(.tail), made.owing(.tail).owing(.range)] {
            let node = TestNode(options: RaftOptions(id: n(3)), disk: TestDisk(hardState: state, entries: []))
            #expect(node.core.logContent == .empty)
            node.receive(.preVote(lastIndex: i(9), lastTerm: t(9)), from: 2, term: 10)
            node.receive(.requestVote(lastIndex: i(9), lastTerm: t(9), transfer: true), from: 2, term: 10)
            #expect(node.takeSent().map(\.body) == [.preVoteResponse(granted: false), .voteResponse(granted: false)])
            #expect(node.vote == nil)
            node.receive(.heartbeat(commit: .zero, context: 7, vouch: nil), from: 2, term: 10)
            guard case .heartbeatResponse(let context, _)? = node.takeSent().last?.body else {
                Issue.record("no answer")
                return
            }
            #expect(context == 0)
        }
    }

    // MARK: Votes that were forgotten

    /// A voter that lost its data still votes if the entry that makes it a learner goes again.
    @Test func c11VoterThatLostItsDataGetsNothingBeforeItsDemotionIsCommitted() {
        let network = TestNetwork(voters: [1, 2, 3, 4])
        network.elect(1)
        network.replace(.blank(4))
        network.run(.seconds(1))
        network.loses = { message in
            guard case .appendEntries(_, _, let entries, _) = message.body else { return false }
            return message.to != n(4) && entries.contains { $0.kind == .configuration }
        }
        network[1].change(voters: [1, 2, 3], learners: [4])
        network.run(.seconds(2))
        #expect(network[1].core.mustHaveData(n(4)) && network[4].last == .zero)
        network.heal()
        network.run(.seconds(1))
        #expect(!network[1].core.mustHaveData(n(4)) && network[4].log == network[1].log)
    }

    /// Of five, the fifth elects the first, loses its data, and gets a part of the log again in the same term.
    ///
    /// Then another candidate of that term asks it, which was cut off until now.
    @Test func c11NodeThatLostItsDataVotesOnceInATerm() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5])
        for id in [1, 2] as [UInt64] {
            network[id].step(.campaign)
            for voter in [3, 4] as [UInt64] {
                network[id].receive(.preVoteResponse(granted: true), from: voter, term: 2)
            }
            #expect(network[id].role == .candidate && network[id].term == t(2))
        }
        let late = network[2].takeSent().filter { $0.to == n(5) }
        network.isolate(2)
        network.settle()
        #expect(network[1].role == .leader && network[5].vote == n(1))
        network.replace(.blank(5))
        network.run(.seconds(1))
        network[1].change(voters: [1, 2, 3, 4], learners: [5])
        // Of what it gets again, only the beginning arrives.
        network.loses = { message in
            guard case .appendEntries(let previous, _, let entries, _) = message.body else { return false }
            return message.to == n(5) && (previous > .zero || entries.count > 1)
        }
        network.run(.seconds(1))
        let first = network[1].log[0]
        network[5].receive(
            .appendEntries(previousIndex: .zero, previousTerm: .zero, entries: [first], commit: .zero),
            from: 1,
            term: 2
        )
        #expect(network[5].last == i(1) && network[5].term == t(2))
        // It hears nobody until its leader is forgotten.
        network.isolate(5)
        network.run(.seconds(3))
        #expect(network[5].leader == nil && network[5].term == t(2))
        _ = network[5].takeSent()
        for message in late { network[5].step(.message(message)) }
        #expect(network[5].takeSent().map(\.body).contains(.voteResponse(granted: false)))
        #expect(network[5].vote == n(1))
    }

    /// A node without data cannot know whom it voted for after the leader was replaced that now offers it a log.
    @Test(arguments: [false, true]) func c11NodeWithoutDataTakesNothingFromALeaderNobodyFollows(isSnapshot: Bool) {
        let node = TestNode.blank(4)
        let first = bootEntry(voters: [1, 2, 3].map(n), learners: [n(4)])
        func offer(term: UInt64 = 2) {
            if isSnapshot {
                node.receive(.installSnapshot(index: i(9), term: t(1)), from: 1, term: term)
            } else {
                let body = RaftMessage.Body.appendEntries(
                    previousIndex: .zero,
                    previousTerm: .zero,
                    entries: [first],
                    commit: .zero
                )
                node.receive(body, from: 1, term: term)
            }
        }
        func hear(round: UInt64, vouchesFor probe: UInt64?, term: UInt64 = 2) -> UInt64? {
            let vouch = probe.map { RaftMessage.Vouch(probe: $0, commit: i(5), age: .milliseconds(1)) }
            node.now = node.now + .milliseconds(100)
            node.receive(.heartbeat(commit: .zero, context: round, vouch: vouch), from: 1, term: term)
            guard case .heartbeatResponse(context: 0, let probe)? = node.takeSent().last?.body else { return nil }
            return probe
        }
        var tookAny: Bool { node.last > .zero || !node.offers.isEmpty }
        offer()
        #expect(!tookAny)
        // Rounds pass, but the leader has not heard of this process: these may be old messages.
        let probe = hear(round: 3, vouchesFor: nil)
        _ = hear(round: 8, vouchesFor: 77)
        offer()
        #expect(!tookAny && probe != nil)
        // The round that was under way when it answered may have been answered by others before.
        _ = hear(round: 9, vouchesFor: probe)
        offer()
        _ = hear(round: 10, vouchesFor: nil)
        offer()
        #expect(!tookAny)
        // Another leader begins anew.
        _ = hear(round: 40, vouchesFor: nil, term: 3)
        offer(term: 3)
        #expect(!tookAny)
        let next = hear(round: 41, vouchesFor: nil, term: 3)
        _ = hear(round: 41, vouchesFor: next, term: 3)
        _ = hear(round: 42, vouchesFor: nil, term: 3)
        offer(term: 3)
        #expect(!tookAny)
        _ = hear(round: 43, vouchesFor: nil, term: 3)
        offer(term: 3)
        #expect(tookAny)
    }

    // MARK: Acknowledgements that were forgotten

    /// The fourth of five acknowledged that the fifth left, left itself, and lost its data.
    ///
    /// Whoever has missed all that counts on three of five, and must not get the fourth for that as long as it does not know
    /// better.
    @Test func c11NodeWithAPartOfTheLogDoesNotVoteByAnOldConfiguration() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5]) { $0.messageBytesMax = 1 }
        network.elect(1)
        for _ in 0..<3 { network[1].propose() }
        network.run(.seconds(1))
        let known = network[1].last
        part(network, [1, 3, 4], from: [2, 5])
        for voters in [[1, 2, 3, 4], [1, 2, 3]] as [[UInt64]] {
            network[1].change(voters: voters, learners: voters.contains(4) ? [] : [4])
            network.settle()
            #expect(network[1].configuration.voters == voters.map(n) && network[1].commit == network[1].last)
        }
        #expect(network[4].last > known)
        network.replace(.blank(4))
        network.loses = { message in
            guard case .appendEntries(_, _, let entries, _) = message.body else { return false }
            return message.to == n(4) && entries.contains { $0.index > known }
        }
        network.run(.seconds(1))
        #expect(network[4].last == known && network[4].disk.hardState.votesFrom == network[1].commit)

        network.heal()
        part(network, [1, 3], from: [2, 4, 5])
        // Nor after it was started anew.
        network.replace(TestNode(options: network[4].options, disk: network[4].disk, seed: 9))
        network.run(.seconds(5))
        #expect([2, 4, 5].allSatisfy { network[$0].role != .leader && network[$0].commit <= known })
        #expect(network[1].role == .leader && network[4].last == known)

        network.heal()
        network.run(.seconds(3))
        #expect(network.leaders.count == 1 && network[4].log == network.leaders[0].log)
        #expect(network[4].disk.hardState.votesFrom == .zero)
    }

    /// A vote in the hands of a node that must not use it yet would be missing from every majority.
    @Test func c11NewNodeGetsItsVoteNotBeforeItMayUseIt() {
        let network = TestNetwork(voters: [1, 2, 3]) { $0.messageBytesMax = 1 }
        network.elect(1)
        network.add(.blank(4))
        network[1].change(voters: [1, 2, 3, 4])
        let known = network[1].last
        network.loses = { message in
            guard case .appendEntries(_, _, let entries, _) = message.body else { return false }
            return message.to == n(4) && entries.contains { $0.index > known }
        }
        for _ in 0..<60 {
            network[1].propose()
            network.run(.milliseconds(10))
        }
        #expect(network[4].last == known && network[4].disk.hardState.votesFrom > known)
        #expect(!network[1].configuration.quorum.contains(n(4)))
        network.heal()
        network.run(.seconds(2))
        #expect(network[1].configuration.voters.contains(n(4)) && network[4].core.hasWhatItPromised)
    }

    /// A voter without data answers this leader, which knew it before: it must not take that for leave to be given a log.
    @Test func c11NothingIsVouchedForToAVoterThatLostItsData() {
        let node = TestNode.leading()
        for _ in 0..<3 {
            node.now = node.now + .milliseconds(100)
            node.step(.tick)
            node.receive(.heartbeatResponse(context: node.core.reads.context, probe: 5), from: 2, term: 2)
            node.receive(.heartbeatResponse(context: 0, probe: 7), from: 3, term: 2)
        }
        _ = node.takeSent()
        node.now = node.now + .milliseconds(100)
        node.step(.tick)
        var vouched: [NodeID] = []
        for message in node.takeSent() {
            if case .heartbeat(_, _, .some) = message.body { vouched.append(message.to) }
        }
        #expect(vouched == [n(2)])
    }

    private func part(_ network: TestNetwork, _ some: [UInt64], from others: [UInt64]) {
        for left in some { for right in others { network.cut(left, right) } }
    }
}
