// Pemba: measuring what happens when nodes are killed.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaTooling

extension Scenario {
    private static let repetitions = 5
    /// How long a node may take to be ready.
    private static let patience = Duration.seconds(60)

    /// From killing the leader to the first write that is acknowledged after it.
    static let failover = Scenario(name: "failover", killsNodes: true) { stage in
        guard let local = stage.cluster.local else { return [] }
        var seconds: [Double] = []
        for _ in 0..<repetitions {
            _ = try await local.waitUntilCaughtUp()
            let spent = try await stage.cluster.withClient { client in
                let scratch = ScratchTuples()
                try await client.write(WriteRequest(updates: [TupleUpdate(.touch, scratch.tuple(0))]))
                let node = try node(try await stage.cluster.leader(), of: local)
                let begin = ContinuousClock.now
                node.killNow()
                try await client.write(WriteRequest(updates: [TupleUpdate(.touch, scratch.tuple(1))]))
                let spent = ContinuousClock.now - begin
                try node.start()
                try await DataLoader(client: client).delete(scratch, count: 2)
                return spent
            }
            seconds.append(spent.inSeconds)
        }
        return spread("failover to the first acknowledged write", seconds.map { $0 * 1_000 }, "ms")
    }

    /// From starting a killed follower to its being ready.
    static let restart = Scenario(name: "restart", killsNodes: true) { stage in
        guard let local = stage.cluster.local else { return [] }
        var seconds: [Double] = []
        for _ in 0..<repetitions {
            let report = try await local.waitUntilCaughtUp()
            guard let follower = local.nodes.first(where: { $0.id != report.leader }),
                let http = stage.cluster.http(node: follower.id)
            else { throw ToolError("no node follows") }
            follower.killNow()
            let begin = ContinuousClock.now
            try follower.start()
            while http.get("/readyz")?.status != 200 {
                guard follower.isRunning, ContinuousClock.now - begin < patience else {
                    throw ToolError("node \(follower.id) did not get ready\n\(follower.log.suffix(2_000))")
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            seconds.append((ContinuousClock.now - begin).inSeconds)
        }
        return spread("restart of a node with \(stage.data.tupleCount) tuples", seconds, "s")
    }

    private static func node(_ place: UInt64, of local: LocalCluster) throws -> LocalNode {
        guard let node = local.nodes.first(where: { $0.id == place }) else {
            throw ToolError("there is no node \(place)")
        }
        return node
    }

    private static func spread(_ name: String, _ values: [Double], _ unit: String) -> [Figures.Row] {
        [
            Figures.Row(name: "\(name), median of \(values.count)", value: Figures.median(values), unit: unit),
            Figures.Row(name: "\(name), longest", value: values.max(), unit: unit),
        ]
    }
}
