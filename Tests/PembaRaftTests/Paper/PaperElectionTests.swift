// Pemba: the Raft paper, sections 5.1 and 5.2 as tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// One test for each sentence that promises something, under the names that are common for them.
struct PaperElectionTests {
    // MARK: 5.1 Terms

    /// A follower that meets a greater term moves on to it.
    @Test func followerUpdateTermFromMessage() {
        let node = TestNode(1)
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: [], commit: .zero),
            from: 2,
            term: 4
        )
        #expect(node.term == t(4) && node.role == .follower && node.leader == n(2))
        #expect(node.disk.hardState == HardState(term: t(4)))
    }

    /// A candidate that meets a greater term moves on to it and follows.
    @Test func candidateUpdateTermFromMessage() {
        let node = TestNode(1)
        node.becomeCandidate(with: [2])
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: [], commit: .zero),
            from: 2,
            term: 4
        )
        #expect(node.term == t(4) && node.role == .follower && node.leader == n(2))
    }

    /// The same of a leader.
    @Test func leaderUpdateTermFromMessage() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: [], commit: .zero),
            from: 2,
            term: 4
        )
        #expect(node.term == t(4) && node.role == .follower && node.leader == n(2))
    }

    /// Requests of an older term do nothing; the answer says which term it is.
    @Test func rejectStaleTermMessage() {
        let node = TestNode(1, term: 5)
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(1),
            previousTerm: t(1),
            entries: [entry(2, term: 2)],
            commit: i(1)
        )
        node.receive(body, from: 2, term: 4)
        #expect(node.last == i(1) && node.commit == .zero && node.leader == nil)
        #expect(
            node.sent == [RaftMessage(from: n(1), to: n(2), term: t(5), body: .heartbeatResponse(context: 0, probe: 0))]
        )
        _ = node.takeSent()
        node.receive(.requestVote(lastIndex: i(9), lastTerm: t(4), transfer: false), from: 2, term: 4)
        #expect(node.sent.contains(.voteResponse(granted: false)) && node.vote == nil)
    }

    // MARK: 5.2 Leader election

    /// A node that starts follows.
    @Test func startAsFollower() {
        let node = TestNode(1)
        #expect(node.role == .follower && node.leader == nil)
    }

    /// A leader says that it lives once per heartbeat interval, and not more often.
    @Test func leaderBcastBeat() {
        let node = TestNode(1)
        node.becomeLeader(votes: [2])
        _ = node.takeSent()
        node.tick(at: node.now + .milliseconds(99))
        #expect(node.takeSent().heartbeats.isEmpty)
        node.tick(at: node.now + .milliseconds(1))
        #expect(node.takeSent().heartbeats == [n(2), n(3)])
    }

    /// A follower that hears nothing for its election timeout campaigns, after asking whether it could win.
    @Test func followerStartElection() {
        let node = TestNode(1)
        node.tick(at: ms(499))
        #expect(node.sent.isEmpty)
        node.timeOut()
        #expect(node.role == .preCandidate && node.term == t(1) && node.takeSent().preVotes == [n(2), n(3)])
        node.receive(.preVoteResponse(granted: true), from: 2, term: 2)
        #expect(node.role == .candidate && node.term == t(2) && node.vote == n(1))
        #expect(node.takeSent().voteRequests == [n(2), n(3)])
    }

    /// A candidate that times out campaigns again, in the next term.
    @Test func candidateStartNewElection() {
        let node = TestNode(1)
        node.becomeCandidate(with: [2])
        let term = node.term
        node.becomeCandidate(with: [3])
        #expect(node.term == term.next && node.vote == n(1))
        #expect(node.takeSent().last?.term == term.next)
    }

    /// A candidate leads once more than half vote for it, follows once that is out of reach, and waits otherwise.
    @Test(
        arguments: [
            (1, [], RaftRole.leader), (3, [(2, true), (3, true)], .leader), (3, [(2, true)], .leader),
            (5, [(2, true), (3, true), (4, true), (5, true)], .leader), (5, [(2, true), (3, true)], .leader),
            (3, [(2, false), (3, false)], .follower), (5, [(2, false), (3, false), (4, false)], .follower),
            (5, [(2, true), (3, false), (4, false), (5, false)], .follower), (3, [], .candidate),
            (5, [(2, true)], .candidate),
            (5, [(2, false), (3, false)], .candidate), (5, [], .candidate),
        ] as [(UInt64, [(UInt64, Bool)], RaftRole)]
    )
    func leaderElectionInOneRoundRPC(size: UInt64, votes: [(UInt64, Bool)], role: RaftRole) {
        let node = TestNode(1, of: Array(1...size))
        node.timeOut()
        for voter in 2..<max(2, 2 + size / 2) { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
        for (voter, granted) in votes { node.receive(.voteResponse(granted: granted), from: voter, term: 2) }
        #expect(node.role == role && node.term == t(2))
    }

    /// A node votes for the first candidate of a term that asks, and for no other in that term.
    @Test(arguments: [(nil, 1, true), (nil, 2, true), (1, 1, true), (2, 2, true), (1, 2, false), (2, 1, false)])
    func followerVote(vote: UInt64?, candidate: UInt64, granted: Bool) {
        let node = TestNode(3, term: 2, vote: vote)
        node.receive(.requestVote(lastIndex: i(1), lastTerm: t(1), transfer: false), from: candidate, term: 2)
        #expect(node.sent.map(\.body) == [.voteResponse(granted: granted)])
        #expect(node.disk.hardState.vote == (granted ? n(candidate) : vote.map(n)))
    }

    /// A candidate gives way to a leader whose term is no less than its own.
    @Test(arguments: [0, 1] as [UInt64])
    func candidateFallback(ahead: UInt64) {
        let node = TestNode(1)
        node.becomeCandidate(with: [2])
        let term = node.term.rawValue + ahead
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: [], commit: .zero),
            from: 2,
            term: term
        )
        #expect(node.role == .follower && node.term == t(term) && node.leader == n(2))
    }

    /// Followers' timeouts are spread over all of the interval from once to twice the minimum.
    @Test func followerElectionTimeoutRandomized() {
        checkTimeouts { seed in
            let node = TestNode(1, seed: seed)
            return node.core.electionDeadline - node.now
        }
    }

    /// The same of candidates.
    @Test func candidateElectionTimeoutRandomized() {
        checkTimeouts { seed in
            let node = TestNode(1, seed: seed)
            node.becomeCandidate(with: [2])
            return node.core.electionDeadline - node.now
        }
    }

    private func checkTimeouts(_ timeout: (UInt64) -> TimeSpan) {
        var buckets = Set<UInt64>()
        for seed in 1...300 as ClosedRange<UInt64> {
            let span = timeout(seed)
            #expect(span >= .milliseconds(500) && span < .milliseconds(1_000))
            buckets.insert(span.nanoseconds / 50_000_000)
        }
        #expect(buckets.count == 10)
    }

    /// Followers seldom time out together, even with one seed.
    @Test func followersElectionTimeoutNonconflict() {
        #expect(conflicts { TestNode($0, of: [1, 2, 3, 4, 5], seed: $1) } < 300)
    }

    /// The same of candidates.
    @Test func candidatesElectionTimeoutNonconflict() {
        let count = conflicts { id, seed in
            let node = TestNode(id, of: [1, 2, 3, 4, 5], seed: seed)
            node.becomeCandidate(with: [1, 2, 3, 4, 5].filter { $0 != id })
            return node
        }
        #expect(count < 300)
    }

    /// How often of 1,000 times two of five nodes of one seed time out within 10 ms of the first.
    private func conflicts(_ make: (UInt64, UInt64) -> TestNode) -> Int {
        (1...1_000 as ClosedRange<UInt64>).filter { seed in
            let timeouts = (1...5 as ClosedRange<UInt64>).map { id -> UInt64 in
                let node = make(id, seed)
                return (node.core.electionDeadline - node.now).nanoseconds
            }.sorted()
            return timeouts[1] - timeouts[0] < 10_000_000
        }.count
    }
}
