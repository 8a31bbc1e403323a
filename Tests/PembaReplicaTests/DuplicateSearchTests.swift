// Pemba: tests of the search for tuples that are listed twice.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaReplica

@Suite struct DuplicateSearchTests {
    /// A tuple of few names, so that many lists have one twice, and others differ in one of the six only.
    private func tuple(_ random: inout SeededRandom, ids: Int) -> RelationTuple {
        func name(_ prefix: String, _ count: Int) -> String { "\(prefix)\(random.below(count))" }
        var tuple = RelationTuple(
            resource: ObjectReference(type: name("t", 2), id: name("i", ids)),
            relation: name("r", 2),
            subject: SubjectReference(
                type: name("t", 2),
                id: name("i", ids),
                relation: random.chance(1, in: 2) ? nil : name("r", 2)
            )
        )
        // What a tuple carries does not make it another one.
        if random.chance(1, in: 2) { tuple.expiresAt = Timestamp(nanoseconds: Int64(random.below(100))) }
        return tuple
    }

    /// Where the first tuple is whose key was there, by a set.
    private func expected(_ tuples: [RelationTuple]) -> Int? {
        var seen: Set<RelationTuple> = []
        return tuples.firstIndex { !seen.insert($0.key).inserted }
    }

    @Test(arguments: Array(Seeds(short: 5, full: 1_000)))
    func findsTheFirstOfEveryList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let searches = [
            DuplicateSearch(), DuplicateSearch { _ in 7 }, DuplicateSearch { UInt64($0.relation.utf8.count) },
        ]
        for _ in 0..<40 {
            let ids = [2, 20, 2_000][random.below(3)]
            let tuples = (0..<[1, 2, 5, 6, 7, 8, 9, 60, 300][random.below(9)]).map { _ in tuple(&random, ids: ids) }
            let expected = expected(tuples)
            for search in searches {
                let found = search.firstRepeated(in: tuples)
                #expect(found?.position == expected, "\(Seeds.replay(seed, "DuplicateSearchTests"))")
                #expect(found?.tuple == expected.map { tuples[$0] })
            }
        }
    }
}
