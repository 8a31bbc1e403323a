// Pemba: tests of reading again what is stored.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaStorage

@Suite struct ScrubberTests {
    /// An open store with sealed segments and a snapshot, and the files that the scrubber reads.
    private func store() throws -> (Disk, Store, [String]) {
        let (disk, store) = try Fixture.newStore()
        for index in UInt64(2)...30 { try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])]) }
        try Fixture.writeSnapshot(store, 20)
        let segments = try Fixture.segmentNames(disk).dropLast().map { "/data/log/" + $0 }
        return (disk, store, segments + ["/data/snapshots/snapshot-0000000000000014/blocks"])
    }

    /// Scrubs a whole round; what it found, if anything.
    private func round(_ store: Store, step: Int) -> StorageError? {
        let rounds = store.scrubRounds
        for _ in 0..<10_000 where store.scrubRounds == rounds {
            do throws(StorageError) {
                try store.scrub(bytes: step)
            } catch {
                return error
            }
        }
        return nil
    }

    @Test(arguments: [1, 4_096, 10_000, 1 << 20]) func whatIsWholeIsReadWithoutAFinding(step: Int) throws {
        let (_, store, _) = try store()
        for _ in 0..<3 { #expect(round(store, step: step) == nil) }
        #expect(store.scrubRounds == 3)
        // New segments and a new snapshot are read in their turn, and segments that are gone are not missed.
        for index in UInt64(31)...50 { try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])]) }
        try store.scrub(bytes: 5_000)
        try Fixture.writeSnapshot(store, 40)
        try store.compact(upTo: LogIndex(40))
        #expect(round(store, step: step) == nil)
    }

    @Test func everyFlippedBitIsFoundAndTheStoreGoesOn() throws {
        let (base, _, files) = try store()
        for seed in Seeds(short: 300, full: 10_000) {
            var random = SeededRandom(seed: seed)
            let disk = Disk(copying: base, seed: seed)
            let store = try Fixture.open(disk)
            let path = files[random.below(files.count)]
            var content = try disk.content(path)
            // What follows the last batch of a segment is of no use to anybody.
            if path.contains("segment"), let end = content.lastIndex(where: { $0 != 0 }) {
                content.removeLast(content.count - end - 1)
            }
            let offset = random.below(content.count)
            try disk.rot(path, offset: offset, bit: random.below(8))
            let found = round(store, step: 1 + random.below(20_000))
            let place = "byte \(offset) of \(path), \(Seeds.replay(seed, "everyFlippedBitIsFoundAndTheStoreGoesOn"))"
            #expect(found?.code == (path.contains("segment") ? .logDamaged : .snapshotDamaged), "\(place)")
            // The finding ends nothing: a new snapshot makes the file unnecessary.
            try store.append([Fixture.request([Fixture.entry(31)])])
            try Fixture.writeSnapshot(store, 31)
            try store.compact(upTo: LogIndex(31))
            _ = round(store, step: 1 << 20)
            #expect(round(store, step: 1 << 20) == nil, "\(place)")
            store.close()
            let again = try Fixture.open(disk)
            #expect(again.recovered.damage == nil && again.recovered.snapshot?.point.lastIndex == LogIndex(31))
        }
    }
}
