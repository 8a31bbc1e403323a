// Pemba: nodes whose disks have lost what they acknowledged.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The rules W4 and W5 as far as consensus is concerned; what makes a node owe is decided where bytes are read.
struct DebtTests {
    /// A node as it starts after its disk has lost everything after the entries of `terms`.
    private func debtor(
        _ id: UInt64,
        _ kind: LogDebt.Kind,
        of voters: [UInt64] = [1, 2, 3],
        term: UInt64,
        terms: [UInt64] = []
    ) -> TestNode {
        let whole = TestNode(id, of: voters, term: term, terms: terms)
        var disk = whole.disk
        disk.hardState = disk.hardState.owing(kind)
        return TestNode(options: whole.options, disk: disk, seed: id)
    }

    /// The same with nothing left, not even the first entry.
    private func emptied(_ id: UInt64, term: UInt64) -> TestNode {
        let disk = TestDisk(hardState: HardState(term: t(term)).owing(.range), entries: [])
        return TestNode(options: RaftOptions(id: n(id)), disk: disk, seed: id)
    }

    @Test func damageMovesTheNodeToATermInWhichItHasPromisedNothing() {
        let state = HardState(term: t(5), vote: n(2)).owing(.tail)
        #expect(state == HardState(term: t(6), vote: nil, debt: LogDebt(kind: .tail, term: t(5))))
        // More damage before the first is made good: the worse of both, and up to the later term.
        #expect(state.owing(.range).debt == LogDebt(kind: .range, term: t(6)))
        #expect(state.owing(.range).owing(.tail).debt == LogDebt(kind: .range, term: t(7)))
        // In the first term nobody is elected: there is nothing yet that it could have promised.
        #expect(HardState(term: t(1)).owing(.range) == HardState(term: t(1)))
    }

    @Test func w4NodeWithADamagedRangeNeitherVotesNorCampaigns() {
        let node = debtor(1, .range, term: 4, terms: [2, 4])
        node.receive(.preVote(lastIndex: i(9), lastTerm: t(4)), from: 2, term: 6)
        node.receive(.requestVote(lastIndex: i(9), lastTerm: t(4), transfer: false), from: 2, term: 6)
        #expect(node.takeSent().map(\.body) == [.preVoteResponse(granted: false), .voteResponse(granted: false)])
        #expect(node.vote == nil)
        for _ in 0..<5 { node.timeOut() }
        #expect(node.takeSent().isEmpty && node.role == .follower)
    }

    @Test func w5NodeWithADamagedTailVotesOnCondition() {
        let node = debtor(1, .tail, term: 4, terms: [2, 4])
        node.receive(.preVote(lastIndex: i(3), lastTerm: t(4)), from: 2, term: 6)
        node.receive(.requestVote(lastIndex: i(3), lastTerm: t(4), transfer: false), from: 2, term: 6)
        let answers: [RaftMessage.Body] = [.conditionalGrant(isPreVote: true), .conditionalGrant(isPreVote: false)]
        #expect(node.takeSent().map(\.body) == answers)
        #expect(node.vote == n(2) && node.disk.hardState.debt == LogDebt(kind: .tail, term: t(4)))
        // A candidate whose log is shorter than even what is left gets nothing.
        node.receive(.requestVote(lastIndex: i(2), lastTerm: t(2), transfer: false), from: 3, term: 7)
        #expect(node.takeSent().map(\.body) == [.voteResponse(granted: false)])
    }

    @Test func w5ConditionalVotesCountOnlyTogetherWithAllOthers() {
        for isPreVote in [true, false] {
            let node = TestNode(1, of: [1, 2, 3, 4, 5], terms: [1])
            node.timeOut()
            if !isPreVote {
                for voter in [2, 3] as [UInt64] { node.receive(.preVoteResponse(granted: true), from: voter, term: 2) }
            }
            let role: RaftRole = isPreVote ? .preCandidate : .candidate
            #expect(node.role == role)
            for voter in [2, 3, 4] as [UInt64] {
                node.receive(.conditionalGrant(isPreVote: isPreVote), from: voter, term: 2)
                #expect(node.role == role, "voter \(voter)")
            }
            node.receive(.conditionalGrant(isPreVote: isPreVote), from: 5, term: 2)
            #expect(node.role == (isPreVote ? .candidate : .leader))
        }
    }

    @Test func w5OneRefusalOutweighsAnyNumberOfConditionalVotes() {
        let node = TestNode(1, of: [1, 2, 3], terms: [1])
        node.timeOut()
        node.receive(.conditionalGrant(isPreVote: true), from: 2, term: 2)
        node.receive(.preVoteResponse(granted: false), from: 3, term: 1)
        #expect(node.role == .preCandidate && node.term == t(1))
        // An unconditional vote in its place decides.
        let other = TestNode(1, of: [1, 2, 3], terms: [1])
        other.timeOut()
        other.receive(.conditionalGrant(isPreVote: true), from: 2, term: 2)
        other.receive(.preVoteResponse(granted: true), from: 3, term: 2)
        #expect(other.role == .candidate)
    }

    @Test func w5ConditionalVotesOfAnotherCampaignCountNothing() {
        let node = TestNode(1, of: [1, 2], terms: [1])
        node.timeOut()
        node.receive(.conditionalGrant(isPreVote: false), from: 2, term: 1)
        node.receive(.conditionalGrant(isPreVote: true), from: 2, term: 1)
        #expect(node.role == .preCandidate)
        node.receive(.preVoteResponse(granted: true), from: 2, term: 2)
        node.receive(.conditionalGrant(isPreVote: true), from: 2, term: 3)
        #expect(node.role == .candidate)
    }

