// Pemba: the cases of storage of the reliability checklist, in its order.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaStorage

/// The cases D1 to D8 as far as bytes on disk are concerned; what follows for consensus (D2, D5, D7) is tested in
/// `PembaRaftTests` (`DebtTests`, `StorageTests`) and `PembaReplicaTests` (`ReplicaDiskTests`).
@Suite struct StorageCaseTests {
    private static let segment = "/data/log/segment-0000000000000001"

    /// A new node whose first segment has room for all that these tests write.
    private func roomyStore() throws -> (Disk, Store) {
        let disk = Disk(seed: 1)
        try Store.initialise(
            Fixture.folder,
            files: disk,
            identity: Fixture.identity,
            hardState: HardState(term: Term(1)),
            firstEntries: [Fixture.first],
            options: StoreOptions(segmentBytes: 64 << 10, fillStepBytes: 64 << 10)
        )
        return (disk, try Fixture.open(disk))
    }

    /// A closed node whose log has one batch for each of the entries 2 to 5.
    private func written() throws -> Disk {
        let (disk, store) = try roomyStore()
        try store.append([Fixture.request([], hardState: HardState(term: Term(2)))])
        for index in UInt64(2)...5 { try store.append([Fixture.request([Fixture.entry(index)])]) }
        store.close()
        return disk
    }

    private func overwrite(_ disk: Disk, _ path: String, _ bytes: [UInt8], at offset: Int) throws {
        let handle = try disk.open(path, forWriting: true)
        try disk.write(handle, bytes, at: offset)
        disk.close(handle)
    }

    /// Where the batch number `number` (from 0) of one page each begins.
    private func batch(_ number: Int) -> Int { SegmentHeader.bytes + number * BatchFraming.pageBytes }

    @Test func d1TornTailIsTruncated() throws {
        for sector in 0..<8 {
            let disk = try written()
            try overwrite(disk, Self.segment, Array(repeating: 0, count: 512), at: batch(4) + sector * 512)
            let store = try Fixture.open(disk)
            #expect(store.recovered.entries.map(\.index.rawValue) == [1, 2, 3, 4], "sector \(sector)")
            #expect(store.recovered.damage == nil && store.recovered.truncation != nil)
            #expect(store.recovered.hardState == HardState(term: Term(2)), "a crash is nothing to owe for")
            try store.append([Fixture.request([Fixture.entry(5, term: 1, bytes: 90)])])
            store.close()
            #expect(try Fixture.open(disk).recovered.entries.last == Fixture.entry(5, term: 1, bytes: 90))
        }
    }

    @Test func d2DamageInTheMiddleIsKeptAsideAndOwed() throws {
        for number in 0..<4 {
            let disk = try written()
            let before = try disk.content(Self.segment)
            try disk.rot(Self.segment, offset: batch(number) + 200, bit: 3)
            let found = try Fixture.open(disk).recovered
            #expect(found.entries.map(\.index.rawValue) == Array(1..<UInt64(number + 1)), "batch \(number)")
            #expect(found.damage?.kind == .range && found.hardState == HardState(term: Term(2)).owing(.range))
            var aside = try disk.content("/data/log/damaged-0000000000000001")
            aside[batch(number) + 200] ^= 8
            #expect(aside == before)
        }
    }

    @Test func d2ASuspiciousTailIsOwedToo() throws {
        let disk = try written()
        try disk.rot(Self.segment, offset: batch(4) + 200, bit: 3)
        let found = try Fixture.open(disk).recovered
        #expect(found.entries.map(\.index.rawValue) == [1, 2, 3, 4])
        #expect(found.damage?.kind == .tail && found.hardState == HardState(term: Term(2)).owing(.tail))
    }

