// Pemba: what a user gets from three real nodes.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized) struct ClusterTests {
    /// The main story: write, check on every node, lose the leader, go on, get it back.
    @Test func aKilledLeaderCostsNothingThatWasAcknowledged() async throws {
        try await withCluster { cluster in
            let target = try cluster.target()
            let alice = try CheckItem(parsing: "document:plan#view@user:alice")
            let bob = try CheckItem(parsing: "document:plan#view@user:bob")
            let first = try await target.withClient { client in
                _ = try await client.writeSchema(documentSchema)
                return try await client.write(
                    WriteRequest(updates: [
                        TupleUpdate(.create, try RelationTuple(parsing: "document:plan#viewer@team:eng#member")),
                        TupleUpdate(.create, try RelationTuple(parsing: "team:eng#member@user:alice")),
                    ])
                ).zookie
            }
            for node in 1...3 {
                try await target.withClient(node: UInt64(node)) { client in
                    let answer = try await client.check(alice, consistency: .atLeastAsFresh(first))
                    #expect(answer.permissionship == .hasPermission)
                    #expect(answer.zookie.revision >= first.revision)
                    #expect(try await client.check(bob, consistency: .fullyConsistent).permissionship == .noPermission)
                }
            }

            let leader = try #require(try await cluster.leader())
            cluster.nodes[Int(leader) - 1].killNow()
            let second = try await target.withClient { client in
                try await client.write(
                    WriteRequest(updates: [
                        TupleUpdate(.create, try RelationTuple(parsing: "document:plan#owner@user:bob"))
                    ])
                ).zookie
            }
            #expect(second.revision > first.revision)
            try cluster.nodes[Int(leader) - 1].start()
            let report = try await cluster.waitUntilCaughtUp()
            #expect(report.isHealthy)
            try await target.withClient(node: leader) { client in
                let answer = try await client.check(bob, consistency: .atLeastAsFresh(second))
                #expect(answer.permissionship == .hasPermission)
            }
        }
    }

    @Test func everythingIsStillThereAfterAllNodesWereKilled() async throws {
        try await withCluster { cluster in
            let target = try cluster.target()
            try await target.withClient { client in
                _ = try await client.writeSchema(documentSchema)
                for number in 0..<50 {
                    let tuple = try RelationTuple(parsing: "document:\(number)#owner@user:alice")
                    _ = try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
                }
            }
            for node in cluster.nodes { node.killNow() }
            for node in cluster.nodes { try node.start() }
            _ = try await cluster.waitUntilCaughtUp()
            try await target.withClient { client in
                let page = try await client.read(
                    ReadRequest(
                        consistency: .fullyConsistent,
                        filter: RelationshipFilter(resourceType: "document"),
                        limit: 100
                    )
                )
                #expect(page.tuples.count == 50)
            }
        }
    }

    /// A follower that was away while the log was compacted gets a snapshot.
    @Test func aNodeThatWasAwayForLongGetsASnapshot() async throws {
        try await withCluster(settings: "snapshot: {log_entries: 50, trailing_entries: 10}") { cluster in
            let target = try cluster.target()
            let leader = try #require(try await cluster.leader())
            let away = cluster.nodes[leader == 1 ? 1 : 0]
            try await target.withClient { _ = try await $0.writeSchema(documentSchema) }
            away.killNow()
            try await target.withClient { client in
                for number in 0..<300 {
                    let tuple = try RelationTuple(parsing: "document:\(number)#owner@user:alice")
                    _ = try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
                }
            }
            try away.start()
            let report = try await cluster.waitUntilCaughtUp()
            #expect(Set(report.nodes.map(\.stateHash)).count == 1)
            #expect(report.nodes.allSatisfy { $0.tuples == 300 })
        }
    }

    @Test func aStoppedNodeHandsOverAndExitsWithZero() async throws {
        try await withCluster { cluster in
            let leader = try #require(try await cluster.leader())
            #expect(cluster.nodes[Int(leader) - 1].stop() == 0)
            let next = try await cluster.leader()
            #expect(next != leader)
        }
    }
}
