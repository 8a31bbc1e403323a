// Pemba: recovery of arbitrary bytes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaStorage

@Suite struct RecoveryFuzzTests {
    /// Recovery ends in a state or in a clear error whatever the files hold, and what it takes for entries is a prefix of
    /// what was written or what a mutation left readable: never a trap, never a gap.
    @Test func recoveryOfMutatedFilesNeverTraps() throws {
        for seed in Seeds(short: 150, full: 20_000) {
            var random = SeededRandom(seed: seed)
            let disk = try node(&random)
            let paths = try files(disk)
            for _ in 0...random.below(3) { try mutate(disk, paths[random.below(paths.count)], &random) }
            do throws(StorageError) {
                let store = try Fixture.open(disk)
                let indexes = store.recovered.entries.map(\.index.rawValue)
                for (index, next) in zip(indexes, indexes.dropFirst()) {
                    #expect(next == index + 1, "\(Seeds.replay(seed, "recoveryOfMutatedFilesNeverTraps"))")
                }
            } catch {
                #expect(!error.reason.isEmpty && !error.remedy.isEmpty)
            }
        }
    }

    @Test func replayOfRandomBytesNeverTraps() throws {
        for seed in Seeds(short: 300, full: 50_000) {
            var random = SeededRandom(seed: seed)
            // Bytes with a valid segment header reach the parser of batches.
            let header = SegmentHeader(
                id: 1,
                capacity: 16 << 10,
                identity: Fixture.identity,
                firstIndex: LogIndex(1),
                previousTerm: .zero,
                firstSequence: 1,
                previousChain: 0,
                restartsLog: false
            )
            var bytes = header.encoded()
            // And with a batch whose checksums are right: its payload reaches the parser of entries.
            bytes += hostileBatch(&random)
            while bytes.count < 16 << 10 { bytes.append(UInt8(truncatingIfNeeded: random.next() & random.next())) }
            var replay = LogReplay(identity: Fixture.identity, floor: .zero)
            let verdict = bytes.withUnsafeBytes { replay.replay($0, id: 1, isLast: random.chance(1, in: 2)) }
            if case .foreign = verdict { Issue.record("\(Seeds.replay(seed, "replayOfRandomBytesNeverTraps"))") }
        }
    }

    @Test func randomManifestsAndBlocksNeverTrap() {
        for seed in Seeds(short: 2_000, full: 100_000) {
            var random = SeededRandom(seed: seed)
            var writer = ByteWriter()
            writer.integer(UInt32(0x4E41_4D50))
            writer.integer(UInt16(1))
            for _ in 0..<random.below(300) { writer.integer(UInt8(truncatingIfNeeded: random.next() & random.next())) }
            writer.integer(CRC32C.checksum(writer.bytes))
            _ = try? SnapshotManifest(decoding: writer.bytes)
            let entry = SnapshotBlockEntry(storedBytes: writer.bytes.count, rawBytes: random.below(9_000), checksum: 0)
            #expect(!SnapshotBlock.matches(writer.bytes, number: 1, entry: entry))
            let garbage = writer.bytes
            let raw = garbage.withUnsafeBytes { LZ4Block.decode($0, encoding: .lz4, rawLength: entry.rawBytes) }
            #expect(raw == nil || raw?.count == entry.rawBytes)
        }
    }

    /// A closed node with a log of some segments and perhaps a snapshot.
    private func node(_ random: inout SeededRandom) throws -> Disk {
        let (disk, store) = try Fixture.newStore(seed: random.next())
        for index in UInt64(2)...12 {
            try store.append([Fixture.request([Fixture.entry(index, bytes: random.below(4_000))])])
        }
        if random.chance(1, in: 2) {
            try Fixture.writeSnapshot(store, 8)
            try store.compact(upTo: LogIndex(8))
        }
        store.close()
        return disk
    }

    private func files(_ disk: Disk) throws -> [String] {
        var paths = ["/data/super"] + (try disk.list("/data/log").map { "/data/log/" + $0 })
        for folder in try disk.list("/data/snapshots") {
            paths += try disk.list("/data/snapshots/" + folder).map { "/data/snapshots/\(folder)/\($0)" }
        }
        return paths
    }

    private func mutate(_ disk: Disk, _ path: String, _ random: inout SeededRandom) throws {
        let handle = try disk.open(path, forWriting: true)
        defer { disk.close(handle) }
        let size = try disk.size(handle)
        let offset = random.below(size)
        let length = min(size - offset, 1 << random.below(13))
        switch random.below(4) {
        case 0: try disk.rot(path, offset: offset, bit: random.below(8))
        case 1: try disk.write(handle, Array(repeating: 0, count: length), at: offset)
        case 2: try disk.write(handle, (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: offset)
        default: try disk.write(handle, try disk.bytes(handle, at: random.below(size), count: length), at: offset)
        }
    }

    private func hostileBatch(_ random: inout SeededRandom) -> [UInt8] {
        let payload = (0..<(1 + random.below(2_000))).map { _ in
            UInt8(truncatingIfNeeded: random.next() & random.next())
        }
        let header = BatchHeader(
            encoding: random.chance(1, in: 2) ? .raw : .lz4,
            storedLength: payload.count,
            rawLength: payload.count + (random.chance(1, in: 2) ? 0 : random.below(9_000)),
            count: 1 + random.below(5),
            segment: 1,
            sequence: 1,
            firstIndex: LogIndex(1),
            firstTerm: Term(1),
            lastTerm: Term(1),
            previousChain: 0
        )
        return BatchFraming.frame(header: header.encoded(), payload: payload, checksum: CRC32C.checksum(payload))
    }
}
