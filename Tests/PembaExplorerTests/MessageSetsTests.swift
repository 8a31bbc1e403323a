// Pemba: of the sets of messages of one combination only those stay that no other holds.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaExplorer

struct MessageSetsTests {
    @Test func aLargerSetTakesThePlaceOfASmallerOne() {
        var sets = MessageSets()
        let small = sets.insert(7, [0b001], owner: 0)
        #expect(sets.holds(7, [0b001]) && sets.holds(7, [0]))
        #expect(!sets.holds(7, [0b011]) && !sets.holds(8, [0b001]))
        let large = sets.insert(7, [0b011], owner: 1)
        #expect(!sets.isCurrent(small, of: 0) && sets.isCurrent(large, of: 1))
        #expect(sets.holds(7, [0b001]) && sets.count == 1)
    }

    @Test func neitherOfTwoSetsReplacesTheOther() {
        var sets = MessageSets()
        let left = sets.insert(7, [0b001], owner: 0)
        let right = sets.insert(7, [0b010], owner: 1)
        #expect(sets.isCurrent(left, of: 0) && sets.isCurrent(right, of: 1))
        #expect(!sets.holds(7, [0b011]))
    }

    /// What is held is what a list of all sets says, also while sets become wider.
    @Test func randomSetsAreHeldAsAListOfThemSays() {
        for seed in Seeds(short: 4, full: 100) { compare(seed) }
    }

    private func compare(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var sets = MessageSets()
        var all: [UInt64: [[UInt64]]] = [:]
        for number in 0..<4_000 as Range<UInt32> {
            let combination = random.below(20 as UInt64)
            var set = [UInt64](repeating: 0, count: 1 + Int(number) / 1_000)
            for _ in 0..<1 + random.below(6) { set[Int(random.below(UInt64(set.count)))] |= 1 << random.below(7) }
            let isHeld = all[combination, default: []].contains { other in
                set.indices.allSatisfy { set[$0] & ~($0 < other.count ? other[$0] : 0) == 0 }
            }
            #expect(sets.holds(combination, set) == isHeld, "set \(number); \(Seeds.replay(seed, "MessageSetsTests"))")
            if !isHeld { _ = sets.insert(combination, set, owner: number) }
            all[combination, default: []].append(set)
        }
    }
}
