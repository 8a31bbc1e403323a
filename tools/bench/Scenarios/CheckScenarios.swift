// Pemba: measuring checks.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaClient
import PembaTooling
import Synchronization

extension Scenario {
    /// Checks of all kinds.
    static let checks: [Scenario] = [
        checks("direct-16x50", \.direct, depth: 16, connections: 50),
        checks("direct-1x1", \.direct, depth: 1, connections: 1),
        checks("direct-64x1", \.direct, depth: 64, connections: 1),
        checks("direct-1024x1", \.direct, depth: 1_024, connections: 1),
        checks("nested-64x8", \.nested, depth: 64, connections: 8),
        checks("nested-1x64", \.nested, depth: 1, connections: 64),
        checks("nested-1x1", \.nested, depth: 1, connections: 1),
        checks("nested-64x1", \.nested, depth: 64, connections: 1),
        checks("nested-1024x1", \.nested, depth: 1_024, connections: 1),
        bulk,
        consistent,
    ]

    /// `depth` checks in flight on each of so many connections.
    static func checks(
        _ name: String,
        _ questions: @escaping @Sendable (Stage) -> Questions,
        depth: Int,
        connections: Int
    ) -> Scenario {
        Scenario(name: name) { stage in
            let plan = CheckLoad.Plan(questions: questions(stage), depth: depth)
            return [try await stage.measure(plan, connections: connections).row(name)]
        }
    }

    private static let itemsPerBulk = 100

    /// Nested checks, a hundred in a frame, 16 frames in flight on 4 connections.
    private static let bulk = Scenario(name: "bulk-100") { stage in
        let leader = try await stage.cluster.leader()
        let questions = stage.nested
        let batches = stride(from: 0, to: questions.items.count - itemsPerBulk, by: itemsPerBulk).map { start in
            (
                Array(questions.items[start..<(start + itemsPerBulk)]),
                Array(questions.expected[start..<(start + itemsPerBulk)])
            )
        }
        return try await stage.cluster.withClient(node: leader, connections: 4) { client in
            let window = stage.window()
            async let latencies = CallLoad.run(inFlight: 16, window, on: client.eventLoop) { number in
                let (items, expected) = batches[number % batches.count]
                let answer = try await client.checkBulk(items, consistency: .minimizeLatency)
                for place in expected.indices
                where try answer.results[place].get() != (expected[place] ? .has : .hasNot) {
                    throw ToolError("a wrong answer in a bulk check: \(items[place])")
                }
            }
            let usage = try await Usage.follow(window, stage.cluster.process(node: leader).map { [$0] } ?? [])
            let measurement = Measurement(latencies: try await latencies, window: window, usage: usage)
            return [measurement.row("bulk-100", each: itemsPerBulk)]
        }
    }

    /// Fully consistent nested checks on one connection, 64 in flight, and a durable write instead of every twentieth.
    private static let consistent = Scenario(name: "consistent-64") { stage in
        let leader = try await stage.cluster.leader()
        return try await stage.cluster.withClient(node: leader) { client in
            let scratch = ScratchTuples()
            let written = Atomic<Int>(0)
            let executor = LoopExecutor(client.eventLoop)
            let write: CheckLoad.Interlude = { done in
                let tuple = scratch.tuple(written.add(1, ordering: .relaxed).oldValue)
                Task(executorPreference: executor) {
                    do {
                        try await client.write(WriteRequest(updates: [TupleUpdate(.touch, tuple)]))
                        done(.success(()))
                    } catch {
                        done(.failure(error))
                    }
                }
            }
            let plan = CheckLoad.Plan(
                questions: stage.nested,
                depth: 64,
                consistency: .fullyConsistent,
                interlude: (every: 20, run: write)
            )
            let measured = try await stage.measure(plan, on: client, servers: stage.cluster.process(node: leader))
            try await DataLoader(client: client).delete(scratch, count: written.load(ordering: .relaxed))
            return [measured.checks.row("consistent-64"), measured.interludes.row("consistent-64 writes")]
        }
    }
}
