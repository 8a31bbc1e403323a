// Pemba: tests of a replica's store as its node uses it.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaStorage
import Testing

@Suite struct ReplicaStoreTests {
    @Test func aNewNodeBeginsWithTheLogOfItsCluster() throws {
        let (_, store) = try Fixture.newStore()
        #expect(store.recovered.entries == [Fixture.first])
        #expect(store.recovered.hardState == HardState(term: Term(1)))
        #expect(store.recovered.snapshot == nil)
        #expect(store.recovered.truncation == nil)
    }

    @Test func whatWasAppendedIsThereAfterAPowerFailure() throws {
        let (disk, store) = try Fixture.newStore()
        let entries = Fixture.entries(2...40, bytes: 100)
        for entry in entries { try store.append([Fixture.request([entry])]) }
        let vote = HardState(term: Term(7), vote: NodeID(3))
        try store.append([Fixture.request([], hardState: vote)])
        disk.crash()
        let again = try Fixture.open(disk)
        #expect(again.recovered.entries == [Fixture.first] + entries)
        #expect(again.recovered.hardState == vote)
    }

    @Test func severalRequestsAreOneBatchAndOneSync() throws {
        let (disk, store) = try Fixture.newStore()
        let before = disk.changeCount
        try store.append((2...50).map { Fixture.request([Fixture.entry($0)]) })
        #expect(disk.changeCount - before == 2, "one write and one sync")
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries.count == 50)
    }

    @Test func aLaterRequestReplacesTheEndOfAnEarlierOne() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...6))])
        try store.append([
            Fixture.request(Fixture.entries(7...9)),
            Fixture.request(Fixture.entries(5...8, term: 2), hardState: HardState(term: Term(2))),
        ])
        disk.crash()
        let again = try Fixture.open(disk)
        let expected = [Fixture.first] + Fixture.entries(2...4) + Fixture.entries(5...8, term: 2)
        #expect(again.recovered.entries == expected)
        #expect(again.recovered.hardState == HardState(term: Term(2)))
    }

    @Test func aLongLogTakesManySegmentsAndCompactionDeletesThem() throws {
        let (disk, store) = try Fixture.newStore()
        for index in UInt64(2)...120 {
            try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
            if index % 2 == 0 { _ = try store.prepare() }
        }
        let before = try Fixture.segmentNames(disk)
        #expect(before.count > 10)
        try Fixture.writeSnapshot(store, 100)
        try store.compact(upTo: LogIndex(90))
        #expect(try Fixture.segmentNames(disk).count < before.count / 2)
        disk.crash()
        let again = try Fixture.open(disk)
        #expect(again.recovered.snapshot?.point == Fixture.point(100))
        #expect(again.recovered.entries == Fixture.entries(101...120, bytes: 3_000))
        try again.append([Fixture.request(Fixture.entries(121...122))])
        try again.compact(upTo: LogIndex(100))
        again.close()
        #expect(try Fixture.open(disk).recovered.entries.last == Fixture.entry(122))
    }

    @Test func filledSegmentsReachTheirSizeAndAnAppendNeverFillsMoreThanItNeeds() throws {
        let (disk, store) = try Fixture.newStore()
        for index in UInt64(2)...60 {
            try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
            while try store.prepare() {}
        }
        let sizes = try Fixture.segmentNames(disk).map { try disk.content("/data/log/" + $0).count }
        #expect(sizes.first == Fixture.options.fillStepBytes)
        #expect(sizes.last ?? 0 >= Fixture.options.segmentBytes)
        #expect(sizes.last ?? 0 < Fixture.options.segmentBytes + Fixture.options.fillStepBytes)
    }

    @Test func aBatchLargerThanASegmentIsStored() throws {
        let (disk, store) = try Fixture.newStore()
        let large = Fixture.entry(2, bytes: 200_000)
        try store.append([Fixture.request([large, Fixture.entry(3)])])
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == [Fixture.first, large, Fixture.entry(3)])
    }

    @Test func entriesOfZerosAndOfTextAreStored() throws {
        let (disk, store) = try Fixture.newStore()
        var zeros = Fixture.entry(2)
        zeros.payload = Array(repeating: 0, count: 100_000)
        var short = Fixture.entry(3)
        short.payload = Array(repeating: 0, count: 900)
        try store.append([Fixture.request([zeros])])
        try store.append([Fixture.request([short])])
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == [Fixture.first, zeros, short])
    }
}

