// Pemba: tests of the data set of benchmarks.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTooling
import Testing

struct BenchmarkDataTests {
    private let data = BenchmarkData(tuples: 20_000)

    @Test func itHasTheSizeThatWasAskedForAndFewRepeats() {
        #expect(abs(data.tupleCount - 20_000) < 500)
        let distinct = Set((0..<data.tupleCount).map { data.tuple($0) })
        #expect(distinct.count > data.tupleCount * 98 / 100)
    }

    @Test func everyIDHasSixteenBytes() {
        for number in 0..<data.tupleCount {
            let tuple = data.tuple(number)
            #expect(tuple.resource.id.utf8.count == 16)
            #expect(tuple.subject.object.id.utf8.count == 16)
        }
    }

    @Test func aChainLeadsFromItsDocumentToItsMember() {
        let check = data.nestedCheck(3)
        var reached: Set<String> = ["document:\(check.document)"]
        for number in 0..<(data.chainCount * 9) {
            let tuple = data.tuple(number)
            if reached.contains(tuple.resource.description) { reached.insert(tuple.subject.object.description) }
        }
        #expect(reached.contains("user:\(check.user)"))
        #expect(reached.count == 10)
    }
}
