// Pemba: measuring writes.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaTooling
import Synchronization

extension Scenario {
    /// Durable writes of one new tuple each, with idempotency keys.
    static let writes: [Scenario] = [writes(inFlight: 1), writes(inFlight: 64), writes(inFlight: 256)]

    /// So many writes in flight on one connection to each node; the leader gets them.
    static func writes(inFlight: Int) -> Scenario {
        let name = "write-\(inFlight)"
        return Scenario(name: name) { stage in
            try await stage.cluster.withClient { client in
                let scratch = ScratchTuples()
                let written = Atomic<Int>(0)
                let window = stage.window()
                let before = Scenario.syncs(stage.cluster)
                async let latencies = CallLoad.run(inFlight: inFlight, window, on: client.eventLoop) { number in
                    written.max(number + 1, ordering: .relaxed)
                    try await client.write(WriteRequest(updates: [TupleUpdate(.touch, scratch.tuple(number))]))
                }
                let usage = try await Usage.follow(window, stage.cluster.processes)
                let measurement = Measurement(latencies: try await latencies, window: window, usage: usage)
                var rows = [measurement.row(name)]
                if let before, let after = Scenario.syncs(stage.cluster) {
                    let thousands = Double(max(written.load(ordering: .relaxed), 1)) / 1_000
                    let name = "\(name) syncs of each node for 1,000 writes"
                    rows.append(Figures.Row(name: name, value: (after - before) / thousands, unit: ""))
                }
                try await verify(scratch, count: written.load(ordering: .relaxed), client)
                try await DataLoader(client: client).delete(scratch, count: written.load(ordering: .relaxed))
                return rows
            }
        }
    }

    /// How often a node's disk was synced, the mean of all nodes; nil if one does not say.
    private static func syncs(_ cluster: TestedCluster) -> Double? {
        let counts = cluster.context.endpoints.indices.map { place in
            cluster.http(node: UInt64(place + 1))?.metric("pemba_storage_sync_seconds_count")
        }
        let known = counts.compactMap(\.self)
        return known.count == counts.count ? known.reduce(0, +) / Double(known.count) : nil
    }

    /// Every acknowledged write must be there, at whichever node is asked.
    private static func verify(_ scratch: ScratchTuples, count: Int, _ client: PembaClient) async throws {
        for start in stride(from: 0, to: count, by: Limits.checksPerBulk) {
            let tuples = (start..<min(start + Limits.checksPerBulk, count)).map { scratch.tuple($0) }
            let items = tuples.map { CheckItem(resource: $0.resource, permission: $0.relation, subject: $0.subject) }
            let answer = try await client.checkBulk(items, consistency: .fullyConsistent)
            for (item, result) in zip(items, answer.results) where try result.get() != .has {
                throw ToolError("an acknowledged write is not there: \(item)")
            }
        }
    }
}
