// Pemba: nodes that are killed at any moment.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaRaft
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

/// SIGKILL during startup, writes, snapshots and compaction; the thresholds are so small that there is always one of
/// them going on.
@Suite(.serialized) struct KillTests {
    @Test func whateverWasAcknowledgedOutlivesEveryKill() async throws {
        for seed in Seeds(short: 1, full: 10) {
            try await withCluster(settings: "snapshot: {log_entries: 50, trailing_entries: 10}") { cluster in
                let client = try PembaClient(configuration: cluster.target().configuration())
                try await client.writeSchema(documentSchema, timeout: .seconds(60))
                let writers = (0..<4).map { writer in
                    Task { await KillTests.write(client, as: writer) }
                }
                try await kill(20, in: cluster, seed: seed)
                for writer in writers { writer.cancel() }
                var acknowledged: [CheckItem] = []
                for writer in writers { acknowledged += await writer.value }

                let report = try await cluster.waitUntilCaughtUp()
                let replay = Seeds.replay(seed, "KillTests")
                #expect(acknowledged.count > 100, "\(replay)")
                for start in stride(from: 0, to: acknowledged.count, by: Limits.checksPerBulk) {
                    let items = Array(acknowledged[start...].prefix(Limits.checksPerBulk))
                    let answer = try await client.checkBulk(items, consistency: .fullyConsistent, timeout: .seconds(60))
                    let lost = zip(items, answer.results).filter { $1 != .success(.has) }
                    #expect(lost.isEmpty, "\(lost.count) of \(items.count) are lost: \(lost.prefix(3)); \(replay)")
                }
                #expect(Set(report.nodes.map(\.stateHash)).count == 1, "\(report.text)\n\(replay)")
                try await replayRecordings(of: cluster, replay)
                await client.shutdown()
            }
        }
    }

    /// Whoever is killed while it makes its data folder starts with the same command again.
    @Test func aNodeThatWasKilledWhileItInitializedStartsAgain() async throws {
        for seed in Seeds(short: 1, full: 10) {
            var random = SeededRandom(seed: seed)
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let cluster = try LocalCluster(count: 1, folder: folder.path, program: Programs.pembad)
            defer { cluster.shutDown() }
            let node = cluster.nodes[0]
            for _ in 0..<12 {
                try node.start(arguments: ["--initialize"])
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...60, using: &random)))
                let ended = node.isRunning ? nil : node.log
                #expect(ended == nil, "\(ended ?? "")\n\(Seeds.replay(seed, "KillTests"))")
                node.killNow()
            }
            try node.start(arguments: ["--initialize"])
            let report = try await cluster.waitUntilCaughtUp()
            #expect(report.isHealthy, "\(node.log)")
        }
    }

    /// Whoever was killed has left a flight recording, who is asked writes one, and the same core does the same about it.
    private func replayRecordings(of cluster: LocalCluster, _ replay: String) async throws {
        let left = try recordings(of: cluster)
        #expect(left.count > 2, "\(replay)")
        cluster.nodes[0].signal(SIGUSR1)
        let deadline = ContinuousClock.now + .seconds(60)
        while try recordings(of: cluster).subtracting(left).isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
        }
        let all = try recordings(of: cluster)
        #expect(!all.subtracting(left).isEmpty, "\(cluster.nodes[0].log)\n\(replay)")
        var inputs = 0
        for name in all {
            let bytes = try #require(FileManager.default.contents(atPath: cluster.folder + "/" + name))
            let report = try FlightReplay([UInt8](bytes)).run { _ in }
            #expect(report.divergence == nil && !report.isDiscontinuous, "\(name): \(report.summary); \(replay)")
            inputs += report.inputs
        }
        #expect(inputs > 100, "\(replay)")
    }

    private func recordings(of cluster: LocalCluster) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: cluster.folder).filter { $0.hasSuffix(".ring") })
    }

    /// Writes one tuple after the other until it is cancelled; what was acknowledged, as questions.
    private static func write(_ client: PembaClient, as writer: Int) async -> [CheckItem] {
        var acknowledged: [CheckItem] = []
        var number = 0
        while !Task.isCancelled {
            number += 1
            let document = ObjectReference(type: "document", id: "\(writer)-\(number)")
            let alice = SubjectReference(type: "user", id: "alice")
            let tuple = RelationTuple(resource: document, relation: "owner", subject: alice)
            let written = try? await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
            guard written != nil else { continue }
            acknowledged.append(CheckItem(resource: document, permission: "view", subject: alice))
        }
        return acknowledged
    }

    /// Kills nodes `count` times and starts them again.
    private func kill(_ count: Int, in cluster: LocalCluster, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        func pause(upTo milliseconds: Int) async throws {
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...milliseconds, using: &random)))
        }
        for _ in 0..<count {
            try await pause(upTo: 900)
            let node = cluster.nodes[Int.random(in: 0..<cluster.nodes.count, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                for node in cluster.nodes { node.killNow() }
                for node in cluster.nodes { try node.start() }
            case 1, 2:
                // Within milliseconds of its start.
                node.killNow()
                try node.start()
                try await pause(upTo: 60)
                fallthrough
            default:
                node.killNow()
                try await pause(upTo: 200)
                try node.start()
            }
        }
    }
}
