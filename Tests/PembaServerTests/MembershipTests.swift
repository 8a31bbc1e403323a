// Pemba: tests of members that come, move and go, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct MembershipTests {
    private func withCluster(
        joining: Int = 1,
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        try await TestCluster.run(size: 3, joining: joining, overrides) { cluster, client in
            // With the first acknowledgement of each voter the configuration awaits it no more.
            _ = try await settled(client) { status in status.members.allSatisfy { $0.matchIndex == status.lastIndex } }
            try await body(cluster, client)
        }
    }

    /// The members once nothing is left to be done about them and `condition` holds.
    private func settled(
        _ client: PembaClient,
        _ condition: (NodeStatus) -> Bool = { _ in true }
    ) async throws -> NodeStatus {
        var last: NodeStatus?
        let isSettled = try await TestCluster.eventually {
            last = (try? await client.membership()) ?? last
            guard let last else { return false }
            return last.membership.isSettled && condition(last)
        }
        #expect(isSettled, "\(String(describing: last?.members))")
        return try #require(last)
    }

    private func voters(_ status: NodeStatus) -> [UInt64] {
        status.members.filter { $0.role == .voter }.map(\.node.rawValue)
    }

    /// The first of the three that none of these is.
    private func another(than nodes: NodeID...) -> NodeID {
        [NodeID(1), NodeID(2), NodeID(3)].first { !nodes.contains($0) } ?? NodeID(1)
    }

    /// The ids from 1 to `count` without `node`.
    private func others(than node: NodeID, of count: UInt64) -> [UInt64] {
        (1...count).filter { $0 != node.rawValue }
    }

    private func reach(_ voters: [UInt64], learners: [UInt64] = [], _ contacts: [MemberContact]) -> MembershipChange {
        .reach(voters: voters.map { NodeID($0) }, learners: learners.map { NodeID($0) }, contacts: contacts)
    }

    @Test func aNodeJoinsAndTheLeaderIsRemoved() async throws {
        try await withCluster { cluster, client in
            for number in 0..<50 { try await client.write(NodeTests.touch("group:g\(number)#member@user:ann")) }
            let new = NodeID(4)
            try cluster.start(new, .join)
            let waits = try await TestCluster.eventually {
                try await cluster.http(new, "/readyz").body.contains("waiting to be added")
            }
            #expect(waits)
            let before = try await settled(client)
            let answer = try await client.changeMembership(
                reach([1, 2, 3, 4], [cluster.contact(4)]),
                ifConfigurationIsAt: before.membership.index
            )
            #expect(try #require(answer.entry) > before.membership.index)
            let grown = try await settled(client) { self.voters($0) == [1, 2, 3, 4] }
            #expect(grown.members.last?.clientAddress == cluster.contact(4).client.description)
            // It answers what was written before it came.
            let single = try cluster.client(nodes: [new])
            let item = try NodeTests.item("group:g49#member@user:ann")
            #expect(try await single.check(item, consistency: .fullyConsistent).permissionship == .hasPermission)

            let leader = grown.node
            let rest = others(than: leader, of: 4)
            _ = try await client.changeMembership(reach(rest, []), ifConfigurationIsAt: grown.membership.index)
            let shrunk = try await settled(client) { self.voters($0) == rest }
            #expect(shrunk.node != leader)
            try await client.write(NodeTests.touch("group:after#member@user:ann"), timeout: .seconds(60))
            try await expectParked(leader, cluster)
            await single.shutdown()
        }
    }

    /// The node says that it was removed, wherever it is asked.
    private func expectParked(_ node: NodeID, _ cluster: TestCluster) async throws {
        let saysSo = try await TestCluster.eventually {
            let ready = try await cluster.http(node, "/readyz")
            return ready.status == 503 && ready.body.contains("was removed from the cluster")
        }
        #expect(saysSo)
        #expect(cluster.log(node).contains("this node was removed"))
        let single = try cluster.client(nodes: [node])
        #expect(try await single.status().membership.removedAt != nil)
        let item = try NodeTests.item("group:g1#member@user:ann")
        let error = await #expect(throws: ClientError.self) {
            try await single.check(item, consistency: .minimizeLatency, timeout: .milliseconds(500))
        }
        #expect("\(String(describing: error))".contains("was removed from the cluster"))
        await single.shutdown()
    }

    @Test func aNodeThatWasDownWhenItWasRemovedIsToldWhenItComesBack() async throws {
        try await withCluster(joining: 0) { cluster, client in
            let status = try await settled(client)
            let gone = another(than: status.node)
            cluster.stop(gone)
            let rest = others(than: gone, of: 3)
            _ = try await client.changeMembership(reach(rest, []), ifConfigurationIsAt: status.membership.index)
            _ = try await settled(client) { self.voters($0) == rest }
            try cluster.start(gone, .none)
            try await expectParked(gone, cluster)
        }
    }

    /// A learner asks nobody for votes, and would wait for ever.
    @Test func aLearnerThatWasDownWhenItWasRemovedIsToldWhenItComesBack() async throws {
        try await withCluster(joining: 1) { cluster, client in
            let before = try await settled(client)
            try cluster.start(NodeID(4), .join)
            _ = try await client.changeMembership(
                reach([1, 2, 3], learners: [4], [cluster.contact(4)]),
                ifConfigurationIsAt: before.membership.index
            )
            let learning = try await settled(client) { status in
                status.members.contains { $0.node == NodeID(4) && $0.matchIndex == status.lastIndex }
            }
            cluster.stop(NodeID(4))
            _ = try await client.changeMembership(
                reach([1, 2, 3], []),
                ifConfigurationIsAt: learning.membership.index
            )
            _ = try await settled(client) { $0.members.count == 3 }
            try cluster.start(NodeID(4), .none)
            try await expectParked(NodeID(4), cluster)
        }
    }

    /// The leader does not call itself.
    @Test func theLeaderIsReachedElsewhereToo() async throws {
        try await withCluster(joining: 1) { cluster, client in
            let before = try await settled(client)
            var contact = cluster.contact(before.node.rawValue)
            contact.client = cluster.contact(4).client
            _ = try await client.changeMembership(.relocate(contact), ifConfigurationIsAt: before.membership.index)
            let after = try await settled(client) { status in
                status.members.contains { $0.node == before.node && $0.clientAddress == contact.client.description }
            }
            #expect(after.node == before.node)
        }
    }

    @Test func contactsThatSayTooMuchAreRefused() async throws {
        try await withCluster(joining: 2) { cluster, client in
            let before = try await settled(client)
            func refusal(_ contacts: [MemberContact]) async -> ServiceError? {
                let error = await #expect(throws: ClientError.self) {
                    try await client.changeMembership(
                        self.reach([1, 2, 3, 4], contacts),
                        ifConfigurationIsAt: before.membership.index
                    )
                }
                return error?.serviceError
            }
            let twice = await refusal([cluster.contact(4), cluster.contact(4)])
            #expect(twice?.code == .invalidArgument && twice?.message.contains("twice") == true)
            let stranger = await refusal([cluster.contact(4), cluster.contact(5)])
            #expect(stranger?.code == .invalidArgument && stranger?.message.contains("node 5") == true)
            #expect(try await client.membership().membership == before.membership)
        }
    }

    /// Whoever starts a node and adds it at once need not wait for its ports.
    @Test func aNodeThatIsStartingIsCalledAgain() async throws {
        try await withCluster { cluster, client in
            let before = try await settled(client)
            async let added = client.changeMembership(
                reach([1, 2, 3], learners: [4], [cluster.contact(4)]),
                ifConfigurationIsAt: before.membership.index
            )
            try cluster.start(NodeID(4), .join)
            _ = try await added
            _ = try await settled(client) { $0.members.last?.role == .learner && $0.members.count == 4 }
        }
    }

    @Test func aWrongAddressChangesNothing() async throws {
        try await withCluster(joining: 2) { cluster, client in
            let before = try await settled(client)
            func refusal(_ contact: MemberContact, _ code: ErrorCode = .preconditionFailed) async throws -> String {
                let error = await #expect(throws: ClientError.self) {
                    try await client.changeMembership(
                        self.reach([1, 2, 3, 4], [contact]),
                        ifConfigurationIsAt: before.membership.index
                    )
                }
                #expect(error?.serviceError?.code == code)
                return error?.serviceError?.message ?? ""
            }
            var contact = cluster.contact(4)
            #expect(try await refusal(contact).contains("nothing was changed"), "nobody listens there")
            contact.peer = cluster.contact(2).peer
            #expect(try await refusal(contact, .invalidArgument).contains("node 2 is reached"), "a member has it")
            try cluster.start(NodeID(5), .join)
            contact.peer = cluster.contact(5).peer
            #expect(try await refusal(contact).contains("cannot be used at"), "another node listens there")
            // One that was made for a cluster of its own.
            try cluster.start(NodeID(4), .initialize)
            #expect(try await refusal(cluster.contact(4)).contains("a log of its own"))
            let after = try await client.membership()
            #expect(after.membership == before.membership && after.members.map(\.node) == before.members.map(\.node))
            let stale = await #expect(throws: ClientError.self) {
                try await client.changeMembership(self.reach([1, 2], []), ifConfigurationIsAt: LogIndex(1))
            }
            #expect(stale?.serviceError?.detail("configuration") == before.membership.index.description)
        }
    }

    /// A voter whose data are gone has forgotten what it promised: however it is started, it counts for nothing.
    @Test(arguments: [FolderSetup.initialize, .join])
    func aWipedVoterIsRefused(setup: FolderSetup) async throws {
        try await withCluster(joining: 0) { cluster, client in
            let status = try await settled(client)
            let wiped = another(than: status.node)
            cluster.stop(wiped)
            try FileManager.default.removeItem(atPath: cluster.path("data\(wiped)"))
            try cluster.start(wiped, setup)
            let isRefused = try await TestCluster.eventually {
                let ready = try await cluster.http(wiped, "/readyz")
                return ready.status == 503 && ready.body.contains("without the data that it had")
            }
            #expect(isRefused)
            #expect(cluster.log(wiped).contains("this node has lost its data"))
            let seen = try await settled(client) { $0.members.contains { $0.node == wiped && $0.hasLostData } }
            #expect(voters(seen) == [1, 2, 3])
            // It calls again and again; the audit log says so once.
            let refusals = cluster.log(seen.node).split(separator: "\n").filter {
                $0.contains("\"audit.event\":\"refused\"") && $0.contains("without the data")
            }
            #expect(refusals.count <= 1, "\(refusals)")
            // The other two go on; without one of them there is no majority.
            try await client.write(NodeTests.touch("group:after#member@user:ann"))
            let other = another(than: seen.node, wiped)
            cluster.stop(other)
            let error = await #expect(throws: ClientError.self) {
                try await client.write(NodeTests.touch("group:lost#member@user:ann"), timeout: .seconds(2))
            }
            #expect(error != nil)
        }
    }

    /// A member without a vote that is started as one of a new cluster says nothing of what it promised when it voted.
    ///
    /// With nothing at all it knows that, and gets everything again.
    @Test func aDemotedNodeThatIsMadeAnewIsRefusedUntilItBeginsWithNothing() async throws {
        try await withCluster(joining: 0) { cluster, client in
            let before = try await settled(client)
            let demoted = another(than: before.node)
            _ = try await client.changeMembership(
                reach(others(than: demoted, of: 3), learners: [demoted.rawValue], []),
                ifConfigurationIsAt: before.membership.index
            )
            _ = try await settled(client) { $0.members.contains { $0.node == demoted && $0.role == .learner } }
            func begin(_ setup: FolderSetup) throws {
                cluster.stop(demoted)
                try FileManager.default.removeItem(atPath: cluster.path("data\(demoted)"))
                try cluster.start(demoted, setup)
            }
            try begin(.initialize)
            let isRefused = try await TestCluster.eventually {
                let ready = try await cluster.http(demoted, "/readyz")
                return ready.status == 503 && ready.body.contains("empty its data folder and start it with --join")
            }
            #expect(isRefused)
            _ = try await settled(client) { $0.members.contains { $0.node == demoted && $0.hasLostData } }
            try await client.write(NodeTests.touch("group:after#member@user:ann"))
            try begin(.join)
            let after = try await settled(client) { status in
                status.members.contains { $0.node == demoted && !$0.hasLostData && $0.matchIndex == status.lastIndex }
            }
            #expect(after.members.first { $0.node == demoted }?.role == .learner)
        }
    }

    /// A new node knows nobody, and may have connected to one that was made anew before it learns who has taken part.
    @Test func aNewNodeRefusesWhoWasMadeAnewOnceItKnowsIt() async throws {
        try await withCluster(joining: 1) { cluster, client in
            var status = try await settled(client)
            let remade = another(than: status.node)
            let rest = others(than: remade, of: 3)
            _ = try await client.changeMembership(
                reach(rest, learners: [remade.rawValue], []),
                ifConfigurationIsAt: status.membership.index
            )
            status = try await settled(client) { $0.members.contains { $0.node == remade && $0.role == .learner } }
            cluster.stop(remade)
            try FileManager.default.removeItem(atPath: cluster.path("data\(remade)"))
            let new = NodeID(4)
            try cluster.start(new, .join)
            try cluster.start(remade, .initialize)
            let haveMet = try await TestCluster.eventually {
                cluster.log(new).split(separator: "\n").contains {
                    $0.contains("connected to a node") && $0.contains("\"peer.id\":\"\(remade)\"")
                }
            }
            #expect(haveMet)
            // Alone with two of the first, one of whom goes, it is to lead.
            _ = try await client.changeMembership(
                reach(rest + [4], learners: [remade.rawValue], [cluster.contact(4)]),
                ifConfigurationIsAt: status.membership.index
            )
            _ = try await settled(client) { self.voters($0) == (rest + [4]).sorted() }
            _ = try await client.changeMembership(.transferLeadership(to: new), ifConfigurationIsAt: .zero)
            let led = try await settled(client) { status in
                status.node == new && status.members.contains { $0.node == remade && $0.hasLostData }
            }
            #expect(led.members.contains { $0.node == remade && !$0.isConnected })
            let ready = try await cluster.http(remade, "/readyz").body
            #expect(ready.contains("start it with --join") && ready.contains("no leader is known"), "\(ready)")
        }
    }

    @Test func aMemberMovesToAnotherAddress() async throws {
        try await withCluster(joining: 1) { cluster, client in
            let status = try await settled(client)
            let moved = another(than: status.node)
            cluster.stop(moved)
            // The ports of a fourth node are free.
            let contact = MemberContact(node: moved, peer: cluster.contact(4).peer, client: cluster.contact(4).client)
            let elsewhere = ["listen.peer=\(contact.peer)", "listen.client=\(contact.client)"]
            try cluster.start(moved, .none, elsewhere)
            _ = try await client.changeMembership(.relocate(contact), ifConfigurationIsAt: status.membership.index)
            let after = try await settled(client) { status in
                status.members.contains { $0.node == moved && $0.isConnected && $0.matchIndex == status.lastIndex }
            }
            #expect(after.members.first { $0.node == moved }?.peerAddress == contact.peer.description)
        }
    }

    /// A learner that is stopped before it has caught up does not get its vote, and nobody else's changes.
    @Test func aNodeThatCannotCatchUpStaysALearner() async throws {
        let overrides = ["raft.catch_up_timeout_ms=1000"]
        try await withCluster(joining: 1, overrides) { cluster, client in
            let before = try await settled(client)
            try cluster.start(NodeID(4), .join)
            _ = try await client.changeMembership(
                reach([1, 2, 3], learners: [4], [cluster.contact(4)]),
                ifConfigurationIsAt: before.membership.index
            )
            let learning = try await settled(client) { $0.members.count == 4 }
            cluster.stop(NodeID(4))
            _ = try await client.changeMembership(
                reach([1, 2, 3, 4], []),
                ifConfigurationIsAt: learning.membership.index
            )
            let after = try await settled(client) { $0.membership.abandoned != nil }
            #expect(after.membership.abandoned?.node == NodeID(4) && after.membership.abandoned?.reason == .silent)
            #expect(voters(after) == [1, 2, 3] && after.members.last?.role == .learner)
        }
    }

    @Test func leadershipIsHandedOver() async throws {
        try await withCluster(joining: 0) { cluster, client in
            let before = try await settled(client)
            let next = another(than: before.node)
            _ = try await client.changeMembership(.transferLeadership(to: next), ifConfigurationIsAt: .zero)
            _ = try await settled(client) { $0.node == next }
        }
    }
}