    @Test func d3BothCopiesOfTheVoteLostIsRefused() throws {
        for zeros in [true, false] {
            let disk = try written()
            for slot in 0..<2 {
                let bytes = [UInt8](repeating: zeros ? 0 : 0x11, count: 4_096)
                try overwrite(disk, "/data/super", bytes, at: slot * 4_096)
            }
            #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .voteDamaged)
        }
        let disk = try written()
        try disk.remove("/data/super")
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .voteDamaged)
    }

    @Test func d4FailedSyncEndsTheUseOfTheStore() throws {
        for failing in 0..<2 {
            let (disk, store) = try Fixture.newStore()
            disk.syncsUntilFailure = failing
            let request = Fixture.request([Fixture.entry(2)], hardState: HardState(term: Term(2), vote: NodeID(1)))
            #expect(code { () throws(StorageError) in try store.append([request]) } == .syncFailed)
            // Nothing is tried again, although the disk would say yes.
            let changes = disk.changeCount
            #expect(code { () throws(StorageError) in try store.append([request]) } == .unusable)
            #expect(code { () throws(StorageError) in try store.prepare() } == .unusable)
            #expect(disk.changeCount == changes)
            disk.kill()
            let found = try Fixture.open(disk).recovered
            #expect(found.entries == [Fixture.first] && found.damage == nil)
            #expect(
                found.hardState == HardState(term: Term(failing == 0 ? 1 : 2), vote: failing == 0 ? nil : NodeID(1))
            )
        }
    }

    @Test func d5FullDiskRefusesAndTheBallastMakesRoom() throws {
        let (disk, store) = try Fixture.newStore()
        while try store.prepare() {}
        #expect(try disk.list("/data").contains("ballast"))
        disk.capacityBytes = try usedBytes(disk)
        #expect(try store.freeBytes() == 0)
        var index: UInt64 = 2
        func append() -> StorageError.Code? {
            code { () throws(StorageError) in try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
            }
        }
        while append() == nil { index += 1 }
        // What was prepared has taken some entries; now there is no room, and nothing is broken by that.
        #expect(index > 3 && append() == .noSpace && append() == .noSpace)
        // Votes need none.
        try store.append([Fixture.request([], hardState: HardState(term: Term(7), vote: NodeID(3)))])
        #expect(try store.releaseBallast() && !store.releaseBallast())
        // The simulated disk gives the room of a deleted file back only after a crash.
        disk.capacityBytes += 24 << 10
        #expect(append() == nil)
        index += 1
        disk.capacityBytes = .max
        while try store.prepare() {}
        #expect(try disk.list("/data").contains("ballast"), "the ballast comes back with the room")
        store.close()
        let found = try Fixture.open(disk).recovered
        #expect(found.entries.last?.index == LogIndex(index - 1))
        #expect(found.hardState == HardState(term: Term(7), vote: NodeID(3)))
    }

    /// Every outcome of a power failure with pages under way: see `CrashTests` for all that storage does.
    @Test func d6AnySubsetOfUnsyncedPagesMayBeLost() throws {
        let (base, store) = try roomyStore()
        base.changesUntilStop = 1
        let lost = Fixture.request([Fixture.entry(2, bytes: 9_000)])
        #expect(code { () throws(StorageError) in try store.append([lost]) } == .machineStopped)
        let pages = base.undecidedPages
        #expect(pages == 3)
        for subset in 0..<(1 << pages) {
            let disk = Disk(copying: base, seed: 1)
            var page = 0
            disk.crash(
                pages: {
                    defer { page += 1 }
                    return subset & (1 << page) == 0 ? .absent : .applied
                },
                names: { true },
                length: { $0.upperBound }
            )
            let found = try Fixture.open(disk).recovered
            let isWhole = subset == (1 << pages) - 1
            #expect(found.entries.count == (isWhole ? 2 : 1) && found.damage == nil, "subset \(subset)")
        }
    }

    /// A hung call is noticed from another thread: what the node does then is tested in `PembaServerTests`.
    @Test func d7OutstandingCallIsSeenWhileItLasts() {
        let monitor = DiskMonitor(clock: { Instant(nanoseconds: 5) })
        #expect(monitor.waitingSince == nil)
        let during = monitor.watch { monitor.waitingSince }
        #expect(during == Instant(nanoseconds: 5) && monitor.waitingSince == nil)
    }

    @Test func d8EntryOfAnUnknownKindHaltsAndIsNeitherSkippedNorTakenForDamage() throws {
        let disk = try written()
        // A batch of a later version of the program: whole, in its place, with an entry that means nothing here.
        var bytes = try disk.content(Self.segment)
        var replay = LogReplay(identity: Fixture.identity, floor: .zero)
        _ = bytes.withUnsafeBytes { replay.replay($0, id: 1, isLast: true) }
        var writer = ByteWriter()
        Fixture.entry(6).encode(into: &writer)
        var payload = writer.bytes
        payload[24] = 9
        let header = BatchHeader(
            encoding: .raw,
            storedLength: payload.count,
            rawLength: payload.count,
            count: 1,
            segment: 1,
            sequence: replay.nextSequence,
            firstIndex: LogIndex(6),
            firstTerm: Term(1),
            lastTerm: Term(1),
            previousChain: replay.chain
        )
        func frame(_ header: [UInt8]) -> [UInt8] {
            BatchFraming.frame(header: header, payload: payload, checksum: CRC32C.checksum(payload))
        }
        try overwrite(disk, Self.segment, frame(header.encoded()), at: batch(5))
        bytes = try disk.content(Self.segment)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .unsupportedVersion)
        // So does a batch of another version.
        var newer = Array(header.encoded().dropLast(4))
        newer[4] = 2
        withUnsafeBytes(of: CRC32C.checksum(newer).littleEndian) { newer.append(contentsOf: $0) }
        try overwrite(disk, Self.segment, frame(newer), at: batch(5))
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .unsupportedVersion)
        // Nothing was changed by trying.
        try overwrite(disk, Self.segment, frame(header.encoded()), at: batch(5))
        #expect(try disk.content(Self.segment) == bytes)
    }

    private func usedBytes(_ disk: Disk) throws -> Int {
        var sum = 0
        for folder in ["/data", "/data/log"] {
            for name in try disk.list(folder) where try !disk.isFolder(folder + "/" + name) {
                sum += try disk.content(folder + "/" + name).count
            }
        }
        return sum
    }
}
