// Pemba: tests of snapshots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Snapshots")
struct SnapshotTests {
    private static func restore(_ blocks: [[UInt8]], _ schema: CompiledSchema) throws -> Graph {
        let copy = Graph(capacity: .small)
        try copy.replaceSchema(schema)
        for block in blocks { try block.withUnsafeBytes { bytes in try copy.load(block: bytes) } }
        return copy
    }

    @Test(
        "a snapshot holds the state of its cut, whatever is written meanwhile",
        arguments: Array(Seeds(short: 12, full: 500))
    )
    func cut(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let limits = HistoryLimits(changes: random.chance(1, in: 2) ? 50 : 0, span: .seconds(1))
        var history = try RandomHistory(&random, objects: 3 + random.below(40), limits: limits)
        let graph = history.graph
        for _ in 0..<12 { try history.step(&random, writes: 20) }
        let cut = history.naive
        let hash = graph.contentHash
        graph.beginSnapshot()
        var blocks: [[UInt8]] = []
        while let block = graph.nextSnapshotBlock(maxBytes: 28_200 + random.below(800)) {
            blocks.append(block)
            try history.step(&random, writes: 10)
        }
        graph.endSnapshot()
        let copy = try Self.restore(blocks, cut.schema)
        copy.restart(at: history.revision, time: Timestamp(nanoseconds: cut.time))
        #expect(copy.contentHash == hash, "\(Seeds.replay(seed, "SnapshotTests"))")
        #expect(copy.all() == cut.tuples, "\(Seeds.replay(seed, "SnapshotTests"))")
    }

    @Test("a row of many blocks is cut while it changes on both sides of the walk")
    func largeRow() throws {
        let source = "definition user {}\ndefinition doc {\n relation viewer: user\n}"
        let graph = try graph(source)
        for number in 0..<5_000 { try graph.add("doc:1#viewer@user:\(number)") }
        let hash = graph.contentHash
        graph.beginSnapshot()
        var blocks: [[UInt8]] = []
        var number = 0
        while let block = graph.nextSnapshotBlock(maxBytes: 30_000) {
            #expect(block.count <= 30_000)
            blocks.append(block)
            for _ in 0..<20 {
                try graph.drop("doc:1#viewer@user:\(number)")
                try graph.add("doc:1#viewer@user:new\(number)")
                try graph.drop("doc:1#viewer@user:\(4_999 - number)")
                number += 1
            }
        }
        #expect(blocks.count > 5)
        #expect(try Self.restore(blocks, schema(source)).contentHash == hash)
        #expect(graph.contentHash != hash)
    }

    @Test("damaged blocks are refused at any length and any byte, never trap")
    func damage() throws {
        let source = "definition user {}\ndefinition doc {\n relation viewer: user | doc#viewer\n}"
        let graph = try graph(source, ["doc:1#viewer@user:ann", "doc:1#viewer@doc:2#viewer", "doc:2#viewer@user:bob"])
        graph.beginSnapshot()
        let block = try #require(graph.nextSnapshotBlock(maxBytes: 30_000))
        let compiled = try schema(source)
        for length in block.indices {
            _ = try? Self.restore([Array(block[..<length])], compiled)
        }
        for place in block.indices {
            for bit in 0..<8 {
                var broken = block
                broken[place] ^= 1 << UInt8(bit)
                let copy = try? Self.restore([broken], compiled)
                #expect(copy?.contentHash != graph.contentHash)
            }
        }
        #expect(throws: GraphError.self) { try Self.restore([block, block], compiled) }
        #expect(throws: GraphError.damagedBlock(.invalidValue(field: "block version", value: 9))) {
            try Self.restore([[9]], compiled)
        }
    }
}
