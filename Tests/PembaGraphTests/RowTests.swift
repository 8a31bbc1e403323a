// Pemba: tests of rows.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Rows")
struct RowTests {
    /// All entries of a row, by runs.
    private func entries(_ rows: Rows, _ slot: UnsafePointer<UInt64>, from key: UInt64 = 0) -> [UInt64] {
        var entries: [UInt64] = []
        var next = key
        while true {
            let run = rows.run(slot, from: next)
            if run.isEmpty { return entries }
            var cursor = run.start
            while cursor < run.end {
                entries.append(RowEntry.key(cursor.pointee))
                cursor += 1
            }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
    }

    @Test("rows equal a sorted set while they grow and shrink", arguments: Array(Seeds(short: 12, full: 300)))
    func history(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let rows = Rows(bytes: 1 << 26, hugePages: false)
        let slot = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        slot.initialize(to: 0)
        defer {
            rows.release()
            slot.deallocate()
        }
        var model: Set<UInt64> = []
        let space: UInt64 = [6, 600, 3_000, 20_000][random.below(4)]
        let ascending = random.chance(1, in: 3)
        for phase in 0..<6 {
            for step in 0..<1_500 {
                let number = ascending && phase == 0 ? UInt64(step) % space : random.below(space)
                let entry = RowEntry.make(
                    relation: UInt32(number % 3 + 1),
                    subjectRelation: UInt32(number % 2),
                    entity: UInt32(number + 2)
                )
                if random.chance(phase % 2 == 0 ? 9 : 1, in: 10) {
                    #expect(rows.insert(slot, entry) == model.insert(entry).inserted)
                } else {
                    #expect(rows.remove(slot, entry) == (model.remove(entry) != nil))
                }
                #expect(rows.contains(RowWord(raw: slot.pointee), entry) == model.contains(entry))
            }
            let sorted = model.sorted()
            #expect(entries(rows, slot) == sorted, "\(Seeds.replay(seed, "RowTests"))")
            #expect(RowWord(raw: slot.pointee).count == model.count)
            let middle = RowEntry.start(ofRelation: 2)
            #expect(entries(rows, slot, from: middle) == sorted.filter { $0 >= middle })
        }
        for entry in model.sorted() { #expect(rows.remove(slot, entry)) }
        #expect(slot.pointee == 0)
        // Every block is back, and used again: the same history needs no more memory.
        #expect(rows.arena.usedBytes == rows.arena.freeBytes + 64)
    }

    @Test("filling a row equals adding one by one", arguments: [0, 1, 2, 512, 513, 5_000])
    func fill(count: Int) {
        let rows = Rows(bytes: 1 << 24, hugePages: false)
        let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
        slots.initialize(repeating: 0, count: 2)
        defer {
            rows.release()
            slots.deallocate()
        }
        let all = (0..<count).map { RowEntry.make(relation: 1, subjectRelation: 0, entity: UInt32($0 + 2)) }
        all.withUnsafeBufferPointer { rows.fill(slots, $0) }
        for entry in all { #expect(rows.insert(slots + 1, entry)) }
        #expect(entries(rows, slots) == entries(rows, slots + 1))
        #expect(entries(rows, slots) == all)
    }
}
