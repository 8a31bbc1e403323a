// Pemba: whatever single byte rots, the node notices and the others make it good.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage
import PembaTestSupport
import Testing

@Suite struct RepairTests {
    private let schema = "definition user {}\n\ndefinition doc {\n  relation viewer: user\n}\n"

    private func touch(_ number: UInt64) throws -> ClientCommand {
        let words = (0..<60).map { "w\(number)x\($0)" }.joined(separator: "-")
        let tuple = try RelationTuple(parsing: "doc:\(words)#viewer@user:u\(number)")
        return .write(WriteRequest(updates: [TupleUpdate(.touch, tuple)]))
    }

    /// A cluster with some history, of which a part is in snapshots.
    private func trio(seed: UInt64, snapshotAfterEntries: Int) throws -> StoredTrio {
        let trio = try StoredTrio(seed: seed, snapshotAfterEntries: snapshotAfterEntries)
        try #require(try trio.pass(.seconds(10)) { trio.leader != nil })
        _ = try trio.pass(.seconds(1))
        try #require(try trio.submit(0, .writeSchema(source: schema)) != nil)
        for number in 0..<UInt64(50) { try #require(try trio.submit(Int(number % 3), touch(number)) != nil) }
        return trio
    }

    /// The files of sealed segments and of snapshots, and how many bytes of each mean something.
    private func files(_ disk: SimulatedFileSystem) throws -> [(path: String, bytes: Int)] {
        var files: [(String, Int)] = []
        for name in try disk.list("/data/log").filter({ $0.hasPrefix("segment-") }).dropLast() {
            let content = try disk.content("/data/log/" + name)
            files.append(("/data/log/" + name, (content.lastIndex { $0 != 0 } ?? 0) + 1))
        }
        for folder in try disk.list("/data/snapshots") where folder.hasPrefix("snapshot-") {
            for name in try disk.list("/data/snapshots/" + folder) {
                let path = "/data/snapshots/\(folder)/\(name)"
                files.append((path, try disk.content(path).count))
            }
        }
        return files
    }

    /// Changes one byte of a stopped node's sealed segments and snapshot.
    private func flip(
        _ disk: SimulatedFileSystem,
        _ random: inout SeededRandom
    ) throws -> (path: String, offset: Int, byte: UInt8) {
        let files = try files(disk)
        let (path, count) = files[random.below(files.count)]
        let offset = random.below(count)
        let old = try disk.content(path)[offset]
        let byte = old ^ UInt8(1 + random.below(255))
        let handle = try disk.open(path, forWriting: true)
        try disk.write(handle, [byte], at: offset)
        try disk.sync(handle)
        disk.close(handle)
        return (path, offset, byte)
    }

    @Test(arguments: [20, 1_000_000]) func anyByteOfASealedSegmentOrSnapshotIsMadeGood(snapshotAfterEntries: Int) throws
    {
        let trio = try trio(seed: 1, snapshotAfterEntries: snapshotAfterEntries)
        var (repairs, flips) = (0, 0)
        for seed in Seeds(short: 150, full: 5_000) {
            var random = SeededRandom(seed: seed)
            let place = random.below(3)
            let replay = Seeds.replay(seed, "anyByteOfASealedSegmentOrSnapshotIsMadeGood")
            flips += 1
            try trio.stop(place)
            let (path, offset, byte) = try flip(trio.disks[place], &random)
            try trio.start(place)
            let owes = trio.processes[place]?.recovered.hardState.debt != nil
            if owes { repairs += 1 }
            // Either the node owes what was there, or the file is gone, or the byte has been made good by what took its place.
            // A zero alone does not tell: what follows the good part of a segment is filled with zeros.
            let isNoticed = owes || (try? trio.disks[place].content(path)[offset]) != byte
            #expect(isNoticed, "byte \(offset) of \(path) was not noticed; \(replay)")
            let isHealed = try trio.pass(.seconds(20)) { trio.isWhole }
            #expect(isHealed, "byte \(offset) of \(path) was not made good; \(replay)")
            guard isHealed else { return }
            #expect(try trio.submit(place, touch(1_000 + seed)) != nil, "\(replay)")
        }
        #expect(flips < 100 || repairs > flips / 10)
        // What was made good is good on the disk too.
        for place in 0..<3 {
            try trio.stop(place)
            try trio.start(place)
            #expect(trio.processes[place]?.recovered.damage == nil)
            #expect(try trio.pass(.seconds(20)) { trio.isWhole })
        }
    }
}
