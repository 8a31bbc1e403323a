// Pemba: configurations in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

extension TestDisk {
    /// The disk of a node whose log holds a joint configuration.
    static func joint(incoming: [UInt64], outgoing: [UInt64]) -> TestDisk {
        let boot = bootEntry(voters: incoming.map(n), outgoing: outgoing.map(n))
        return TestDisk(hardState: HardState(term: t(1)), entries: [boot])
    }
}

/// The cases of the reliability checklist that concern configurations already in the log.
struct ConfigurationTests {
    private func configurationEntry(_ index: UInt64, term: UInt64, voters: [UInt64]) -> LogEntry {
        LogEntry(
            index: i(index),
            term: t(term),
            timestamp: .zero,
            kind: .configuration,
            payload: RaftConfiguration(voters: voters.map(n)).encoded
        )
    }

    private func append(_ node: TestNode, _ entries: [LogEntry], term: UInt64, commit: UInt64 = 0) {
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(1),
            previousTerm: t(1),
            entries: entries,
            commit: i(commit)
        )
        node.receive(body, from: 2, term: term)
    }

    @Test func c1ConfigurationIsInForceWhenAppendedAndGoesWithItsEntry() {
        let node = TestNode(1)
        append(node, [entry(2, term: 2), configurationEntry(3, term: 2, voters: [1, 2, 3, 4])], term: 2)
        #expect(node.core.currentConfiguration.voters == [n(1), n(2), n(3), n(4)])
        #expect(node.core.status().configurationIndex == i(3) && node.commit == .zero)
        append(node, [entry(2, term: 3)], term: 3)
        #expect(node.core.currentConfiguration.voters == [n(1), n(2), n(3)])
        #expect(node.core.status().configurationIndex == i(1))
    }

    @Test func c4JointVotesNeedBothHalves() {
        let node = TestNode(options: RaftOptions(id: n(1)), disk: .joint(incoming: [1, 2, 3], outgoing: [1, 4, 5]))
        node.timeOut()
        #expect(node.takeSent().preVotes == [n(2), n(3), n(4), n(5)])
        for voter in [2, 3] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
        #expect(node.role == .preCandidate)
        node.receive(.preVoteResponse(granted: true), from: 4, term: 2)
        #expect(node.role == .candidate)
        for voter in [2, 3] as [UInt64] { node.receive(.voteResponse(granted: true), from: voter, term: 2) }
        #expect(node.role == .candidate)
        for voter in [4, 5] as [UInt64] { node.receive(.voteResponse(granted: false), from: voter, term: 2) }
        #expect(node.role == .follower)
    }

    @Test func c4JointCommitsNeedBothHalves() {
        let node = TestNode(options: RaftOptions(id: n(1)), disk: .joint(incoming: [1, 2, 3], outgoing: [1, 4, 5]))
        node.becomeLeader(votes: [2, 4])
        node.acknowledge(from: [2, 3])
        #expect(node.commit == .zero)
        node.acknowledge(from: [5])
        #expect(node.commit == i(2))
    }

    @Test func c4JointLeaderNeedsContactWithBothHalves() {
        let node = TestNode(options: RaftOptions(id: n(1)), disk: .joint(incoming: [1, 2, 3], outgoing: [1, 4, 5]))
        node.becomeLeader(votes: [2, 4])
        for _ in 0..<4 {
            node.tick(at: node.now + .milliseconds(100))
            node.answerHeartbeats(from: [2, 3])
        }
        #expect(node.role == .leader)
        node.tick(at: node.now + .milliseconds(100))
        #expect(node.role == .follower)
    }

    @Test func learnersAcknowledgementsAndVotesDoNotCount() {
        let node = TestNode(1, learners: [4, 5])
        node.timeOut()
        #expect(node.takeSent().preVotes == [n(2), n(3)])
        for learner in [4, 5] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: learner, term: 2) }
        #expect(node.role == .preCandidate)
        node.receive(.preVoteResponse(granted: true), from: 2, term: 2)
        node.receive(.voteResponse(granted: true), from: 4, term: 2)
        #expect(node.role == .candidate)
        node.receive(.voteResponse(granted: true), from: 2, term: 2)
        #expect(node.role == .leader && node.takeSent().appends.map(\.to) == [n(2), n(3), n(4), n(5)])
        node.acknowledge(from: [4, 5])
        #expect(node.commit == .zero)
    }

    @Test func c7VoterOfTheOutgoingHalfMayCampaignAndAStrangerMayNot() {
        let outgoing = TestNode(
            options: RaftOptions(id: n(4)),
            disk: .joint(incoming: [1, 2, 3], outgoing: [1, 4, 5])
        )
        outgoing.timeOut()
        #expect(outgoing.role == .preCandidate)
        let stranger = TestNode(options: RaftOptions(id: n(9)), disk: .joint(incoming: [1, 2, 3], outgoing: []))
        stranger.timeOut()
        #expect(stranger.role == .follower && stranger.takeSent().isEmpty)
        // It still votes, as its configuration may be an old one.
        stranger.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: 1, term: 4)
        #expect(stranger.takeSent().contains(.voteResponse(granted: true)))
    }

    @Test func c10ConfigurationSurvivesCompactions() {
        let node = TestNode(1) { $0.trailingEntries = 0 }
        let entries = [
            entry(2, term: 1), configurationEntry(3, term: 1, voters: [1, 2, 3, 4]), entry(4, term: 1),
            configurationEntry(5, term: 1, voters: [1, 2, 4]),
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

    @Test func c13StartUsesTheLastConfigurationInTheLog() {
        let node = TestNode(1)
        append(node, [configurationEntry(2, term: 2, voters: [1, 2, 3, 4, 5])], term: 2)
        let restarted = TestNode(options: node.options, disk: node.disk)
        #expect(restarted.commit == .zero && restarted.core.currentConfiguration.voters.count == 5)
    }
}
