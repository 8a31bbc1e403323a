// Pemba: tests of snapshots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaStorage
import Testing

@Suite struct SnapshotTests {
    @Test func aSnapshotIsReadBackAfterAPowerFailure() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9))])
        try Fixture.writeSnapshot(store, 8)
        disk.crash()
        let again = try Fixture.open(disk)
        #expect(again.recovered.snapshot?.point == Fixture.point(8))
        #expect(again.recovered.entries == [Fixture.entry(9)])
        #expect(again.recovered.snapshot?.blockCount == 3)
        #expect(try again.snapshotPayload(1) == Fixture.block(8, 1))
        #expect(try again.snapshotPayload(3) == Fixture.block(8, 3))
    }

    @Test func theOlderSnapshotGoesWhenTheNewerIsDurable() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9))])
        try Fixture.writeSnapshot(store, 4)
        try store.beginSnapshot(Fixture.point(8))
        try store.writeSnapshotBlock(Fixture.block(8, 1))
        #expect(try disk.list("/data/snapshots") == ["snapshot-0000000000000004", "writing"])
        _ = try store.finishSnapshot()
        #expect(try disk.list("/data/snapshots") == ["snapshot-0000000000000008"])
        #expect(try store.readSnapshotBlocks(LogIndex(4), from: 0, count: 1) == nil)
    }

    @Test func aReceivedSnapshotReplacesALogThatIsBehind() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 3)
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9), hardState: HardState(term: Term(3)))])
        #expect(try Fixture.receive(blocks, 50, into: store))
        let manifest = try store.installReceived(LogIndex(50))
        #expect(manifest.point == Fixture.point(50, term: 3))
        #expect(try store.snapshotPayload(2) == Fixture.block(50, 2))
        #expect(try Fixture.segmentNames(disk).count == 1, "the log before it is gone")
        try store.append([Fixture.request(Fixture.entries(51...52, term: 3))])
        disk.crash()
        let again = try Fixture.open(disk)
        #expect(again.recovered.snapshot == manifest)
        #expect(again.recovered.entries == Fixture.entries(51...52, term: 3))
        #expect(try again.readSnapshotBlocks(LogIndex(50), from: 0, count: 9) == blocks, "it is passed on as it came")
    }

    @Test func entriesThatAnInstalledSnapshotCoversAreNotAppended() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9))])
        #expect(try Fixture.receive(blocks, 50, into: store))
        _ = try store.installReceived(LogIndex(50))
        // They were on their way to the log when the snapshot came.
        try store.append([Fixture.request(Fixture.entries(10...20))])
        try store.append([Fixture.request(Fixture.entries(49...52))])
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == Fixture.entries(51...52))
    }

    @Test func aReceivedSnapshotReplacesALogInConflictWithIt() throws {
        let blocks = try Fixture.foreignSnapshot(5, term: 3)
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9, term: 2), hardState: HardState(term: Term(3)))])
        #expect(try Fixture.receive(blocks, 5, into: store))
        _ = try store.installReceived(LogIndex(5))
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == [])
    }

    @Test func aReceivedSnapshotKeepsALogThatGoesOnAfterIt() throws {
        let blocks = try Fixture.foreignSnapshot(5, term: 2)
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9, term: 2), hardState: HardState(term: Term(3)))])
        #expect(try Fixture.receive(blocks, 5, into: store))
        _ = try store.installReceived(LogIndex(5))
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == Fixture.entries(6...9, term: 2))
    }

    @Test func aTransferGoesOnAfterARestart() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        let (disk, store) = try Fixture.newStore()
        #expect(store.firstMissingBlock(LogIndex(50)) == 0)
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 0, bytes: blocks[0]))
        #expect(store.firstMissingBlock(LogIndex(50)) == 1)
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 1, bytes: blocks[1]))
        #expect(store.firstMissingBlock(LogIndex(50)) == 2)
        disk.kill()
        let again = try Fixture.open(disk)
        #expect(try again.storeReceivedBlock(LogIndex(50), number: 0, bytes: blocks[0]))
        #expect(again.firstMissingBlock(LogIndex(50)) == 2)
        #expect(code { () throws(StorageError) in try again.installReceived(LogIndex(50)) } == .snapshotRefused)
        #expect(try again.storeReceivedBlock(LogIndex(50), number: 3, bytes: blocks[3]))
        #expect(again.firstMissingBlock(LogIndex(50)) == 2)
        #expect(try again.storeReceivedBlock(LogIndex(50), number: 2, bytes: blocks[2]))
        #expect(again.firstMissingBlock(LogIndex(50)) == nil)
        _ = try again.installReceived(LogIndex(50))
        #expect(try again.snapshotPayload(1) == Fixture.block(50, 1))
    }

    @Test func aTransferThatGoesOnAfterAFailedSyncTrustsTheDiskOnly() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        let (disk, store) = try Fixture.newStore()
        #expect(try Fixture.receive(Array(blocks.prefix(2)), 50, into: store))
        // The second block completes what is synced at once.
        disk.syncsUntilFailure = 0
        let failed = code { () throws(StorageError) in
            try store.storeReceivedBlock(LogIndex(50), number: 2, bytes: blocks[2])
        }
        #expect(failed == .syncFailed)
        disk.kill()
        let again = try Fixture.open(disk)
        #expect(try Fixture.receive(blocks, 50, into: again))
        _ = try again.installReceived(LogIndex(50))
        disk.crash()
        let last = try Fixture.open(disk)
        #expect(try last.snapshotPayload(1) == Fixture.block(50, 1))
        #expect(try last.snapshotPayload(2) == Fixture.block(50, 2))
    }

    @Test func damagedForeignAndMisplacedBlocksAreRefused() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        let (_, store) = try Fixture.newStore()
        #expect(try !store.storeReceivedBlock(LogIndex(50), number: 1, bytes: blocks[1]), "the manifest comes first")
        for offset in stride(from: 0, to: blocks[0].count, by: 7) {
            var damaged = blocks[0]
            damaged[offset] ^= 4
            #expect(try !store.storeReceivedBlock(LogIndex(50), number: 0, bytes: damaged))
        }
        #expect(try !store.storeReceivedBlock(LogIndex(51), number: 0, bytes: blocks[0]), "another index")
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 0, bytes: blocks[0]))
        for offset in stride(from: 0, to: blocks[1].count, by: 101) {
            var damaged = blocks[1]
            damaged[offset] ^= 4
            #expect(try !store.storeReceivedBlock(LogIndex(50), number: 1, bytes: damaged))
        }
        #expect(try !store.storeReceivedBlock(LogIndex(50), number: 2, bytes: blocks[1]))
        #expect(try !store.storeReceivedBlock(LogIndex(50), number: 4, bytes: blocks[1]))
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 2, bytes: blocks[2]), "in any order")
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 1, bytes: blocks[1]))
        #expect(try store.storeReceivedBlock(LogIndex(50), number: 1, bytes: blocks[1]), "and again")
    }

    @Test func contentWithoutTheHashOfTheManifestIsNotInstalled() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        var manifest = try SnapshotManifest(decoding: blocks[0])
        manifest.root[0] ^= 1
        let (disk, store) = try Fixture.newStore()
        #expect(try Fixture.receive([manifest.encoded()] + blocks.dropFirst(), 50, into: store))
        #expect(code { () throws(StorageError) in try store.installReceived(LogIndex(50)) } == .snapshotRefused)
        #expect(store.snapshot == nil)
        #expect(try disk.list("/data/snapshots") == [])
        #expect(try Fixture.receive(blocks, 50, into: store), "the right one may come after it")
        _ = try store.installReceived(LogIndex(50))
    }

    @Test func snapshotsOfOtherClustersAndOlderOnesAreRefused() throws {
        let blocks = try Fixture.foreignSnapshot(50, term: 1)
        var manifest = try SnapshotManifest(decoding: blocks[0])
        let (_, store) = try Fixture.newStore()
        manifest.cluster = ClusterID(high: 1, low: 1)
        #expect(try !store.storeReceivedBlock(LogIndex(50), number: 0, bytes: manifest.encoded()))
        try store.append([Fixture.request(Fixture.entries(2...60))])
        try Fixture.writeSnapshot(store, 50)
        #expect(try !store.storeReceivedBlock(LogIndex(50), number: 0, bytes: blocks[0]))
        #expect(code { () throws(StorageError) in try Fixture.writeSnapshot(store, 40) } == .snapshotRefused)
    }

    @Test func rotInASnapshotIsNoticed() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9))])
        try Fixture.writeSnapshot(store, 9)
        let folder = "/data/snapshots/snapshot-0000000000000009/"
        try disk.rot(folder + "blocks", offset: 100, bit: 3)
        #expect(code { () throws(StorageError) in try store.snapshotPayload(1) } == .snapshotDamaged)
        let sent = code { () throws(StorageError) in try store.readSnapshotBlocks(LogIndex(9), from: 1, count: 1) }
        #expect(sent == .snapshotDamaged)
    }

    @Test func aLogThatDoesNotReachBackToItsSnapshotIsOwed() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request([], hardState: HardState(term: Term(2)))])
        for index in UInt64(2)...40 { try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])]) }
        try Fixture.writeSnapshot(store, 40)
        try store.compact(upTo: LogIndex(40))
        store.close()
        try disk.removeFolderAndFiles("/data/snapshots/snapshot-0000000000000028")
        let found = try Fixture.open(disk).recovered
        #expect(found.entries.isEmpty && found.snapshot == nil && found.hardState.debt?.kind == .range)
    }
}