    /// The leader believes that this node has what it acknowledged; that must not stay so.
    @Test func w4DamagedNodeIsHealedByTheOthers() {
        for lost in [LogDebt.Kind.tail, .range] {
            let network = TestNetwork(voters: [1, 2, 3])
            network.elect(1)
            for _ in 0..<5 { network[1].propose() }
            network.settle()
            let term = network[1].term
            let whole = network[3].log
            network.replace(debtor(3, lost, term: term.rawValue))
            network.run(.seconds(3))
            let leader = network.leaders[0]
            #expect(network.leaders.count == 1 && leader.id != n(3) && leader.term > term)
            #expect(network[3].log == leader.log && network[3].log.starts(with: whole))
            #expect(network[3].core.debt == nil && network[3].disk.hardState.debt == nil)
            #expect(network[3].commit == leader.commit)
        }
    }

    @Test func w4NodeThatLostEverythingIsHealedAndNotTakenForABlankOne() {
        for compacts in [false, true] {
            let network = TestNetwork(voters: [1, 2, 3]) { $0.trailingEntries = 0 }
            network.elect(1)
            for _ in 0..<5 { network[1].propose() }
            network.settle()
            if compacts {
                for node in network.nodes {
                    node.step(.applied(node.commit))
                    node.step(.compact(node.commit))
                }
            }
            network.replace(emptied(3, term: network[1].term.rawValue))
            network.run(.seconds(2))
            if compacts {
                let offer = network[3].offers[0]
                let source = network.nodes.first { $0.id == offer.from }
                let point = source?.core.snapshotPoint(at: offer.index) ?? .origin
                network[3].disk.install(point)
                network[3].step(.snapshotInstalled(point))
                network.run(.seconds(2))
            }
            let leader = network.leaders[0]
            #expect(leader.core.status().peers.allSatisfy { !$0.hasLostData })
            #expect(network[3].commit == leader.commit && network[3].last == leader.last)
            #expect(network[3].core.debt == nil && network[3].configuration == leader.configuration)
        }
    }

    @Test func w4NothingIsSettledByEntriesOfTheTermsThatMayBeLost() {
        let node = debtor(1, .range, term: 4, terms: [2])
        // A leader of a later term sends old entries first.
        let old = [entry(3, term: 4), entry(4, term: 4)]
        let append = RaftMessage.Body.appendEntries(
            previousIndex: i(2),
            previousTerm: t(2),
            entries: old,
            commit: i(2)
        )
        node.receive(append, from: 2, term: 7)
        #expect(node.takeSent().map(\.body) == [.appendAccepted(match: i(4))])
        #expect(node.core.debt?.kind == .range)
        node.persistsAtOnce = false
        let new = RaftMessage.Body.appendEntries(
            previousIndex: i(4),
            previousTerm: t(4),
            entries: [entry(5, term: 7)],
            commit: i(4)
        )
        node.receive(new, from: 2, term: 7)
        #expect(node.core.debt?.kind == .range, "not before it is durable")
        node.persistsAtOnce = true
        node.persist()
        #expect(node.core.debt == nil && node.disk.hardState == HardState(term: t(7)))
    }

    /// Two of three voters have an entry, one of them loses it and the other one is away: nobody leads without it.
    @Test func w4CommittedEntryIsNotLostWhereOneCopyRotsAndTheOtherIsAway() {
        for kind in [LogDebt.Kind.tail, .range] {
            let network = TestNetwork(voters: [1, 2, 3])
            network.elect(1)
            network.cut(1, 3)
            network[1].propose()
            network.settle()
            let committed = network[1].commit
            #expect(committed == network[1].last && network[3].last < committed)
            network.heal()
            network.isolate(1)
            var disk = network[2].disk
            disk.entries.removeLast()
            disk.hardState = disk.hardState.owing(kind)
            network.replace(TestNode(options: network[2].options, disk: disk, seed: 2))
            network.run(.seconds(10))
            #expect(network[2].role != .leader && network[3].role != .leader)
            network.heal()
            network.run(.seconds(5))
            let leader = network.leaders[0]
            #expect(leader.id == n(1) && network.nodes.allSatisfy { $0.commit > committed && $0.log == leader.log })
            #expect(network[2].core.debt == nil)
        }
    }

    /// After a power failure of all, every tail is in doubt: together they know what there is.
    @Test func w5AllTailsDamagedNeedAllVoters() {
        let network = TestNetwork([
            debtor(1, .tail, term: 3, terms: [2, 3]), debtor(2, .tail, term: 3, terms: [2, 3, 3]),
            debtor(3, .tail, term: 3, terms: [2]),
        ])
        network.isolate(2)
        network.run(.seconds(10))
        #expect(network.leaders.isEmpty)
        network.heal()
        network.run(.seconds(10))
        // The longest log wins.
        #expect(network.leaders.map(\.id) == [n(2)])
        #expect(network.nodes.allSatisfy { $0.terms.starts(with: [1, 2, 3, 3]) && $0.core.debt == nil })
    }

    @Test func w5OnlyVoterWithADamagedTailGoesOn() {
        let network = TestNetwork([debtor(1, .tail, of: [1], term: 3, terms: [2])])
        network.run(.seconds(3))
        #expect(network[1].role == .leader && network[1].commit == network[1].last && network[1].core.debt == nil)
    }

    @Test func w4LeadershipIsNotHandedToANodeThatOwes() {
        let node = debtor(1, .tail, term: 4, terms: [2])
        node.receive(.heartbeat(commit: i(2), context: 1, vouch: nil), from: 2, term: 7)
        _ = node.takeSent()
        node.receive(.timeoutNow, from: 2, term: 7)
        #expect(node.role == .follower && node.takeSent().isEmpty)
    }
}
