// Pemba: tests of what a node keeps, owes and sets aside when its disk has lost something.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaStorage

@Suite struct DamageTests {
    /// A closed store with several segments, and where they are.
    private func longLog(snapshot: UInt64? = nil) throws -> (Disk, [String]) {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request([], hardState: HardState(term: Term(2)))])
        for index in UInt64(2)...30 { try store.append([Fixture.request([Fixture.entry(index, bytes: 3_000)])]) }
        if let snapshot { try Fixture.writeSnapshot(store, snapshot) }
        store.close()
        let names = try Fixture.segmentNames(disk).map { "/data/log/" + $0 }
        try #require(names.count > 3)
        return (disk, names)
    }

    private let whole = [Fixture.first] + Fixture.entries(2...30, bytes: 3_000)

    /// The names of what was set aside.
    private func setAside(_ disk: Disk) throws -> [String] {
        try disk.list("/data/log").filter { $0.hasPrefix("damaged-") }
            + (try disk.list("/data/snapshots").filter { $0.hasPrefix("damaged-") })
    }

    /// The last entry before the segment at `path`.
    private func lastBefore(_ path: String, _ disk: Disk) throws -> UInt64 {
        let header = try disk.content(path).withUnsafeBytes { SegmentHeader.read($0) }
        return try header.get().firstIndex.rawValue - 1
    }

    @Test func damageInASealedSegmentKeepsWhatIsBeforeIt() throws {
        let (disk, names) = try longLog()
        let damaged = try disk.content(names[1])
        try disk.rot(names[1], offset: 5_000, bit: 2)
        let before = try lastBefore(names[1], disk)
        let store = try Fixture.open(disk)
        let found = store.recovered
        #expect(found.entries == Array(whole.prefix(Int(before))))
        #expect(
            found.damage?.kind == .range && found.damage?.path == names[1]
                && found.damage?.keptThrough == LogIndex(before)
        )
        // The node owes, in a term in which it has promised nothing.
        #expect(found.hardState == HardState(term: Term(2)).owing(.range))
        // Nothing of it is thrown away: the segment with its flipped bit, and all that follow.
        let aside = try setAside(disk)
        #expect(aside.count == names.count - 1)
        var copy = try disk.content("/data/log/" + aside[0])
        copy[5_000] ^= 4
        #expect(copy == damaged)
        // The log goes on from there, in a later life too, and the debt stays until it is settled.
        let next = Fixture.entry(before + 1, term: 2)
        try store.append([Fixture.request([next])])
        store.close()
        let again = try Fixture.open(disk)
        #expect(again.recovered.entries == Array(whole.prefix(Int(before))) + [next])
        #expect(again.recovered.damage == nil && again.recovered.hardState == found.hardState)
        try again.append([Fixture.request([], hardState: HardState(term: Term(4)))])
        #expect(try setAside(disk).isEmpty)
        again.close()
        #expect(try Fixture.open(disk).recovered.hardState == HardState(term: Term(4)))
    }

    @Test func aMissingSegmentKeepsWhatIsBeforeIt() throws {
        for missing in 0..<3 {
            let (disk, names) = try longLog()
            let before = try lastBefore(names[missing], disk)
            try disk.remove(names[missing])
            let found = try Fixture.open(disk).recovered
            #expect(found.entries == Array(whole.prefix(Int(before))), "segment \(missing)")
            #expect(found.damage?.kind == .range && found.hardState.debt?.kind == .range)
        }
    }

    @Test func anEmptiedSealedSegmentKeepsWhatIsBeforeIt() throws {
        let (disk, names) = try longLog()
        let before = try lastBefore(names[1], disk)
        let handle = try disk.open(names[1], forWriting: true)
        try disk.write(handle, Array(repeating: 0, count: try disk.size(handle) - 4_096), at: 4_096)
        disk.close(handle)
        let found = try Fixture.open(disk).recovered
        #expect(found.entries == Array(whole.prefix(Int(before))) && found.damage?.kind == .range)
    }

    @Test func aDamagedLastWriteIsOwedAsATail() throws {
        let (disk, names) = try longLog()
        let path = try #require(names.last)
        let content = try disk.content(path)
        let end = try #require(content.lastIndex { $0 != 0 })
        try disk.rot(path, offset: end - 3_000, bit: 2)
        let store = try Fixture.open(disk)
        let found = store.recovered
        #expect(found.entries == whole.dropLast() && found.damage?.kind == .tail)
        #expect(found.hardState == HardState(term: Term(2)).owing(.tail))
        #expect(try setAside(disk).count == 1)
        try store.append([Fixture.request([Fixture.entry(30, term: 2)])])
        store.close()
        #expect(try Fixture.open(disk).recovered.entries == whole.dropLast() + [Fixture.entry(30, term: 2)])
    }

    @Test func damageThatTheSnapshotCoversCostsNothing() throws {
        for place in 0..<2 {
            let (disk, names) = try longLog(snapshot: 28)
            try disk.rot(names[place], offset: 5_000, bit: 2)
            let store = try Fixture.open(disk)
            let found = store.recovered
            #expect(found.damage == nil && found.hardState == HardState(term: Term(2)))
            #expect(found.snapshot?.point.lastIndex == LogIndex(28) && found.entries == Array(whole.suffix(2)))
            #expect(try Fixture.segmentNames(disk).count == names.count - place - 1)
            try store.append([Fixture.request([Fixture.entry(31)])])
            try store.compact(upTo: LogIndex(28))
            store.close()
            #expect(try Fixture.open(disk).recovered.entries.count == 3)
        }
    }

    @Test func aDamagedSnapshotCostsNothingWhereTheLogHasEverything() throws {
        for file in ["manifest", "blocks"] {
            let (disk, _) = try longLog(snapshot: 20)
            try disk.rot("/data/snapshots/snapshot-0000000000000014/" + file, offset: 30, bit: 1)
            let store = try Fixture.openLoading(disk)
            #expect(store.recovered.entries == whole && store.recovered.damage == nil && store.snapshot == nil)
            #expect(store.recovered.hardState == HardState(term: Term(2)))
            #expect(try setAside(disk).count == 1)
            try Fixture.writeSnapshot(store, 25)
            #expect(try setAside(disk).isEmpty)
        }
    }

    @Test func aDamagedSnapshotWhoseLogIsGoneIsOwedAsARange() throws {
        for file in ["manifest", "blocks"] {
            let (disk, _) = try longLog(snapshot: 28)
            let before = try Fixture.open(disk)
            try before.compact(upTo: LogIndex(28))
            before.close()
            try disk.rot("/data/snapshots/snapshot-000000000000001c/" + file, offset: 30, bit: 1)
            let store = try Fixture.openLoading(disk)
            #expect(store.recovered.entries.isEmpty && store.snapshot == nil)
            #expect(store.recovered.hardState.debt?.kind == .range && store.recovered.damage != nil)
            // It takes up the log from its beginning, or a snapshot, like one that begins.
            let term = HardState(term: Term(2), debt: store.recovered.hardState.debt)
            let blocks = try Fixture.foreignSnapshot(40, term: 2)
            try store.append([Fixture.request([Fixture.first], hardState: term)])
            #expect(try Fixture.receive(blocks, 40, into: store))
            _ = try store.installReceived(LogIndex(40))
            try store.append([Fixture.request([Fixture.entry(41, term: 2)], hardState: HardState(term: Term(2)))])
            store.close()
            let again = try Fixture.open(disk)
            #expect(again.recovered.entries == [Fixture.entry(41, term: 2)] && again.recovered.damage == nil)
            #expect(try setAside(disk).isEmpty)
        }
    }

    /// Whatever is cut off in the middle of cleaning up, the next start owes at least as much and keeps no less.
    @Test func cleaningUpMayBeInterruptedAnywhere() throws {
        for offset in [5_000, 100] {
            var calls = 0
            while true {
                let (disk, names) = try longLog()
                try disk.rot(names[1], offset: offset, bit: 2)
                let before = try lastBefore(names[1], disk.copyHealing(names[1], offset: offset, bit: 2))
                disk.changesUntilStop = calls
                let isFinished = code { () throws(StorageError) in try Fixture.open(disk) } == nil
                disk.crash()
                let store = try Fixture.open(disk)
                #expect(store.recovered.entries == Array(whole.prefix(Int(before))), "call \(calls)")
                #expect(store.recovered.hardState.debt?.kind == .range, "call \(calls)")
                let next = Fixture.entry(before + 1, term: 1)
                try store.append([Fixture.request([next])])
                store.close()
                #expect(try Fixture.open(disk).recovered.entries.last == next, "call \(calls)")
                if isFinished { break }
                calls += 1
            }
            #expect(calls > 5)
        }
    }

    @Test func anOperatorMayForgiveTheDebt() throws {
        let (disk, names) = try longLog()
        try disk.rot(names[1], offset: 5_000, bit: 2)
        let store = try Fixture.open(disk)
        try store.forgiveDebt()
        #expect(store.recovered.hardState == HardState(term: Term(3)))
        store.close()
        #expect(try Fixture.open(disk).recovered.hardState == HardState(term: Term(3)))
    }

    /// One that was emptied and made anew must not pass for one that had more because its new disk is damaged, too.
    @Test func aNodeThatHasPromisedNothingOwesNothing() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        for _ in 0..<3 {
            let path = "/data/log/" + (try #require(try Fixture.segmentNames(disk).first))
            try disk.rot(path, offset: 5_000, bit: 2)
            let again = try Fixture.open(disk)
            #expect(again.recovered.damage != nil && again.recovered.entries.isEmpty)
            #expect(again.recovered.hardState == HardState(term: Term(1)))
            try again.append([Fixture.request([Fixture.first])])
            again.close()
        }
    }

    @Test func aVoteFileFromBeforeTheLogIsRefused() throws {
        let (disk, store) = try Fixture.newStore()
        let old = try disk.content("/data/super")
        try store.append([Fixture.request(Fixture.entries(2...3, term: 5), hardState: HardState(term: Term(5)))])
        store.close()
        let handle = try disk.open("/data/super", forWriting: true)
        try disk.write(handle, old, at: 0)
        disk.close(handle)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .logDamaged)
    }

    @Test func aDamagedVoteFileIsNeverGuessed() throws {
        let (disk, store) = try Fixture.newStore()
        try store.append([Fixture.request([], hardState: HardState(term: Term(5), vote: NodeID(1)))])
        store.close()
        // One copy in each slot may rot: the other one has the same.
        try disk.rot("/data/super", offset: 20, bit: 1)
        try disk.rot("/data/super", offset: 4_096 + 2_048 + 20, bit: 1)
        #expect(try Fixture.open(disk).recovered.hardState == HardState(term: Term(5), vote: NodeID(1)))
        disk.kill()
        // A slot of which nothing is left could have been the newer one.
        try disk.rot("/data/super", offset: 2_048 + 30, bit: 1)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .voteDamaged)
    }
}

extension SimulatedFileSystem {
    /// A copy of this disk without one flipped bit.
    func copyHealing(_ path: String, offset: Int, bit: Int) throws -> SimulatedFileSystem {
        let copy = SimulatedFileSystem(copying: self, seed: 1)
        try copy.rot(path, offset: offset, bit: bit)
        return copy
    }
}