@Suite struct DataFolderTests {
    @Test func aFolderWithoutANodeIsRefused() throws {
        let disk = Disk(seed: 1)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .notInitialised)
        try disk.createFolder("/data")
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .notInitialised)
        #expect(try Store.folderState("/data", files: disk) == .empty)
    }

    @Test func aFolderOfSomethingElseIsRefused() throws {
        let disk = Disk(seed: 1)
        try disk.createFolder("/data")
        disk.close(try disk.create("/data/thesis.txt"))
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .foreignFolder)
        #expect(code { () throws(StorageError) in try Fixture.initialise(disk) } == .foreignFolder)
        #expect(try disk.list("/data") == ["thesis.txt"])
    }

    @Test func aFreshDiskWithItsOwnFolderIsEmpty() throws {
        let disk = Disk(seed: 1)
        try disk.createFolder("/data")
        try disk.createFolder("/data/lost+found")
        try Fixture.initialise(disk)
        #expect(try Fixture.open(disk).recovered.entries.count == 1)
    }

    @Test func aFolderInUseIsRefusedUntilItIsClosed() throws {
        let (disk, store) = try Fixture.newStore()
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .inUse)
        store.close()
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == nil)
    }

    @Test func foldersOfOthersAreRefusedEachWithItsOwnError() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        var other = Fixture.identity
        other.cluster = ClusterID(high: 1, low: 2)
        #expect(code { () throws(StorageError) in try Fixture.open(disk, identity: other) } == .foreignCluster)
        other = Fixture.identity
        other.node = NodeID(3)
        #expect(code { () throws(StorageError) in try Fixture.open(disk, identity: other) } == .foreignNode)
        other = Fixture.identity
        other.epoch = Epoch(2)
        #expect(code { () throws(StorageError) in try Fixture.open(disk, identity: other) } == .foreignEpoch)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == nil)
    }

    @Test func aNodeIsNotInitialisedTwice() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        #expect(code { () throws(StorageError) in try Fixture.initialise(disk) } == .alreadyInitialised)
        #expect(try Store.folderState("/data", files: disk) == .initialised)
    }

    @Test func aNodeWithoutItsVoteFileIsNeitherStartedNorInitialisedAnew() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        try disk.remove("/data/super")
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .voteDamaged)
        #expect(code { () throws(StorageError) in try Fixture.initialise(disk) } == .voteDamaged)
    }

    @Test func aSegmentOfAnotherNodeIsRefused() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        let stranger = Disk(seed: 2)
        var other = Fixture.identity
        other.node = NodeID(3)
        try Fixture.initialise(stranger, identity: other)
        let path = "/data/log/segment-0000000000000001"
        let handle = try disk.open(path, forWriting: true)
        try disk.write(handle, try stranger.content(path), at: 0)
        disk.close(handle)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .logDamaged)
    }
}

@Suite struct DiskFaultTests {
    @Test func aFullDiskRefusesAppendsUntilThereIsRoom() throws {
        let (disk, store) = try Fixture.newStore()
        disk.capacityBytes = 40_000
        var index: UInt64 = 2
        while code({ () throws(StorageError) in
            try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
        }) == nil {
            index += 1
            #expect(index < 100)
        }
        let refused = code { () throws(StorageError) in
            try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
        }
        #expect(refused == .noSpace)
        // Votes still work: their file is as long as it will ever be.
        try store.append([Fixture.request([], hardState: HardState(term: Term(9), vote: NodeID(1)))])
        disk.capacityBytes = .max
        try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])])
        disk.crash()
        let again = try Fixture.open(disk)
        #expect(again.recovered.entries == [Fixture.first] + Fixture.entries(2...index, bytes: 3_000))
        #expect(again.recovered.hardState.term == Term(9))
    }

    @Test func aDiskThatIsFullInTheMiddleOfABatchEndsTheProcess() throws {
        let (disk, store) = try Fixture.newStore()
        disk.copiesOnWrite = true
        disk.capacityBytes = 10_000
        let entry = Fixture.entry(2)
        #expect(code { () throws(StorageError) in try store.append([Fixture.request([entry])]) } == .noSpace)
        disk.capacityBytes = .max
        // What the first try left is not known, so the place of the batch must not be written again.
        #expect(code { () throws(StorageError) in try store.append([Fixture.request([entry])]) } == .unusable)
        disk.kill()
        try Fixture.open(disk).append([Fixture.request([entry])])
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == [Fixture.first, entry])
    }

    @Test func aFullDiskEndsASnapshotAndNothingElse() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request(Fixture.entries(2...9))])
        disk.capacityBytes = 26_000
        #expect(code { () throws(StorageError) in try Fixture.writeSnapshot(store, 9) } == .noSpace)
        try store.abortSnapshot()
        disk.capacityBytes = .max
        try Fixture.writeSnapshot(store, 9)
        #expect(store.snapshot?.point.lastIndex == LogIndex(9))
    }

    @Test func aFailedSyncIsFatalAndNeverRepeated() throws {
        let (disk, store) = try Fixture.newStore()
        disk.syncsUntilFailure = 0
        let entry = Fixture.entry(2)
        #expect(code { () throws(StorageError) in try store.append([Fixture.request([entry])]) } == .syncFailed)
        let before = disk.changeCount
        #expect(code { () throws(StorageError) in try store.append([Fixture.request([entry])]) } == .unusable)
        #expect(code { () throws(StorageError) in try store.prepare() } == .unusable)
        #expect(disk.changeCount == before)
        // The operating system still shows the bytes, and the disk does not have them: the process that starts next
        // must not take them for durable.
        disk.kill()
        let again = try Fixture.open(disk)
        #expect(again.recovered.entries == [Fixture.first])
        try again.append([Fixture.request([entry])])
        disk.crash()
        #expect(try Fixture.open(disk).recovered.entries == [Fixture.first, entry])
    }

    @Test func aFailedSyncOfAVoteIsForgottenByTheNextProcess() throws {
        let (disk, store) = try Fixture.newStore()
        disk.syncsUntilFailure = 0
        let vote = HardState(term: Term(2), vote: NodeID(1))
        #expect(
            code { () throws(StorageError) in try store.append([Fixture.request([], hardState: vote)]) } == .syncFailed
        )
        disk.kill()
        let again = try Fixture.open(disk)
        let seen = again.recovered.hardState
        disk.crash()
        #expect(try Fixture.open(disk).recovered.hardState == seen)
    }
}
