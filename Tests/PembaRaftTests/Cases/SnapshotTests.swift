// Pemba: snapshots and compaction where implementations of Raft have gone wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases S1 to S10 of the reliability checklist that concern the core.
struct SnapshotTests {
    private func point(_ index: UInt64, term: UInt64) -> RaftSnapshotPoint {
        RaftSnapshotPoint(
            index: i(index),
            term: t(term),
            timestamp: Timestamp(nanoseconds: 77),
            configuration: RaftConfiguration(voters: [n(1), n(2), n(3), n(4)])
        )
    }

    /// A leader of three that has compacted away what the third lacks.
    private func compactedLeader(trailing: Int = 0) -> TestNode {
        let node = TestNode(1, terms: [1, 1, 1, 1]) { $0.trailingEntries = trailing }
        node.becomeLeader(votes: [2])
        node.acknowledge(from: [2])
        node.step(.applied(node.commit))
        node.step(.compact(node.commit))
        _ = node.takeSent()
        return node
    }

    private func reject(_ node: TestNode) {
        node.receive(
            .appendRejected(rejected: i(5), hintIndex: i(1), hintTerm: t(1)),
            from: 3,
            term: 2
        )
    }

    // MARK: Follower

    @Test func s1StaleSnapshotIsAnsweredWithWhatIsCommitted() {
        let node = TestNode(1, terms: [1, 1])
        node.receive(
            .appendEntries(previousIndex: i(3), previousTerm: t(1), entries: [], commit: i(3)),
            from: 2,
            term: 1
        )
        _ = node.takeSent()
        node.receive(.installSnapshot(index: i(2), term: t(1)), from: 2, term: 1)
        #expect(node.offers.isEmpty && node.takeSent().contains(.appendAccepted(match: i(3))))
        node.step(.snapshotInstalled(point(2, term: 1)))
        #expect(node.terms == [1, 1, 1] && node.commit == i(3))
    }

    @Test func s1SnapshotOfWhatTheLogHasOnlyMovesTheCommitIndex() {
        let node = TestNode(1, terms: [1, 1, 1])
        node.receive(.installSnapshot(index: i(3), term: t(1)), from: 2, term: 1)
        #expect(node.offers.isEmpty && node.commit == i(3) && node.last == i(4))
        #expect(node.takeSent().contains(.appendAccepted(match: i(3))))
    }

    @Test func s1InstallationKeepsWhatFollowsAMatchingEntry() {
        // The offer did not match then, but entries that do were on their way to the disk: a new term brought them.
        let node = TestNode(1, terms: [1, 1, 1])
        node.core.offered = OfferedSnapshot(from: n(2), index: i(3), term: t(1))
        node.step(.snapshotInstalled(point(3, term: 1)))
        #expect(node.last == i(4) && node.core.firstIndex == i(4) && node.commit == i(3))
        #expect(node.core.status().durable == i(4))
    }

    @Test func s2ConflictingEntryDropsTheWholeLog() {
        let node = TestNode(1, terms: [1, 1, 1, 1])
        node.receive(.installSnapshot(index: i(3), term: t(2)), from: 2, term: 2)
        #expect(node.offers.map(\.index) == [i(3)] && node.takeSent().isEmpty)
        node.disk.install(point(3, term: 2))
        node.step(.snapshotInstalled(point(3, term: 2)))
        #expect(node.last == i(3) && node.log.isEmpty && node.core.term(at: i(3)) == t(2))
        #expect(node.commit == i(3) && node.core.appliedIndex == i(3) && node.disk.entries.isEmpty)
        #expect(node.takeSent().contains(.snapshotResponse(index: i(3), installed: true)))
        // And the log goes on from there.
        node.receive(
            .appendEntries(previousIndex: i(3), previousTerm: t(2), entries: [entry(4, term: 2)], commit: i(4)),
            from: 2,
            term: 2
        )
        #expect(node.commit == i(4) && node.disk.entries.map(\.index) == [i(4)])
    }

