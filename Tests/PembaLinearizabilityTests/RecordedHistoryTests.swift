// Pemba: the verdicts that are known of histories which others recorded.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaLinearizability
import PembaTestSupport
import Testing

/// Porcupine's recorded histories, unchanged: 102 of a register in etcd, and 6 of keys with texts.
struct RecordedHistoryTests {
    /// The numbers of etcd's histories that are linearizable; the others are not.
    private static let linearizable: Set<Int> = [
        2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87, 92, 98, 100, 101, 102,
    ]

    @Test(.enabled(if: Conformance.isAvailable, "the conformance data is not there"))
    func registersHaveTheirKnownVerdicts() throws {
        var count = 0
        for file in Conformance.files(in: "porcupine/jepsen", suffix: ".log") {
            guard let number = Int(file.lastPathComponent.dropFirst(5).dropLast(4)), number != 95 else { continue }
            let history = try RecordedHistories.register(try String(contentsOf: file, encoding: .utf8))
            #expect(!history.isEmpty, "\(file.lastPathComponent)")
            let verdict = Linearizability.check(history, of: RegisterModel<Int?>(initial: nil))
            #expect(verdict != .undecided)
            let isLinearizable = RecordedHistoryTests.linearizable.contains(number)
            #expect((verdict == .linearizable) == isLinearizable, "\(file.lastPathComponent)")
            count += 1
        }
        #expect(count == 102)
    }

    @Test(.enabled(if: Conformance.isAvailable, "the conformance data is not there"))
    func textsHaveTheVerdictsThatTheirNamesSay() throws {
        var count = 0
        for file in Conformance.files(in: "porcupine/kv", suffix: ".txt") {
            let keys = try RecordedHistories.texts(try String(contentsOf: file, encoding: .utf8))
            let isLinearizable = keys.values.allSatisfy { Linearizability.check($0, of: TextModel()) == .linearizable }
            #expect(isLinearizable == file.lastPathComponent.hasSuffix("-ok.txt"), "\(file.lastPathComponent)")
            count += 1
        }
        #expect(count == 6)
    }
}
