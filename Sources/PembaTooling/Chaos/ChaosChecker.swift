// Pemba: the verdict on a history.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaLinearizability
import PembaService

/// Verifies a history against what Pemba promises.
///
/// One log orders all writes, so this is a replay and not a search; the search comes last, and believes no revision.
///
/// No acknowledged write is lost; none is applied twice; no check is answered from before its token, from before an
/// acknowledged write where it was fully consistent, or with another answer than the state of its revision has; the
/// new-enemy checks deny; real time and revisions agree (a write that began after another was acknowledged comes later);
/// each tuple is, by what clients saw and when, a register that is written, compared and set, and read.
package struct ChaosChecker {
    /// A writer's view of one tuple: what it was at which revision, and from where on it is uncertain.
    private struct Register {
        var changes: [(revision: Revision, isPresent: Bool, mayHaveChangedBefore: Bool)] = []
        var isUncertain = false
    }

    private let history: ChaosHistory
    private var registers: [RelationTuple: Register] = [:]
    private var violations: [String] = []

    package init(_ history: ChaosHistory) { self.history = history }

    /// A sentence for each broken promise; empty if all were kept.
    package static func violations(of history: ChaosHistory) -> [String] {
        var checker = ChaosChecker(history)
        checker.replayWrites()
        checker.requireRealTimeOrder()
        checker.requireAnswers()
        checker.requireFinalState()
        checker.requireLinearizability()
        return checker.violations
    }

    private mutating func replayWrites() {
        for write in history.writes {
            var register = registers[write.tuple] ?? Register()
            switch write.outcome {
            case .acknowledged(let revision):
                if let last = register.changes.last, last.revision >= revision {
                    violations.append("\(write.tuple): acknowledged at \(revision) after one at \(last.revision)")
                }
                register.changes.append((revision, write.operation != .delete, register.isUncertain))
                register.isUncertain = false
            case .unknown:
                register.isUncertain = true
            case .refused(.alreadyExists):
                // The one writer creates only what it knows to be absent: something was applied twice or resurrected.
                if !register.isUncertain, !(register.changes.last?.isPresent ?? false) {
                    violations.append("\(write.tuple): exists although its only writer removed it or never wrote it")
                }
            case .refused:
                break
            }
            registers[write.tuple] = register
        }
    }

    /// If one write was acknowledged before another began, its revision is lower.
    private mutating func requireRealTimeOrder() {
        let acknowledged = history.writes.compactMap { write -> (began: UInt64, ended: UInt64, revision: Revision)? in
            guard case .acknowledged(let revision) = write.outcome else { return nil }
            return (write.began, write.ended, revision)
        }
        let byEnd = acknowledged.sorted { $0.ended < $1.ended }
        var highest = Revision.zero
        var next = 0
        for write in acknowledged.sorted(by: { $0.began < $1.began }) {
            while next < byEnd.count, byEnd[next].ended < write.began {
                highest = max(highest, byEnd[next].revision)
                next += 1
            }
            if write.revision <= highest {
                violations.append(
                    "a write has revision \(write.revision) although \(highest) was acknowledged before it began"
                )
            }
        }
    }

    private mutating func requireAnswers() {
        for check in history.checks {
            requireFreshness(of: check)
            let revision = check.answer.zookie.revision
            guard let expected = state(of: check.tuple, at: revision) else { continue }
            if (check.answer.permissionship == .hasPermission) != expected {
                violations.append(
                    "\(check.tuple) at \(revision): answered \(check.answer.permissionship), written \(expected)"
                )
            }
        }
        requireFullConsistency()
        for enemy in history.newEnemies {
            if enemy.answer.zookie.revision < enemy.after {
                violations.append(
                    "\(enemy.name): \(enemy.item) answered at \(enemy.answer.zookie.revision), before \(enemy.after)"
                )
            } else if enemy.answer.permissionship == .hasPermission {
                violations.append(
                    "\(enemy.name): \(enemy.item) granted at \(enemy.answer.zookie.revision), after \(enemy.after)"
                )
            }
        }
    }

    private mutating func requireFreshness(of check: ChaosHistory.Check) {
        guard case .atLeastAsFresh(let zookie) = check.consistency else { return }
        if check.answer.zookie.revision < zookie.revision {
            violations.append(
                "\(check.tuple): answered at \(check.answer.zookie.revision), before its zookie's \(zookie.revision)"
            )
        }
    }

    private mutating func requireFullConsistency() {
        let byEnd = history.writes.compactMap { write -> (ended: UInt64, revision: Revision)? in
            guard case .acknowledged(let revision) = write.outcome else { return nil }
            return (write.ended, revision)
        }.sorted { $0.ended < $1.ended }
        var highest = Revision.zero
        var next = 0
        for check in history.checks.sorted(by: { $0.began < $1.began }) {
            while next < byEnd.count, byEnd[next].ended < check.began {
                highest = max(highest, byEnd[next].revision)
                next += 1
            }
            if check.consistency == .fullyConsistent, check.answer.zookie.revision < highest {
                violations.append(
                    "\(check.tuple): fully consistent, answered at \(check.answer.zookie.revision), before \(highest)"
                )
            }
        }
    }

    private mutating func requireFinalState() {
        for tuple in history.final.keys.sorted(by: { $0.description < $1.description }) {
            guard let register = registers[tuple], !register.isUncertain, let last = register.changes.last else {
                continue
            }
            if history.final[tuple] != last.isPresent {
                violations.append(
                    "\(tuple): \(last.isPresent ? "lost" : "resurrected"); last acknowledged at \(last.revision)"
                )
            }
        }
    }

    /// Some order in time explains the writes of each tuple, their refusals and the fully consistent checks of it.
    private mutating func requireLinearizability() {
        var operations: [RelationTuple: [TimedOperation<TupleOperation>]] = [:]
        for write in history.writes {
            guard let operation = write.timedOperation else { continue }
            operations[write.tuple, default: []].append(operation)
        }
        for check in history.checks where check.consistency == .fullyConsistent {
            let isPresent = check.answer.permissionship == .hasPermission
            let operation = TimedOperation(TupleOperation.read(isPresent), began: check.began, ended: check.ended)
            operations[check.tuple, default: []].append(operation)
        }
        for (tuple, isPresent) in history.final {
            operations[tuple, default: []].append(TimedOperation(.read(isPresent), began: .max, ended: .max))
        }
        for tuple in operations.keys.sorted(by: { $0.description < $1.description }) {
            let all = operations[tuple] ?? []
            switch Linearizability.check(all, of: RegisterModel(initial: false)) {
            case .linearizable: break
            case .violated(let number):
                let last = all[number]
                violations.append(
                    "\(tuple): no order explains what clients saw until \(last.operation), begun at \(last.began) ns"
                )
            case .undecided:
                violations.append("\(tuple): whether an order explains its \(all.count) operations is open")
            }
        }
    }

    /// Whether the tuple was there at `revision`; nil where a write of unknown outcome leaves it open.
    private func state(of tuple: RelationTuple, at revision: Revision) -> Bool? {
        guard let register = registers[tuple] else { return false }
        let after = register.changes.firstIndex { $0.revision > revision } ?? register.changes.count
        let isOpen =
            after < register.changes.count ? register.changes[after].mayHaveChangedBefore : register.isUncertain
        if isOpen { return nil }
        return after == 0 ? false : register.changes[after - 1].isPresent
    }
}

/// What can happen to one tuple, which is there or not.
private typealias TupleOperation = RegisterModel<Bool>.Operation

extension ChaosHistory.Write {
    /// The write as an operation on its tuple; nil if it was refused for a reason that says nothing about the tuple.
    fileprivate var timedOperation: TimedOperation<TupleOperation>? {
        switch (operation, outcome) {
        case (.create, .acknowledged):
            TimedOperation(.compareAndSet(from: false, to: true, succeeded: true), began: began, ended: ended)
        case (.create, .refused(.alreadyExists)):
            TimedOperation(.compareAndSet(from: false, to: true, succeeded: false), began: began, ended: ended)
        case (.create, .unknown):
            TimedOperation(.compareAndSet(from: false, to: true, succeeded: nil), began: began, ended: nil)
        case (.touch, .acknowledged), (.delete, .acknowledged):
            TimedOperation(.write(operation == .touch), began: began, ended: ended)
        case (.touch, .unknown), (.delete, .unknown):
            TimedOperation(.write(operation == .touch), began: began, ended: nil)
        case (_, .refused): nil
        }
    }
}
