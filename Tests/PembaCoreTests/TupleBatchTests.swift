// Pemba: tests of packed tuples.
// SPDX-License-Identifier: Apache-2.0

import PembaTestSupport
import Testing

@testable import PembaCore

@Suite struct TupleBatchTests {
    private static let kinds = [
        ("document", "viewer", "user", nil), ("document", "viewer", "group", "member"),
        ("folder", "parent", "folder", nil),
    ]

    private func tuples(_ random: inout SeededRandom, _ count: Int) throws -> [RelationTuple] {
        let ids = ["a", "b", "0123456789abcdef", "pää", "日本", "*", "x y", String(repeating: "é", count: 512)]
        return try (0..<count).map { _ in
            let kind = TupleBatchTests.kinds[Int.random(in: 0..<3, using: &random)]
            var tuple = RelationTuple(
                resource: ObjectReference(type: kind.0, id: ids[Int.random(in: 0..<ids.count, using: &random)]),
                relation: kind.1,
                subject: SubjectReference(
                    type: kind.2,
                    id: ids[Int.random(in: 0..<ids.count, using: &random)],
                    relation: kind.3
                )
            )
            switch Int.random(in: 0..<8, using: &random) {
            case 0: tuple.expiresAt = Timestamp(nanoseconds: 5)
            case 1: tuple.notBefore = Timestamp(nanoseconds: -5)
            case 2: tuple.caveat = CaveatReference(name: "net", context: try ContextObject(parsing: "{\"a\":[1]}"))
            case 3:
                tuple.caveat = CaveatReference(name: "never", context: .empty)
                tuple.expiresAt = Timestamp(nanoseconds: 7)
                tuple.notBefore = Timestamp(nanoseconds: 6)
            default: break
            }
            return tuple
        }
    }

    private func bytes(_ batch: TupleBatch) -> [UInt8] {
        var writer = ByteWriter()
        batch.encode(into: &writer)
        return writer.bytes
    }

    private func read(_ bytes: [UInt8], limit: Int = 1_000) throws -> TupleBatch {
        try bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            let batch = try TupleBatch(reading: &reader, limit: limit)
            try reader.expectEnd()
            return batch
        }
    }

    @Test func whatIsPackedIsUnpacked() throws {
        for seed in Seeds(short: 200, full: 5_000) {
            var random = SeededRandom(seed: seed)
            let tuples = try tuples(&random, Int.random(in: 0..<40, using: &random))
            let batch = TupleBatch(tuples)
            let replay = Seeds.replay(seed, "whatIsPackedIsUnpacked")
            #expect(batch.count == tuples.count, "\(replay)")
            #expect(try batch.unpack() == tuples, "\(replay)")
            let again = try read(bytes(batch))
            #expect(again == batch, "\(replay)")
        }
    }

    @Test func damagedBytesAreRefusedOrMeanSomething() throws {
        for seed in Seeds(short: 2_000, full: 100_000) {
            var random = SeededRandom(seed: seed)
            var damaged = bytes(TupleBatch(try tuples(&random, 5)))
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random)) }
            guard let batch = try? read(damaged) else { continue }
            let unpacked = try batch.unpack()
            #expect(unpacked.count == batch.count, "\(Seeds.replay(seed, "damagedBytesAreRefusedOrMeanSomething"))")
        }
    }

    @Test func everyTruncationIsRefused() throws {
        var random = SeededRandom(seed: 1)
        let whole = bytes(TupleBatch(try tuples(&random, 8)))
        for length in 0..<whole.count { #expect(throws: ByteError.self) { try read(Array(whole[..<length])) } }
    }

    @Test func limitsHoldForWhatSomebodyElsePacked() throws {
        let long = String(repeating: "x", count: Limits.objectIDBytes + 1)
        let tuple = RelationTuple(
            resource: ObjectReference(type: "document", id: long),
            relation: "viewer",
            subject: SubjectReference(type: "user", id: "a")
        )
        let batch = TupleBatch([tuple])
        #expect(try batch.unpack() == [tuple])
        #expect(throws: ByteError.exceedsLimit(value: 1_025, limit: 1_024)) { try read(bytes(batch)) }
        #expect(throws: ByteError.exceedsLimit(value: 2, limit: 1)) { try read([2, 0], limit: 1) }
        #expect(throws: ByteError.truncated(needed: 900, available: 1)) { try read([0x84, 0x07, 0]) }
    }

    @Test func idsAreUTF8AndFlagsKnown() throws {
        let names: [UInt8] = [1, 0, 1, 0x64, 1, 0x76, 1, 0x75, 0]
        #expect(try read(names + [0, 1, 0x61, 1, 0x62]).count == 1)
        #expect(throws: ByteError.invalidUTF8) { try read(names + [0, 1, 0xFF, 1, 0x62]) }
        #expect(throws: ByteError.invalidValue(field: "tuple flags", value: 16)) {
            try read(names + [16, 1, 0x61, 1, 0x62])
        }
        #expect(throws: ByteError.invalidUTF8) { try read([1, 0, 1, 0xC0, 1, 0x76, 1, 0x75, 0, 0, 1, 0x61, 1, 0x62]) }
        // A kind that was not introduced.
        #expect(throws: ByteError.exceedsLimit(value: 1, limit: 0)) { try read([1, 1, 0, 0, 0]) }
    }

    @Test(arguments: [
        ("document:a#viewer@user:b", true), ("document:a#viewer@user:*", true),
        ("document:a#viewer@user:ü", false), ("document:a#viewer@user:b[expiration:2030-01-01T00:00:00Z]", false),
    ])
    func onlyWhatIsSimpleIsWellFormed(_ text: String, _ expected: Bool) throws {
        TupleBatch([try RelationTuple(parsing: text)]).forEachTuple { #expect($0.isWellFormed == expected) }
    }

    @Test func aResourceIsNotEverything() throws {
        var tuple = try RelationTuple(parsing: "document:a#viewer@user:b")
        tuple.resource.id = SubjectReference.wildcardID
        TupleBatch([tuple]).forEachTuple { #expect(!$0.isWellFormed) }
    }
}
