// Pemba: promises about what clients saw, checked when all is known.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaLinearizability
import PembaRaft
import PembaReplica
import PembaService

/// Replays the committed log in a plain model and holds every answer against it.
///
/// Numbers are those of the promises in docs/reliability.md. Z1 an answer is the one that the model gives at the revision it names; Z2 that revision is as fresh as was asked; Z3 a
/// write that begins after another was acknowledged has a higher revision; Z11 a repeated write is done once; Z14 a write
/// of unknown outcome is done once or not at all, one that was refused is not done; Z10 a watch tells every change once
/// and in order. Z5 to Z8 are stories whose ends are known (`Script`), Z9 are questions about one state with other
/// entries applied in between, Z12 are zookies that no node issued, Z13 are the model's preconditions, and registers for
/// whose changes there must be an order.
enum HistoryChecker {
    /// Positions that the search for an order remembers: a history for which that is not enough is left undecided.
    private static let memoMax = 200_000

    static func check(_ history: History, chain: [LogEntry]) throws(Violation) {
        try checkFreshness(history)
        var model = ReferenceState()
        var results: [UInt64: [ReferenceState.Applied]] = [:]
        let checks = history.checks.indices.sorted {
            (history.checks[$0].revision, $0) < (history.checks[$1].revision, $1)
        }
        var next = 0
        var changes: [History.Changes] = []
        func answerChecks() throws(Violation) {
            while next < checks.count, history.checks[checks[next]].revision.index <= model.index {
                try compare(history.checks[checks[next]], with: model)
                next += 1
            }
        }
        try answerChecks()
        for entry in chain {
            let applied = try model.apply(entry)
            let revision = Revision(entry.index)
            changes.append(History.Changes(revision: revision, changes: model.changes, metadata: model.metadata))
            if let applied, let tag = applied.tag { results[tag, default: []].append(applied) }
            try answerChecks()
        }
        guard next == checks.count else { throw Violation("a check names a revision that was never reached") }
        for write in history.writes { try compare(write, with: results[write.tag] ?? []) }
        for watch in history.watches { try compare(watch, with: changes) }
        try checkRegisters(history)
    }

    /// Z13, by what clients saw alone: without the log, and without revisions.
    private static func checkRegisters(_ history: History) throws(Violation) {
        typealias Operation = TimedOperation<RegisterModel<Int>.Operation>
        var registers: [String: [Operation]] = [:]
        for write in history.writes {
            guard let change = Workload.registerChange(write.command) else { continue }
            let succeeded: Bool?
            switch write.outcome {
            case .unknown: succeeded = nil
            case .acknowledged: succeeded = true
            case .refused(.preconditionFailed): succeeded = false
            case .refused, .notDone: continue
            }
            let operation = RegisterModel<Int>.Operation.compareAndSet(
                from: change.from,
                to: change.to,
                succeeded: succeeded
            )
            registers[change.register, default: []].append(
                Operation(operation, began: write.began, ended: write.ended)
            )
        }
        for (register, operations) in registers.sorted(by: { $0.key < $1.key }) {
            let verdict = Linearizability.check(operations, of: RegisterModel(initial: 0), memoMax: memoMax)
            if case .violated(let place) = verdict {
                throw Violation("no order explains what clients were told of \(register): \(operations[place])")
            }
        }
    }

    /// Z2.
    private static func checkFreshness(_ history: History) throws(Violation) {
        for check in history.checks {
            let floor: Revision
            switch check.consistency {
            case .minimizeLatency: floor = check.staleFloor
            case .atLeastAsFresh(let zookie): floor = max(zookie.revision, check.staleFloor)
            case .fullyConsistent: floor = check.acknowledgedBefore
            case .atExactSnapshot(let zookie): floor = zookie.revision
            case .atRevision(let revision): floor = revision
            case .atTime: floor = .zero
            }
            if case .atExactSnapshot = check.consistency, check.revision != floor {
                throw Violation("\(check.consistency) was answered at \(check.revision)")
            }
            guard check.revision >= floor else {
                throw Violation("\(check.consistency) was answered at \(check.revision), which is before \(floor)")
            }
        }
    }

    /// Z1.
    private static func compare(_ check: History.Check, with model: ReferenceState) throws(Violation) {
        guard check.revision.index == model.index else {
            throw Violation("a check was answered at \(check.revision), where no node can have stopped")
        }
        let expected = model.check(check.item)
        guard expected == check.answer else {
            throw Violation("\(check.item) at \(check.revision) was answered \(check.answer), and is \(expected)")
        }
    }

    /// Z3, Z11, Z14.
    private static func compare(_ write: History.Write, with applied: [ReferenceState.Applied]) throws(Violation) {
        // Said of few writes, and long.
        var text: String { "write \(write.tag) (\(write.command))" }
        let executed = applied.filter(\.isFirst)
        guard executed.count <= 1 else {
            throw Violation("\(text) was done \(executed.count) times, at \(executed.map(\.index))")
        }
        switch write.outcome {
        case .unknown: break
        case .acknowledged(let done):
            guard let first = executed.first, first.result == .success(done) else {
                throw Violation("\(text) was acknowledged as \(done), and the log says \(applied.map(\.result))")
            }
            guard done.revision > write.acknowledgedBefore else {
                throw Violation("\(text) began after \(write.acknowledgedBefore) was acknowledged, and has \(done)")
            }
        case .refused(let code):
            guard applied.contains(where: { $0.result == .failure(code) }) else {
                throw Violation("\(text) was refused with \(code), and the log says \(applied.map(\.result))")
            }
        case .notDone:
            guard applied.isEmpty else {
                throw Violation("\(text) was said not to be done, and is in the log at \(applied.map(\.index))")
            }
        }
    }

    /// Z10.
    private static func compare(_ watch: History.Watch, with all: [History.Changes]) throws(Violation) {
        var told = watch.changes[...]
        for wanted in all[Int(watch.start.index.rawValue)..<Int(watch.told.index.rawValue)] {
            if wanted.changes.isEmpty { continue }
            guard let next = told.popFirst(), next.revision == wanted.revision else {
                throw Violation("a watch from \(watch.start) to \(watch.told) was not told of \(wanted.revision)")
            }
            guard next.changes.count == wanted.changes.count, Set(next.changes) == Set(wanted.changes) else {
                throw Violation("a watch was told of \(next), and it was \(wanted)")
            }
            guard next.metadata == wanted.metadata else {
                throw Violation("a watch was told \(next.metadata.json) with \(wanted)")
            }
        }
        guard told.isEmpty else { throw Violation("a watch was told of \(told), where nothing changed") }
    }
}
