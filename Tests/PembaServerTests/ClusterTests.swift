// Pemba: tests of three nodes, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaCore
import PembaService
import Synchronization
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct ClusterTests {
    private func withCluster(
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        try await TestCluster.run(size: 3, overrides, body)
    }

    private func check(
        _ text: String,
        on node: NodeID,
        of cluster: TestCluster,
        _ consistency: Consistency
    ) async throws -> Permissionship {
        let client = try cluster.client(nodes: [node])
        let answer = try await client.check(NodeTests.item(text), consistency: consistency)
        await client.shutdown()
        return answer.permissionship
    }

    @Test func everyNodeAnswersWhatAnyNodeWrote() async throws {
        try await withCluster { cluster, client in
            for member in cluster.members {
                let single = try cluster.client(nodes: [member.id])
                let zookie = try await single.write(NodeTests.touch("group:g\(member.id)#member@user:ann")).zookie
                await single.shutdown()
                for other in cluster.members {
                    let text = "group:g\(member.id)#member@user:ann"
                    let answer = try await check(text, on: other.id, of: cluster, .atLeastAsFresh(zookie))
                    #expect(answer == .hasPermission)
                    #expect(try await check(text, on: other.id, of: cluster, .fullyConsistent) == .hasPermission)
                }
            }
            let statuses = await client.statusOfEndpoints()
            #expect(try statuses.filter { try $0.get().role == .leader }.count == 1)
        }
    }

    @Test func theClusterGoesOnWithoutItsLeaderWhichCatchesUp() async throws {
        try await withCluster(["snapshot.log_entries=32", "snapshot.trailing_entries=8"]) { cluster, client in
            try await client.write(NodeTests.touch("group:before#member@user:ann"))
            let leader = try #require(try await client.status().leader)
            cluster.stop(leader)
            var last: Zookie?
            for number in 0..<200 {
                last = try await client.write(NodeTests.touch("group:g\(number)#member@user:ann")).zookie
            }
            let zookie = try #require(last)
            try cluster.start(leader, initialize: false)
            let answer = try await TestCluster.eventually {
                (try? await check("group:g199#member@user:ann", on: leader, of: cluster, .atLeastAsFresh(zookie)))
                    == .hasPermission
            }
            #expect(answer, "the old leader did not catch up")
            #expect(
                try await check("group:before#member@user:ann", on: leader, of: cluster, .fullyConsistent)
                    == .hasPermission
            )
            // Equal positions mean equal states.
            #expect(
                try await TestCluster.eventually {
                    let statuses = await client.statusOfEndpoints().compactMap { try? $0.get() }
                    return statuses.count == 3 && Set(statuses.map(\.appliedIndex)).count == 1
                        && Set(statuses.map(\.stateHash)).count == 1
                }
            )
        }
    }

    /// Every node is stopped in order and started again in turn while a client goes on writing: no write fails, none is
    /// lost, none is done twice.
    @Test func nodesAreRestartedInTurnUnderWrites() async throws {
        try await withCluster { cluster, client in
            let isDone = Mutex(false)
            async let writes: Int = {
                var count = 0
                while !isDone.withLock({ $0 }) {
                    let tuple = try RelationTuple(parsing: "group:g\(count)#member@user:ann")
                    // A second creation would fail.
                    try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]), timeout: .seconds(60))
                    count += 1
                }
                return count
            }()
            for member in cluster.members {
                cluster.stop(member.id)
                try cluster.start(member.id, initialize: false)
                let isReady = try await TestCluster.eventually {
                    try await cluster.http(member.id, "/readyz").status == 200
                }
                #expect(isReady, "node \(member.id)")
            }
            isDone.withLock { $0 = true }
            let count = min(try await writes, Limits.checksPerBulk)
            for member in cluster.members {
                let single = try cluster.client(nodes: [member.id])
                let items = try (0..<count).map { try NodeTests.item("group:g\($0)#member@user:ann") }
                let answer = try await single.checkBulk(items, consistency: .fullyConsistent)
                #expect(try answer.results.allSatisfy { try $0.get() == .has })
                await single.shutdown()
            }
        }
    }

    /// Without a quorum nothing is written, and after the staleness bound nothing is read either.
    @Test func aNodeAloneAnswersNothing() async throws {
        try await withCluster(["staleness_bound_ms=1000"]) { cluster, client in
            try await client.write(NodeTests.touch("group:eng#member@user:ann"))
            let alone = cluster.members[0].id
            #expect(
                try await TestCluster.eventually { try await cluster.http(alone, "/readyz").status == 200 }
            )
            for member in cluster.members.dropFirst() { cluster.stop(member.id) }
            let single = try cluster.client(nodes: [alone])
            let item = try NodeTests.item("group:eng#member@user:ann")
            let isStale = try await TestCluster.eventually {
                do {
                    _ = try await single.check(item, consistency: .minimizeLatency, timeout: .milliseconds(300))
                    return false
                } catch {
                    return "\(error)".contains("stale")
                }
            }
            #expect(isStale)
            let saysWhy = try await TestCluster.eventually {
                let ready = try await cluster.http(alone, "/readyz")
                return ready.status == 503 && ready.body.contains("no leader is known")
            }
            #expect(saysWhy)
            await single.shutdown()
        }
    }
}
