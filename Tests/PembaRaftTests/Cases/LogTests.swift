// Pemba: replication where implementations of Raft have gone wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases L1 to L17 of the reliability checklist.
struct LogTests {
    private func append(
        _ node: TestNode,
        after previous: UInt64,
        _ previousTerm: UInt64,
        _ entries: [LogEntry],
        commit: UInt64 = 0,
        from: UInt64 = 2,
        term: UInt64
    ) {
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(previous),
            previousTerm: t(previousTerm),
            entries: entries,
            commit: i(commit)
        )
        node.receive(body, from: from, term: term)
    }

    /// The whole of figure 8: an entry of an earlier term is on a majority, is not committed by that, and is replaced.
    @Test func l1EntryOfAnEarlierTermOnAMajorityMayStillBeReplaced() {
        let network = TestNetwork(voters: [1, 2, 3, 4, 5]) { $0.messageBytesMax = 1 }
        // Makes a node lead anew that does not hear the ones `without`; its entries reach `receivers`, the third of a log none.
        func lead(_ id: UInt64, without gone: [UInt64], receivers: [UInt64], keepsThird: Bool = false) {
            network.heal()
            for each in gone { network.isolate(each) }
            network.loses = { message in
                guard case .appendEntries(let previous, _, _, _) = message.body else { return false }
                let isThird = previous == i(2) && network.nodes.contains { $0.id == message.to && $0.last >= i(2) }
                return !receivers.map(n).contains(message.to) || (isThird && !keepsThird)
            }
            for round in 0..<4 where round == 0 || network[id].role != .leader {
                for node in network.nodes { node.now = node.now + .seconds(1) }
                network[id].step(.tick)
                network[id].step(.campaign)
                network.settle()
            }
            #expect(network[id].role == .leader)
        }
        lead(1, without: [], receivers: [2])
        #expect(network[1].terms == [1, 2] && network[2].terms == [1, 2] && network[3].terms == [1])
        lead(5, without: [1, 2], receivers: [])
        #expect(network[5].terms == [1, 3])
        lead(1, without: [5], receivers: [3, 4])
        // Of five, four have the entry of term 2, its leader knows it of three, and nothing says that it will stay.
        #expect(network[1].terms == [1, 2, 4] && [2, 3, 4].allSatisfy { network[$0].terms == [1, 2] })
        #expect(network[1].core.peers.filter { $0.match == i(2) }.map(\.id) == [n(3), n(4)])
        #expect(network.nodes.allSatisfy { $0.commit == .zero })
        lead(5, without: [1], receivers: [2, 3, 4], keepsThird: true)
        #expect([2, 3, 4, 5].allSatisfy { network[$0].terms == [1, 3, 5] && network[$0].commit == i(3) })
        network.heal()
        network[5].tick(at: network[5].now + .milliseconds(100))
        network.settle()
        #expect(network[1].terms == [1, 3, 5])
    }

    @Test func l2NewLeaderAppendsANoop() {
        let node = TestNode.elected()
        #expect(node.log.last?.kind == .noop && node.log.last?.term == node.term && node.log.last?.payload == [])
    }

    @Test func l3ShorterOrStaleAppendRemovesNothing() {
        let node = TestNode(1, terms: [1, 1, 1])
        append(node, after: 1, 1, [entry(2, term: 1)], term: 1)
        #expect(node.terms == [1, 1, 1, 1])
        append(node, after: 1, 1, [], term: 1)
        #expect(node.terms == [1, 1, 1, 1])
        append(node, after: 2, 1, [entry(3, term: 2)], term: 2)
        #expect(node.terms == [1, 1, 2])
    }

    @Test func l4CommittedEntriesAreNeverRemoved() {
        let node = TestNode(1, terms: [1, 1])
        append(node, after: 1, 1, [], commit: 0, term: 1)
        append(node, after: 3, 1, [], commit: 3, term: 1)
        #expect(node.commit == i(3))
        _ = node.takeSent()
        // Nobody who leads could say this; if it is said all the same, the answer is what is committed.
        append(node, after: 1, 1, [entry(2, term: 2)], term: 2)
        #expect(node.terms == [1, 1, 1] && node.takeSent().contains(.appendAccepted(match: i(3))))
    }

    @Test func l5RepeatedAndReorderedAppendsChangeNothing() {
        let node = TestNode(1)
        let entries = (2...6 as ClosedRange<UInt64>).map { entry($0, term: 1) }
        append(node, after: 1, 1, Array(entries[..<3]), commit: 1, term: 1)
        append(node, after: 4, 1, Array(entries[3...]), commit: 4, term: 1)
        let (log, commit) = (node.log, node.commit)
        append(node, after: 1, 1, Array(entries[..<2]), commit: 1, term: 1)
        append(node, after: 4, 1, [entries[3]], commit: 2, term: 1)
        append(node, after: 1, 1, [], term: 1)
        #expect(node.log == log && node.commit == commit && node.disk.entries == log)
    }

    /// The leader's log and the follower's differ in `terms` terms: that many rounds at most.
    @Test(arguments: [1, 5, 50] as [UInt64])
    func l6AgreementIsFoundWithinAsManyRoundsAsTerms(terms: UInt64) {
        // Ten entries of every odd term here, ten of every even one there.
        let odd = (0..<terms).flatMap { Array(repeating: 2 * $0 + 3, count: 10) }
        let even = (0..<terms).flatMap { Array(repeating: 2 * $0 + 2, count: 10) }
        let lead = TestNode(1, of: [1, 2, 3], terms: odd)
        let network = TestNetwork([lead, TestNode(2, of: [1, 2, 3], terms: even), TestNode(3, of: [1, 2, 3])])
        var rejections: UInt64 = 0
        network.loses = { message in
            if case .appendRejected = message.body, message.from == n(2) { rejections += 1 }
            return false
        }
        network.elect(1)
        #expect(network[2].log == lead.log)
        #expect(rejections <= terms + 1)
    }

    @Test func l7CommitGoesNoFurtherThanTheLastNewEntry() {
        let node = TestNode(1, terms: [1, 1, 1])
        append(node, after: 1, 1, [entry(2, term: 1)], commit: 9, term: 2)
        #expect(node.commit == i(2))
    }

    @Test func l8HeartbeatsCommitNoMoreThanIsKnownToMatch() {
        let node = TestNode.elected()
        node.propose()
        node.acknowledge(from: [2])
        #expect(node.commit == i(3))
        _ = node.takeSent()
        node.tick(at: node.now + .milliseconds(100))
        let told = node.takeSent().compactMap { message -> LogIndex? in
            guard case .heartbeat(let commit, _, _) = message.body else { return nil }
            return commit
        }
        #expect(told == [i(3), .zero])
    }

    @Test func l9LeaderCountsItselfOnlyOnceDurable() {
        let node = TestNode.elected([1, 2, 3])
        node.acknowledge(from: [2, 3])
        _ = node.takeSent()
        node.persistsAtOnce = false
        node.propose()
        #expect(node.takeSent().appends.count == 2)
        node.acknowledge(from: [2])
        #expect(node.commit == i(2))
        node.persist()
        #expect(node.commit == i(3))
    }

    @Test func twoFollowersCommitBeforeTheLeadersDisk() {
        let node = TestNode.elected([1, 2, 3])
        node.acknowledge(from: [2, 3])
        node.persistsAtOnce = false
        node.propose()
        node.acknowledge(from: [2, 3])
        #expect(node.commit == i(3))
    }

    /// An entry is written, replaced, and comes back: the acknowledgement of the first write says nothing about the
    /// third, and a crash in between must not lose what was acknowledged.
    @Test func l10LateAcknowledgementOfAnOverwrittenEntryCountsForNothing() {
        let node = TestNode(1)
        append(node, after: 1, 1, [], term: 2)
        _ = node.takeSent()
        node.persistsAtOnce = false
        append(node, after: 1, 1, [entry(2, term: 2)], term: 2)
        append(node, after: 1, 1, [entry(2, term: 3)], from: 3, term: 3)
        append(node, after: 1, 1, [entry(2, term: 2)], term: 4)
        #expect(node.pending.count == 3)
        node.persist(1)
        #expect(node.core.status().durable == i(1) && node.takeSent().isEmpty)
        node.persist(1)
        #expect(node.core.status().durable == i(1) && node.takeSent().isEmpty)
        node.persist(1)
        #expect(node.core.status().durable == i(2))
        #expect(node.takeSent() == [RaftMessage(from: n(1), to: n(2), term: t(4), body: .appendAccepted(match: i(2)))])
    }

    @Test func acknowledgementsMayBeMergedAndRepeated() {
        let node = TestNode(1)
        append(node, after: 1, 1, [], term: 2)
        _ = node.takeSent()
        node.persistsAtOnce = false
        for index in 2...5 as ClosedRange<UInt64> {
            append(node, after: index - 1, index == 2 ? 1 : 2, [entry(index, term: 2)], term: 2)
        }
        guard let last = node.pending.last else {
            Issue.record("nothing is written")
            return
        }
        node.persist()
        #expect(node.takeSent().count == 4 && node.core.status().durable == i(5))
        node.step(.persisted(sequence: last.sequence, lastIndex: last.lastIndex, lastTerm: last.lastTerm))
        #expect(node.takeSent().isEmpty)
    }

    @Test func l11TermIsWrittenNoLaterThanItsEntries() {
        let node = TestNode(1)
        node.persistsAtOnce = false
        append(node, after: 1, 1, [entry(2, term: 7)], term: 7)
        #expect(node.pending.map(\.hardState) == [HardState(term: t(7))])
        #expect(node.pending.map(\.entries.count) == [1] && node.sent.isEmpty)
    }

    @Test func l12ProposalsBeyondTheQuotaAreRefusedAndTheNoopIsNot() {
        let node = TestNode.elected { $0.uncommittedBytesMax = 200 }
        #expect(node.propose([[UInt8](repeating: 0, count: 80)]) == .appended(first: i(3), term: t(2)))
        #expect(node.propose([[UInt8](repeating: 0, count: 80)]) == .overloaded)
        node.acknowledge(from: [2])
        #expect(node.commit == i(3))
        // A single proposal beyond the quota is taken when nothing else waits.
        #expect(node.propose([[UInt8](repeating: 0, count: 500)]) == .appended(first: i(4), term: t(2)))
        node.receive(.heartbeat(commit: .zero, context: 1, vouch: nil), from: 3, term: 8)
        node.becomeLeader(votes: [2])
        #expect(node.log.last?.kind == .noop && node.propose() == .overloaded)
        node.acknowledge(from: [2])
        #expect(node.propose() == .appended(first: i(6), term: t(9)))
    }

    @Test func l13CommitIsToldThoughTheWindowIsFull() {
        let node = TestNode.elected { $0.inflightMessagesMax = 1 }
        node.acknowledge(from: [2, 3])
        node.propose()
        node.propose()
        _ = node.takeSent()
        // The third is silent and its window full; it hears of the commitment all the same.
        node.acknowledge(from: [2], upTo: i(3))
        let toThird = node.takeSent().appends.filter { $0.to == n(3) }
        #expect(toThird.map(\.commit) == [i(3)] && toThird.map(\.entries) == [[]])
    }

    @Test func l14SingleVoterCommitsNothingBeforeItsWrite() {
        let node = TestNode(1, of: [1])
        node.timeOut()
        #expect(node.commit == i(2))
        node.persistsAtOnce = false
        node.propose()
        #expect(node.commit == i(2))
        node.persist()
        #expect(node.commit == i(3))
    }

    @Test func l15FollowerAcknowledgesOnlyWhatIsDurable() {
        let node = TestNode(1)
        append(node, after: 1, 1, [], term: 1)
        _ = node.takeSent()
        node.persistsAtOnce = false
        append(node, after: 1, 1, [entry(2, term: 1)], term: 1)
        #expect(node.takeSent().isEmpty)
        // Not even a repetition of the message is answered earlier; a heartbeat is, as it promises nothing.
        append(node, after: 1, 1, [entry(2, term: 1)], term: 1)
        #expect(node.takeSent().isEmpty)
        node.receive(.heartbeat(commit: .zero, context: 4, vouch: nil), from: 2, term: 1)
        #expect(node.takeSent().count == 1)
        node.persist()
        #expect(node.takeSent().map(\.body) == [.appendAccepted(match: i(2)), .appendAccepted(match: i(2))])
    }

    @Test func answersToAnOlderTermAreNotSentInANewerOne() {
        let node = TestNode(1)
        append(node, after: 1, 1, [], term: 1)
        _ = node.takeSent()
        node.persistsAtOnce = false
        append(node, after: 1, 1, [entry(2, term: 1)], term: 1)
        node.receive(.heartbeat(commit: .zero, context: 4, vouch: nil), from: 3, term: 2)
        node.persist()
        #expect(node.takeSent().map(\.term) == [t(2)])
    }

    @Test func l16TermCommitAppliedAndVoteNeverFall() {
        let node = TestNode(1, terms: [1, 1])
        append(node, after: 3, 1, [], commit: 3, term: 4)
        node.step(.applied(i(2)))
        node.receive(.requestVote(lastIndex: i(9), lastTerm: t(4), transfer: true), from: 3, term: 5)
        #expect(node.term == t(5) && node.vote == n(3))
        append(node, after: 3, 1, [], commit: 1, term: 5)
        node.receive(.heartbeat(commit: i(1), context: 1, vouch: nil), from: 2, term: 5)
        node.receive(.requestVote(lastIndex: i(9), lastTerm: t(4), transfer: true), from: 2, term: 5)
        node.step(.applied(i(1)))
        append(node, after: 3, 1, [], commit: 9, term: 3)
        #expect(node.term == t(5) && node.vote == n(3) && node.commit == i(3) && node.core.appliedIndex == i(2))
        // Nothing counts as applied before it is committed.
        node.step(.applied(i(9)))
        #expect(node.core.appliedIndex == i(3))
    }

    @Test func l17LeaderKeepsItsLogWhateverItIsTold() {
        let node = TestNode.elected()
        let log = node.log
        append(node, after: 1, 1, [entry(2, term: 2, [66])], term: 2)
        #expect(node.log == log && node.role == .leader)
    }

    @Test func malformedAppendsAreDropped() {
        let broken: [[LogEntry]] = [
            [entry(3, term: 1)],
            [entry(2, term: 1), entry(4, term: 1)],
            [entry(2, term: 3)],
            [entry(2, term: 2), entry(3, term: 1)],
            [LogEntry(index: i(2), term: t(2), timestamp: .zero, kind: .configuration, payload: [9])],
        ]
        for entries in broken {
            let node = TestNode(1)
            append(node, after: 1, 1, entries, term: 2)
            #expect(node.last == i(1) && node.sent.isEmpty)
        }
    }

    @Test func entriesAreStampedWithTimesThatNeverFall() {
        let node = TestNode.elected()
        node.wall = Timestamp(nanoseconds: 5_000)
        node.propose()
        node.wall = Timestamp(nanoseconds: 2_000)
        node.propose()
        node.wall = Timestamp(nanoseconds: 6_000)
        node.propose()
        #expect(node.log.suffix(3).map(\.timestamp.nanoseconds) == [5_000, 5_000, 6_000])
        // A new leader whose clock is behind goes on from the log.
        let next = TestNode(options: node.options, disk: node.disk)
        next.wall = Timestamp(nanoseconds: 1)
        next.becomeLeader(votes: [2])
        #expect(next.log.last?.timestamp.nanoseconds == 6_000)
    }
}
