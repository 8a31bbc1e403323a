// Pemba: the Raft paper, sections 5.3 and 5.4 as tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// One test for each sentence that promises something, under the names that are common for them.
///
/// Logs begin with the boot entry, of term 1.
struct PaperReplicationTests {
    private func leader(of voters: [UInt64] = [1, 2, 3], terms: [UInt64] = []) -> TestNode {
        let node = TestNode(1, of: voters, terms: terms)
        node.becomeLeader(votes: Array(voters.dropFirst().prefix(voters.count / 2)))
        _ = node.takeSent()
        return node
    }

    // MARK: 5.3 Log replication

    /// A leader appends a command and sends it to all at once.
    @Test func leaderStartReplication() {
        let node = leader()
        node.acknowledge(from: [2, 3])
        _ = node.takeSent()
        #expect(node.propose([[9]]) == .appended(first: i(3), term: t(2)))
        let sent = node.takeSent().appends
        #expect(sent.map(\.to) == [n(2), n(3)])
        for append in sent {
            #expect(append.previous == i(2) && append.previousTerm == t(2) && append.commit == i(2))
            #expect(append.entries.map(\.payload) == [[9]] && append.entries.map(\.index) == [i(3)])
        }
        #expect(node.commit == i(2))
    }

    /// An entry that a quorum has is committed, and everybody is told.
    @Test func leaderCommitEntry() {
        let node = leader()
        node.acknowledge(from: [2, 3])
        node.propose([[9]])
        _ = node.takeSent()
        node.acknowledge(from: [2])
        #expect(node.commit == i(3) && node.commits.last == i(3))
        let sent = node.takeSent().appends
        #expect(sent.map(\.to) == [n(2), n(3)] && sent.map(\.commit) == [i(3), i(3)])
    }

    /// An entry is committed as soon as more than half have it, the leader included.
    @Test(
        arguments: [
            (1, [], true), (3, [], false), (3, [2], true), (3, [2, 3], true), (5, [], false), (5, [2], false),
            (5, [2, 3], true), (5, [2, 3, 4], true), (5, [2, 3, 4, 5], true),
        ] as [(UInt64, [UInt64], Bool)]
    )
    func leaderAcknowledgeCommit(size: UInt64, followers: [UInt64], committed: Bool) {
        let node = leader(of: Array(1...size))
        node.acknowledge(from: Array(2..<(size + 1)))
        node.propose([[9]])
        node.acknowledge(from: followers)
        #expect((node.commit == node.last) == committed)
    }

    /// With an entry of the own term, all before it are committed, whoever appended them.
    @Test(arguments: [[], [2], [1, 2], [1]] as [[UInt64]])
    func leaderCommitPrecedingEntries(terms: [UInt64]) {
        let node = TestNode(1, term: 3, terms: terms)
        node.becomeLeader(votes: [2])
        node.propose([[9]])
        node.acknowledge(from: [2])
        #expect(node.commit == node.last && node.last.rawValue == UInt64(terms.count) + 3)
        #expect(node.terms == [1] + terms + [4, 4])
    }

