// Pemba: random schemas and histories against the definitions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: every answer equals the definition's, whatever the schema, the cycles, conditions and times, and the history
/// of writes.
@Suite("Random checks")
struct RandomCheckTests {
    private static func replay(_ seed: UInt64) -> Comment { "\(Seeds.replay(seed, "RandomCheckTests"))" }

    @Test("answers equal the definition's at every step of a history", arguments: Array(Seeds(short: 20, full: 1_500)))
    func histories(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try RandomHistory(&random, objects: 2 + random.below(3))
        for _ in 0..<25 {
            try history.step(&random)
            for round in 0..<2 { try history.compare(isSliced: round == 0, &random, Self.replay(seed)) }
        }
        #expect(history.graph.all() == history.naive.tuples, Self.replay(seed))
    }

    @Test("without conditions and times they do, too", arguments: Array(Seeds(short: 10, full: 500)))
    func plainHistories(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try RandomHistory(&random, objects: 2 + random.below(3), features: [])
        for _ in 0..<25 {
            try history.step(&random)
            for round in 0..<2 { try history.compare(isSliced: round == 0, &random, Self.replay(seed)) }
        }
    }

    @Test(
        "tuples added for one request count as if they were stored, and hidden ones as if they were not",
        arguments: Array(Seeds(short: 20, full: 1_000))
    )
    func overlays(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let limits = HistoryLimits(changes: random.chance(1, in: 2) ? 50 : 0, span: .seconds(1))
        var history = try RandomHistory(&random, objects: 2 + random.below(3), limits: limits)
        let graph = history.graph
        for _ in 0..<12 {
            for _ in 0..<2 { try history.step(&random) }
            let entities = graph.entityCount
            let conditions = graph.conditions.count
            let used = graph.rows.arena.usedBytes - graph.rows.arena.freeBytes
            try withExtendedLifetime(graph) {
                var expected = history.naive
                let hidden = expected.tuples.filter { _ in random.chance(1, in: 4) }
                let added = (0..<random.below(8)).map { _ in history.world.tuple(&random) }
                for tuple in hidden { expected.remove(tuple) }
                for tuple in added { expected.put(tuple) }
                let basis = try graph.basis(adding: added, hiding: hidden.map(\.key))
                for round in 0..<2 {
                    try history.compare(in: basis, with: expected, isSliced: round == 0, &random, Self.replay(seed))
                }
                #expect(graph.all(in: basis, limit: 7) == expected.tuples, Self.replay(seed))
            }
            // Nothing of it stays.
            #expect(graph.entityCount == entities && graph.conditions.count == conditions, Self.replay(seed))
            #expect(graph.rows.arena.usedBytes - graph.rows.arena.freeBytes == used, Self.replay(seed))
            try history.compare(&random, Self.replay(seed))
        }
    }

    @Test(
        "equal tuples have equal answers and fingerprints, however they came to be",
        arguments: Array(Seeds(short: 10, full: 500))
    )
    func order(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try RandomHistory(&random, objects: 2 + random.below(3))
        for _ in 0..<20 { try history.step(&random) }
        history.graph.collectExpired(limit: .max)
        let other = Graph(capacity: .small, hashSeed: seed)
        other.restart(at: history.revision, time: Timestamp(nanoseconds: history.world.time))
        try other.replaceSchema(history.world.schema)
        for tuple in history.naive.tuples.shuffled(using: &random) { other.put(tuple) }
        #expect(other.contentHash == history.graph.contentHash, Self.replay(seed))
        #expect(other.tupleCount == history.graph.tupleCount)
        let subject = history.world.subject(&random)
        let context = history.world.context(&random)
        for resource in history.world.resources {
            let definition = history.world.schema.definitions.first { $0.name == resource.type }
            for relation in definition?.relations ?? [] {
                let item = CheckItem(resource: resource, permission: relation.name, subject: subject, context: context)
                #expect(try other.check(item) == history.graph.check(item), "\(item) \(Self.replay(seed))")
            }
        }
    }
}