    @Test func s2LateWritesOfTheDroppedLogCountForNothing() {
        let node = TestNode(1)
        node.persistsAtOnce = false
        let entries = (2...6 as ClosedRange<UInt64>).map { entry($0, term: 1) }
        node.receive(
            .appendEntries(previousIndex: i(1), previousTerm: t(1), entries: entries, commit: .zero),
            from: 2,
            term: 1
        )
        node.receive(.installSnapshot(index: i(4), term: t(2)), from: 3, term: 2)
        node.step(.snapshotInstalled(point(4, term: 2)))
        #expect(node.core.status().durable == i(4) && node.last == i(4))
        let requests = node.pending
        for request in requests {
            node.step(.persisted(sequence: request.sequence, lastIndex: request.lastIndex, lastTerm: request.lastTerm))
        }
        #expect(node.core.status().durable == i(4))
    }

    @Test func s3EitherTheOldOrTheNewStateIsThereAfterARestart() {
        let old = TestDisk(
            hardState: HardState(term: t(2)),
            entries: [bootEntry(voters: [n(1), n(2), n(3)])] + (2...5).map { entry($0, term: 1) }
        )
        let before = TestNode(options: RaftOptions(id: n(1)), disk: old)
        #expect(before.last == i(5) && before.commit == .zero)
        // The snapshot is there, and the log that it contradicts not yet removed.
        var between = old
        between.snapshot = point(3, term: 2)
        let during = TestNode(options: RaftOptions(id: n(1)), disk: between)
        #expect(during.last == i(3) && during.commit == i(3) && during.core.term(at: i(3)) == t(2))
        // The snapshot agrees with the log: what follows stays.
        between.snapshot = point(3, term: 1)
        let matching = TestNode(options: RaftOptions(id: n(1)), disk: between)
        #expect(matching.last == i(5) && matching.core.firstIndex == i(4))
    }

    @Test func s4NothingIsAppendedWhileASnapshotIsBeingInstalled() {
        let node = TestNode(1)
        node.receive(.installSnapshot(index: i(9), term: t(2)), from: 2, term: 2)
        _ = node.takeSent()
        let body = RaftMessage.Body.appendEntries(
            previousIndex: i(1),
            previousTerm: t(1),
            entries: [entry(2, term: 2)],
            commit: i(2)
        )
        node.receive(body, from: 2, term: 2)
        #expect(node.last == i(1) && node.takeSent().isEmpty)
        node.timeOut()
        #expect(node.role == .follower)
        node.step(.snapshotFailed(index: i(9)))
        node.receive(body, from: 2, term: 2)
        #expect(node.last == i(2))
    }

    @Test func s5LeaderChangeMidwayGoesOnWithTheNewLeadersSnapshot() {
        let node = TestNode(1)
        node.receive(.installSnapshot(index: i(9), term: t(2)), from: 2, term: 2)
        node.receive(.installSnapshot(index: i(9), term: t(2)), from: 2, term: 2)
        #expect(node.offers.count == 1)
        node.receive(.installSnapshot(index: i(12), term: t(3)), from: 3, term: 3)
        #expect(node.offers.map(\.index) == [i(9), i(12)] && node.core.offeredSnapshot == i(12))
        // What was fetched from the old leader is installed already; the newer one is still wanted.
        node.step(.snapshotInstalled(point(9, term: 2)))
        #expect(node.commit == i(9) && node.core.offeredSnapshot == i(12))
        _ = node.takeSent()
        node.step(.snapshotInstalled(point(12, term: 3)))
        #expect(node.commit == i(12))
        #expect(node.takeSent().map(\.to) == [n(3)])
    }

    @Test func s7InstalledConfigurationAndTimeAreInForce() {
        let node = TestNode(1)
        node.receive(.installSnapshot(index: i(9), term: t(2)), from: 2, term: 2)
        node.step(.snapshotInstalled(point(9, term: 2)))
        #expect(node.core.currentConfiguration.voters.count == 4 && node.core.lastTimestamp.nanoseconds == 77)
    }

    /// What was applied before the installation is reported after it.
    @Test func s8ApplicationThatEndsAfterAnInstallationChangesNothing() {
        let node = TestNode(1, terms: [1, 1])
        node.receive(
            .appendEntries(previousIndex: i(3), previousTerm: t(1), entries: [], commit: i(3)),
            from: 2,
            term: 1
        )
        node.receive(.installSnapshot(index: i(9), term: t(2)), from: 2, term: 2)
        node.step(.snapshotInstalled(point(9, term: 2)))
        node.step(.applied(i(3)))
        #expect(node.core.appliedIndex == i(9) && node.commit == i(9))
    }

