// Pemba: verdicts on small histories, and on random ones against a plain search.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaLinearizability
import PembaTestSupport
import Testing

struct LinearizabilityTests {
    private typealias Operation = RegisterModel<Int>.Operation

    private func verdict(_ operations: [(Operation, UInt64, UInt64?)]) -> Linearizability.Verdict {
        Linearizability.check(
            operations.map { TimedOperation($0.0, began: $0.1, ended: $0.2) },
            of: RegisterModel(initial: 0)
        )
    }

    @Test func aReadSeesTheLastWrite() {
        #expect(verdict([(.write(1), 0, 1), (.read(1), 2, 3)]) == .linearizable)
        #expect(verdict([(.write(1), 0, 1), (.read(0), 2, 3)]) == .violated(at: 1))
    }

    @Test func overlappingOperationsComeInEitherOrder() {
        #expect(verdict([(.write(1), 0, 5), (.read(0), 1, 2), (.read(1), 3, 4)]) == .linearizable)
        #expect(verdict([(.write(1), 0, 5), (.read(1), 1, 2), (.read(0), 3, 4)]) == .violated(at: 2))
        // The end of one is the beginning of the other: they may overlap.
        #expect(verdict([(.write(1), 0, 1), (.read(0), 1, 2)]) == .linearizable)
    }

    @Test func anOperationWithoutAnswerHappensLateOrNever() {
        #expect(verdict([(.write(1), 0, nil), (.read(0), 1, 2), (.read(1), 3, 4)]) == .linearizable)
        #expect(verdict([(.write(1), 0, nil), (.read(0), 1, 2), (.read(0), 3, 4)]) == .linearizable)
        #expect(verdict([(.write(1), 5, nil), (.read(1), 1, 2)]) == .violated(at: 1))
    }

    @Test func compareAndSetTellsWhetherItDid() {
        #expect(verdict([(.compareAndSet(from: 0, to: 3, succeeded: true), 0, 1), (.read(3), 2, 3)]) == .linearizable)
        #expect(verdict([(.compareAndSet(from: 0, to: 3, succeeded: false), 0, 1)]) == .violated(at: 0))
        #expect(verdict([(.compareAndSet(from: 1, to: 3, succeeded: nil), 0, 1), (.read(0), 2, 3)]) == .linearizable)
        #expect(
            verdict([(.compareAndSet(from: 0, to: 3, succeeded: nil), 0, 1), (.read(0), 2, 3)]) == .violated(at: 1)
        )
    }

    @Test func aSearchThatIsTooLargeIsUndecided() {
        let writes = (0..<12).map { (Operation.write($0), UInt64(0), UInt64?(100)) }
        let operations = (writes + [(.read(99), 0, 100)]).map { TimedOperation($0.0, began: $0.1, ended: $0.2) }
        let model = RegisterModel(initial: 0)
        #expect(Linearizability.check(operations, of: model, memoMax: 50) == .undecided)
        #expect(Linearizability.check(operations, of: model) == .violated(at: 12))
    }

    /// Whatever the search says, trying every order says too.
    @Test func randomHistoriesAreJudgedAsByTryingEveryOrder() {
        var verdicts = (good: 0, bad: 0)
        for seed in Seeds(short: 3_000, full: 100_000) {
            var random = SeededRandom(seed: seed)
            let history = (0..<(1 + random.below(6))).map { _ in
                let began = random.below(UInt64(12))
                let ended = random.chance(1, in: 5) ? nil : began + random.below(UInt64(8))
                return TimedOperation(operation(&random), began: began, ended: ended)
            }
            let isGood = Linearizability.check(history, of: RegisterModel(initial: 0)) == .linearizable
            #expect(isGood == hasOrder(history, from: 0), "\(Seeds.replay(seed, "LinearizabilityTests"))")
            if isGood { verdicts.good += 1 } else { verdicts.bad += 1 }
        }
        #expect(verdicts.good > 0 && verdicts.bad > 0)
    }

    private func operation(_ random: inout SeededRandom) -> Operation {
        let (value, other) = (random.below(3), random.below(3))
        switch random.below(4) {
        case 0: return .write(value)
        case 1: return .compareAndSet(from: value, to: other, succeeded: [true, false, nil][random.below(3)])
        default: return .read(value)
        }
    }

    /// Definition: the first operation is one before whose beginning no other has ended.
    private func hasOrder(_ history: [TimedOperation<Operation>], from state: Int) -> Bool {
        if history.allSatisfy({ $0.ended == nil }) { return true }
        for (number, first) in history.enumerated() {
            var rest = history
            rest.remove(at: number)
            guard rest.allSatisfy({ $0.ended.map { $0 >= first.began } ?? true }) else { continue }
            guard let next = RegisterModel(initial: 0).state(after: first.operation, in: state) else { continue }
            if hasOrder(rest, from: next) { return true }
        }
        return false
    }
}
