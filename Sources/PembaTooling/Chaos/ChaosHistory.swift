// Pemba: what was asked and answered while nodes were killed.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A history of writes and checks, with times from one clock, in the order in which the operations ended.
package struct ChaosHistory: Sendable {
    /// How an operation's time is told: nanoseconds from the start of the run.
    package typealias Nanoseconds = UInt64

    /// What became of a write.
    package enum WriteOutcome: Equatable, Sendable {
        /// Acknowledged: it is in the state from this revision on.
        case acknowledged(Revision)
        /// Nobody knows.
        case unknown
        /// Certainly not done.
        case refused(ErrorCode)
    }

    /// One write of one tuple.
    ///
    /// Every tuple has one writer, which waits for each write before the next.
    package struct Write: Equatable, Sendable {
        package let tuple: RelationTuple
        package let operation: TupleUpdate.Operation
        package let began: Nanoseconds
        package let ended: Nanoseconds
        package let outcome: WriteOutcome

        package init(
            tuple: RelationTuple,
            operation: TupleUpdate.Operation,
            began: Nanoseconds,
            ended: Nanoseconds,
            outcome: WriteOutcome
        ) {
            self.tuple = tuple
            self.operation = operation
            self.began = began
            self.ended = ended
            self.outcome = outcome
        }
    }

    /// One answered check of a relation that only direct tuples can grant.
    package struct Check: Equatable, Sendable {
        package let tuple: RelationTuple
        package let consistency: Consistency
        package let began: Nanoseconds
        package let ended: Nanoseconds
        package let answer: CheckAnswer

        package init(
            tuple: RelationTuple,
            consistency: Consistency,
            began: Nanoseconds,
            ended: Nanoseconds,
            answer: CheckAnswer
        ) {
            self.tuple = tuple
            self.consistency = consistency
            self.began = began
            self.ended = ended
            self.answer = answer
        }
    }

    /// A check that must deny because of the order of two acknowledged writes: the new-enemy problem.
    package struct NewEnemy: Equatable, Sendable {
        /// Every case.
        package static let names = ["revoked membership", "revoked reader", "exclusion first"]

        /// Which case; one of ``names``.
        package let name: String
        /// The question.
        package let item: CheckItem
        /// The revision of the later write.
        package let after: Revision
        /// The answer.
        package let answer: CheckAnswer

        package init(name: String, item: CheckItem, after: Revision, answer: CheckAnswer) {
            self.name = name
            self.item = item
            self.after = after
            self.answer = answer
        }
    }

    /// All writes, by the time at which they ended.
    package var writes: [Write] = []
    /// All answered checks, by the time at which they ended.
    package var checks: [Check] = []
    /// All answered new-enemy checks.
    package var newEnemies: [NewEnemy] = []
    /// Whether each tuple was there when all was over, read fully consistently.
    package var final: [RelationTuple: Bool] = [:]

    package init() {}

    /// How many writes were acknowledged.
    package var acknowledgedWrites: Int {
        writes.count { if case .acknowledged = $0.outcome { true } else { false } }
    }

    /// How many new-enemy checks of each case were answered, by the case's name.
    package var newEnemyChecks: [String: Int] {
        Dictionary(grouping: newEnemies, by: \.name).mapValues(\.count)
    }

    /// Whether at least as much as `least` was answered.
    package func has(_ least: ChaosRun.Amount) -> Bool {
        let enemies = newEnemyChecks
        return acknowledgedWrites >= least.writes && checks.count >= least.checks
            && NewEnemy.names.allSatisfy { enemies[$0, default: 0] >= least.newEnemyChecks }
    }
}