    @Test func s10OfferOfASnapshotCountsAsContact() {
        let node = TestNode(1)
        node.now = ms(400)
        node.receive(.installSnapshot(index: i(9), term: t(1)), from: 2, term: 1)
        #expect(node.leader == n(2) && node.core.electionDeadline >= ms(900))
    }

    // MARK: Leader

    @Test func laggingFollowerIsOfferedTheSnapshotAndStreamsAfterIt() {
        let node = compactedLeader()
        reject(node)
        #expect(node.snapshotsSent.map(\.index) == [i(6)] && node.core.status().peers.last?.state == .snapshot(i(6)))
        #expect(node.takeSent().contains(.installSnapshot(index: i(6), term: t(2))))
        node.propose()
        #expect(node.takeSent().appends.map(\.to) == [n(2)])
        node.step(.snapshotSent(to: n(3), index: i(6), succeeded: true))
        node.receive(.snapshotResponse(index: i(6), installed: true), from: 3, term: 2)
        let status = node.core.status().peers.last
        #expect(status?.match == i(6) && status?.state == .replicate)
        #expect(node.takeSent().appends.map(\.entries.first?.index) == [i(7)])
    }

    @Test func lostOfferIsRepeatedAndAFailedOneRenewed() {
        let node = compactedLeader()
        reject(node)
        _ = node.takeSent()
        node.tick(at: node.core.heartbeatDeadline)
        #expect(node.takeSent().contains(.installSnapshot(index: i(6), term: t(2))) && node.snapshotsSent.count == 1)
        node.receive(.snapshotResponse(index: i(6), installed: false), from: 3, term: 2)
        #expect(node.core.status().peers.last?.state == .probe && node.takeSent().appends.isEmpty)
        node.answerHeartbeats(from: [3])
        #expect(node.snapshotsSent.count == 2)
    }

    @Test func followerThatCatchesUpOtherwiseLeavesTheSnapshotState() {
        let node = compactedLeader()
        reject(node)
        node.receive(.appendAccepted(match: i(6)), from: 3, term: 2)
        #expect(node.core.status().peers.last?.state == .replicate)
    }

    @Test func s6LogIsKeptWhileASnapshotIsOnItsWay() {
        let node = compactedLeader()
        reject(node)
        for _ in 0..<5 { node.propose() }
        node.acknowledge(from: [2])
        node.step(.applied(node.commit))
        node.step(.compact(node.commit))
        #expect(node.core.snapshot.index == i(11) && node.core.firstIndex == i(7))
        node.receive(.snapshotResponse(index: i(6), installed: true), from: 3, term: 2)
        #expect(node.core.status().peers.last?.state == .replicate && node.snapshotsSent.count == 1)
    }

    @Test func s6ButNotForeverForASilentFollower() {
        let node = compactedLeader()
        reject(node)
        for _ in 0..<5 { node.propose() }
        node.acknowledge(from: [2])
        for _ in 0..<700 {
            node.tick(at: node.now + .milliseconds(100))
            node.answerHeartbeats(from: [2])
        }
        node.step(.applied(node.commit))
        node.step(.compact(node.commit))
        #expect(node.core.firstIndex == i(12))
    }

    @Test func compactionKeepsTrailingEntriesByNumberAndBytes() {
        #expect(compactedLeader(trailing: 2).core.firstIndex == i(5))
        let node = TestNode(1, terms: [1, 1, 1, 1]) { $0.trailingBytes = 60 }
        node.becomeLeader(votes: [2])
        node.acknowledge(from: [2])
        node.step(.applied(node.commit))
        node.step(.compact(node.commit))
        #expect(node.core.firstIndex == i(5) && node.core.snapshot.index == i(6))
    }

    @Test func wholePathFromFarBehindToUpToDate() {
        let network = TestNetwork(voters: [1, 2, 3]) { $0.trailingEntries = 0 }
        network.elect(1)
        network.isolate(3)
        for _ in 0..<20 { network[1].propose() }
        network.settle()
        network[1].step(.applied(network[1].commit))
        network[1].step(.compact(network[1].commit))
        network.heal()
        network.run(.seconds(2))
        #expect(network[3].offers.last?.index == network[1].commit)
        network[3].disk.install(network[1].core.snapshot)
        network[3].step(.snapshotInstalled(network[1].core.snapshot))
        network.settle()
        network[1].propose()
        network.settle()
        #expect(network[3].commit == network[1].commit && network[3].last == network[1].last)
    }
}