    /// A follower commits what the leader says is committed.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func followerCommitEntry(commit: UInt64) {
        let node = TestNode(1)
        let entries = [entry(2, term: 1), entry(3, term: 1)]
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: entries, commit: i(commit)),
            from: 2,
            term: 1
        )
        #expect(node.commit == i(commit) && node.commits == [i(commit)])
    }

    /// A follower refuses entries unless its log agrees where they begin.
    @Test(arguments: [
        (0, 0, true), (1, 1, true), (2, 1, true), (3, 2, true), (2, 2, false), (4, 2, false), (3, 1, false),
    ])
    func followerCheckMsgApp(index: UInt64, term: UInt64, agrees: Bool) {
        let node = TestNode(1, terms: [1, 2])
        node.receive(
            .appendEntries(previousIndex: i(index), previousTerm: t(term), entries: [], commit: .zero),
            from: 2,
            term: 2
        )
        guard case .some(let body) = node.takeSent().last?.body else {
            Issue.record("no answer")
            return
        }
        switch body {
        case .appendAccepted(let match): #expect(agrees && match == i(index))
        case .appendRejected(let rejected, let hint, let hintTerm):
            #expect(!agrees && rejected == i(index))
            #expect(hint <= i(index) && node.core.term(at: hint) == hintTerm && hintTerm <= t(term))
        default: Issue.record("an answer of another kind")
        }
    }

    /// Entries that contradict the leader's go, with all after them; those that do not stay, and missing ones are added.
    @Test(
        arguments: [
            (3, 2, [3], [1, 1, 2, 3]), (2, 1, [3, 4], [1, 1, 3, 4]), (1, 1, [1], [1, 1, 2]), (1, 1, [3], [1, 3]),
            (1, 1, [1, 2], [1, 1, 2]), (1, 1, [1, 2, 3], [1, 1, 2, 3]), (1, 1, [], [1, 1, 2]),
        ] as [(UInt64, UInt64, [UInt64], [UInt64])]
    )
    func followerAppendEntries(previous: UInt64, previousTerm: UInt64, terms: [UInt64], result: [UInt64]) {
        let node = TestNode(1, terms: [1, 2])
        let entries = terms.enumerated().map { entry(previous + 1 + UInt64($0.offset), term: $0.element) }
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(previous),
            previousTerm: t(previousTerm),
            entries: entries,
            commit: .zero
        )
        node.receive(body, from: 2, term: 4)
        #expect(node.terms == result)
        #expect(node.disk.entries == node.log)
        #expect(node.takeSent().contains(.appendAccepted(match: i(previous + UInt64(terms.count)))))
    }

    /// A leader brings the logs of figure 7 into agreement with its own.
    @Test(
        arguments: [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
            [1, 1, 1, 4, 4, 4, 4], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        ] as [[UInt64]]
    )
    func leaderSyncFollowerLog(terms: [UInt64]) {
        let lead = TestNode(1, term: 8, terms: [1, 1, 4, 4, 5, 5, 6, 6, 6])
        let follower = TestNode(2, term: 7, terms: Array(terms.dropFirst()))
        let network = TestNetwork([lead, follower, TestNode(3, term: 7)])
        // The third votes, or else the first could not win against longer logs; it says nothing otherwise.
        network.cut(2, 3)
        lead.step(.campaign)
        lead.receive(.preVoteResponse(granted: true), from: 3, term: 9)
        lead.receive(.voteResponse(granted: true), from: 3, term: 9)
        network.settle()
        #expect(follower.log == lead.log && follower.disk.entries == lead.log)
        #expect(follower.terms == [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 9])
    }

    // MARK: 5.4 Safety

    /// A request for a vote says how far the candidate's log reaches.
    @Test(arguments: [[], [1], [1, 2], [2, 2, 2]] as [[UInt64]])
    func voteRequest(terms: [UInt64]) {
        let node = TestNode(1, term: 3, terms: terms)
        node.becomeCandidate(with: [2])
        let request = RaftMessage.Body.requestVote(
            lastIndex: i(UInt64(terms.count) + 1),
            lastTerm: t(terms.last ?? 1),
            transfer: false
        )
        let sent = node.takeSent().filter { $0.body == request }
        #expect(sent.map(\.to) == [n(2), n(3)] && sent.allSatisfy { $0.term == t(4) })
    }

    /// A vote is refused to a log that has less: the last term decides, then the length.
    @Test(
        arguments: [
            ([1], 2, 1, true), ([1], 3, 1, true), ([1, 1], 2, 1, false), ([1], 2, 2, true), ([1], 1, 2, true),
            ([1, 1], 2, 2, true), ([2], 2, 1, false), ([2], 3, 1, false), ([2, 1 + 1], 2, 1, false), ([2], 9, 1, false),
        ] as [([UInt64], UInt64, UInt64, Bool)]
    )
    func voter(terms: [UInt64], lastIndex: UInt64, lastTerm: UInt64, granted: Bool) {
        for isPreVote in [false, true] {
            let node = TestNode(1, term: 2, terms: terms)
            let body: RaftMessage.Body =
                isPreVote
                ? .preVote(lastIndex: i(lastIndex), lastTerm: t(lastTerm))
                : .requestVote(lastIndex: i(lastIndex), lastTerm: t(lastTerm), transfer: false)
            node.receive(body, from: 2, term: 3)
            #expect(
                node.sent.map(\.body)
                    == [isPreVote ? .preVoteResponse(granted: granted) : .voteResponse(granted: granted)]
            )
        }
    }

    /// Entries of earlier terms are not committed by counting (figure 8).
    @Test func leaderOnlyCommitsLogFromCurrentTerm() {
        let node = TestNode(1, term: 2, terms: [1, 2])
        node.becomeLeader(votes: [2])
        #expect(node.terms == [1, 1, 2, 3])
        node.acknowledge(from: [2, 3], upTo: i(2))
        #expect(node.commit == .zero)
        node.acknowledge(from: [2, 3], upTo: i(3))
        #expect(node.commit == .zero)
        node.acknowledge(from: [2], upTo: i(4))
        #expect(node.commit == i(4))
    }
}
