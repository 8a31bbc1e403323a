// Pemba: tests of nodes whose disks rot, hang or are full.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaReplica
import PembaService
import PembaStorage
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct DiskTests {
    private func withCluster(
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient, NodeID) async throws -> Void
    ) async throws {
        try await TestCluster.run(size: 3, overrides) { cluster, client in
            for number in 0..<100 { try await client.write(NodeTests.touch("group:g\(number)#member@user:ann")) }
            let leader = try #require(try await client.status().leader)
            try await body(cluster, client, leader)
        }
    }

    /// The longest file of a node's data in which the path has these words.
    private func file(_ cluster: TestCluster, _ node: NodeID, _ word: String) throws -> String {
        let folder = cluster.path("data\(node)")
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.contains(word) }
        return folder + "/" + (try #require(names.sorted().first))
    }

    private func flip(_ path: String, at offset: UInt64) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: offset)
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([byte ^ 0x10]))
        try handle.close()
    }

    private func hasEverything(_ cluster: TestCluster, _ node: NodeID) async throws -> Bool {
        let single = try cluster.client(nodes: [node])
        let answer = try? await single.check(NodeTests.item("group:g99#member@user:ann"), consistency: .fullyConsistent)
        await single.shutdown()
        let ready = try await cluster.http(node, "/readyz")
        return ready.status == 200 && answer?.permissionship == .hasPermission
    }

    @Test func aLogThatRottedIsMadeGoodByTheOthers() async throws {
        try await withCluster { cluster, _, leader in
            let node = try #require(cluster.members.map(\.id).first { $0 != leader })
            cluster.stop(node)
            // In the middle of the log: batches follow.
            try flip(try file(cluster, node, "segment-"), at: 3 * 4_096 + 100)
            try cluster.start(node, initialize: false)
            let isHealed = try await TestCluster.eventually { try await hasEverything(cluster, node) }
            let alarms = try await cluster.http(node, "/readyz").body
            #expect(isHealed, "\(alarms)")
            let metrics = try await cluster.http(node, "/metrics").body
            #expect(metrics.contains("\npemba_storage_debt 0\n"))
            let log = try String(contentsOfFile: cluster.path("node\(node).log"), encoding: .utf8)
            #expect(log.contains("the data folder is damaged") && log.contains("segment-0000000000000001"))
            let left = try FileManager.default.subpathsOfDirectory(atPath: cluster.path("data\(node)"))
            #expect(!left.contains { $0.contains("damaged-") })
        }
    }

    @Test func aSnapshotThatRottedIsMadeGoodByTheOthers() async throws {
        try await withCluster(["snapshot.log_entries=32", "snapshot.trailing_entries=8"]) { cluster, _, leader in
            let node = try #require(cluster.members.map(\.id).first { $0 != leader })
            cluster.stop(node)
            try flip(try file(cluster, node, "/blocks"), at: 60)
            try cluster.start(node, initialize: false)
            let isHealed = try await TestCluster.eventually { try await hasEverything(cluster, node) }
            let alarms = try await cluster.http(node, "/readyz").body
            #expect(isHealed, "\(alarms)")
        }
    }

    @Test func aHungDiskOnTheLeaderStopsWritesForLessThanThreeSeconds() async throws {
        // The process is not to end meanwhile: nobody is to be served because of that.
        try await withCluster { cluster, _, leader in
            let others = cluster.members.map(\.id).filter { $0 != leader }
            let client = try cluster.client(nodes: others)
            try await client.write(NodeTests.touch("group:before#member@user:ann"))
            // This one writes where it found the leader.
            let faithful = try cluster.client()
            try await faithful.write(NodeTests.touch("group:before#member@user:bob"))
            let start = ContinuousClock.now
            cluster.faults[leader]?.isHung = true
            let isServed = try await TestCluster.eventually {
                (try? await client.write(NodeTests.touch("group:during#member@user:ann"))) != nil
            }
            let took = ContinuousClock.now - start
            #expect(isServed && took < .seconds(3), "\(took)")
            // The others' disks sufficed for that; once the leader has handed over its writers are sent to the others.
            let isTold = try await TestCluster.eventually {
                try await cluster.http(leader, "/readyz").body.contains("the disk completes nothing")
            }
            #expect(isTold)
            try await faithful.write(NodeTests.touch("group:during#member@user:bob"), timeout: .seconds(60))
            cluster.faults[leader]?.isHung = false
            let isBack = try await TestCluster.eventually { try await hasEverything(cluster, leader) }
            #expect(isBack, "the node did not come back with its disk")
            await client.shutdown()
            await faithful.shutdown()
        }
    }

    /// A node whose disk does not answer at all ends, with its own exit code, so that whoever supervises it knows.
    @Test func aDiskThatNeverAnswersEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(70)) {
            let overrides = ["storage.stall_timeout_ms=300", "storage.abort_timeout_ms=1000"]
            let cluster = try TestCluster(size: 1, overrides: overrides)
            try cluster.startAll()
            let client = try cluster.client()
            try await client.writeSchema(NodeTests.schema)
            cluster.faults[NodeID(1)]?.isHung = true
            _ = try? await client.write(NodeTests.touch("group:during#member@user:ann"), timeout: .seconds(60))
            exit(1)
        }
    }

    @Test func aFullDiskMovesTheLeadershipAndTheLastOneRefusesWrites() async throws {
        try await withCluster { cluster, client, leader in
            cluster.faults[leader]?.freeBytes = 1 << 20
            let others = cluster.members.map(\.id).filter { $0 != leader }
            let single = try cluster.client(nodes: others)
            let isMoved = try await TestCluster.eventually { try await single.status().leader != leader }
            #expect(isMoved, "the leader without room did not hand over")
            try await single.write(NodeTests.touch("group:moved#member@user:ann"))
            let alarms = try await cluster.http(leader, "/readyz").body
            #expect(alarms.contains("the disk is almost full"))
            // No disk has room: writes are refused, with the reason.
            for other in others { cluster.faults[other]?.freeBytes = 1 << 20 }
            let isRefused = try await TestCluster.eventually {
                do {
                    try await single.write(NodeTests.touch("group:refused#member@user:ann"))
                    return false
                } catch {
                    return "\(error)".contains("almost full")
                }
            }
            #expect(isRefused, "writes go on without room")
            // And they go on by themselves when there is room again.
            for faults in cluster.faults.values { faults.freeBytes = nil }
            let isTaken = try await TestCluster.eventually {
                (try? await single.write(NodeTests.touch("group:again#member@user:ann"))) != nil
            }
            #expect(isTaken, "writes are still refused although there is room")
            await single.shutdown()
        }
    }

    @Test func levelsOfRoomAreLeftOnlyWithClearlyMoreRoom() {
        var gauge = SpaceGauge(lowBytes: 1_000, criticalBytes: 100)
        var levels: [DiskSpace] = []
        for free in [1_000, 999, 1_249, 1_250, 99, 149, 150, 1_249, 1_250] {
            gauge.read(freeBytes: free)
            levels.append(gauge.level)
        }
        #expect(levels == [.ample, .low, .low, .ample, .critical, .critical, .low, .low, .ample])
        gauge.foundNoRoom()
        #expect(gauge.level == .critical)
    }
}
