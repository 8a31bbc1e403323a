// Pemba: enumeration of crashes at every system call of everything that storage does.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaStorage
import PembaTestSupport
import Testing

/// All sequences of choices, one after the other, without knowing beforehand how many there are.
struct Choices {
    private var digits: [Int] = []
    private var bounds: [Int] = []
    private var position = 0

    mutating func choose(_ bound: Int) -> Int {
        if position == digits.count {
            digits.append(0)
            bounds.append(bound)
        }
        defer { position += 1 }
        return digits[position]
    }

    /// Goes to the next sequence; false after the last one.
    mutating func advance() -> Bool {
        position = 0
        while let digit = digits.last, let bound = bounds.last {
            if digit + 1 < bound {
                digits[digits.count - 1] = digit + 1
                return true
            }
            digits.removeLast()
            bounds.removeLast()
        }
        return false
    }
}

/// What a node promised, as far as a client or peer can know.
private struct Promise: Equatable {
    var hardState = HardState(term: Term(1))
    var snapshot = LogIndex.zero
    var entries: [LogEntry] = [Fixture.first]

    /// The state after recovery with this snapshot: entries that it covers are not given back.
    func after(_ snapshot: LogIndex) -> [LogEntry] { entries.filter { $0.index > snapshot } }

    mutating func append(_ added: [LogEntry]) {
        guard let first = added.first else { return }
        entries.removeAll { $0.index >= first.index }
        entries += added
    }
}

/// One thing that a store does, which is cut off at every system call.
private struct Scenario: Sendable, CustomTestStringConvertible {
    let name: String
    /// What was done before and is acknowledged.
    let prepare: @Sendable (Store, inout Promise) throws -> Void
    /// What is done now, step by step; each step is acknowledged when it returns.
    let act: @Sendable (Store, inout Promise, inout Promise) throws -> Void

    var testDescription: String { name }

    /// Appends and acknowledges.
    static func append(
        _ store: Store,
        _ entries: [LogEntry],
        hardState: HardState? = nil,
        _ acknowledged: inout Promise,
        _ attempted: inout Promise
    ) throws {
        attempted.append(entries)
        if let hardState { attempted.hardState = hardState }
        try store.append([Fixture.request(entries, hardState: hardState)])
        acknowledged = attempted
    }

    static let all: [Scenario] = [
        Scenario(name: "append", prepare: nothing) { store, acknowledged, attempted in
            try append(store, Fixture.entries(2...4), &acknowledged, &attempted)
            try append(store, Fixture.entries(5...6, bytes: 5_000), &acknowledged, &attempted)
        },
        Scenario(name: "vote", prepare: nothing) { store, acknowledged, attempted in
            for term in UInt64(2)...4 {
                let vote = HardState(term: Term(term), vote: NodeID(term))
                try append(store, [], hardState: vote, &acknowledged, &attempted)
            }
        },
        Scenario(name: "vote and supersede", prepare: grow) { store, acknowledged, attempted in
            let vote = HardState(term: Term(4), vote: nil)
            let entries = Fixture.entries(3...5, term: 4)
            try append(store, entries, hardState: vote, &acknowledged, &attempted)
        },
        Scenario(name: "rotate", prepare: nothing) { store, acknowledged, attempted in
            for index in UInt64(2)...6 {
                try append(store, [Fixture.entry(index, bytes: 3_500)], &acknowledged, &attempted)
            }
        },
        Scenario(name: "fill ahead and rotate", prepare: nothing) { store, acknowledged, attempted in
            while try store.prepare() {}
            for index in UInt64(2)...5 {
                try append(store, [Fixture.entry(index, bytes: 3_500)], &acknowledged, &attempted)
                _ = try store.prepare()
            }
        },
        Scenario(name: "snapshot and compact", prepare: grow) { store, acknowledged, attempted in
            attempted.snapshot = LogIndex(8)
            try Fixture.writeSnapshot(store, 8, term: 2)
            acknowledged = attempted
            try store.compact(upTo: LogIndex(8))
            try append(store, Fixture.entries(13...13, term: 2), &acknowledged, &attempted)
        },
        Scenario(name: "second snapshot", prepare: growAndSnapshot) { store, acknowledged, attempted in
            attempted.snapshot = LogIndex(10)
            try Fixture.writeSnapshot(store, 10, term: 2)
            acknowledged = attempted
            try store.compact(upTo: LogIndex(10))
        },
        Scenario(name: "install over a log that is behind", prepare: grow) { store, acknowledged, attempted in
            let blocks = try Fixture.foreignSnapshot(40, term: 2)
            #expect(try Fixture.receive(blocks, 40, into: store))
            attempted.snapshot = LogIndex(40)
            attempted.entries = []
            _ = try store.installReceived(LogIndex(40))
            acknowledged = attempted
            try append(store, Fixture.entries(41...42, term: 2), &acknowledged, &attempted)
        },
        Scenario(name: "install over a log in conflict", prepare: grow) { store, acknowledged, attempted in
            let vote = HardState(term: Term(3), vote: nil)
            try append(store, [], hardState: vote, &acknowledged, &attempted)
            let blocks = try Fixture.foreignSnapshot(6, term: 3)
            #expect(try Fixture.receive(blocks, 6, into: store))
            attempted.snapshot = LogIndex(6)
            attempted.entries = []
            _ = try store.installReceived(LogIndex(6))
            acknowledged = attempted
            try append(store, Fixture.entries(7...7, term: 3), &acknowledged, &attempted)
        },
        Scenario(name: "install under a log that goes on", prepare: grow) { store, acknowledged, attempted in
            let blocks = try Fixture.foreignSnapshot(6, term: 2)
            #expect(try Fixture.receive(blocks, 6, into: store))
            attempted.snapshot = LogIndex(6)
            _ = try store.installReceived(LogIndex(6))
            acknowledged = attempted
        },
    ]

    @Sendable static func nothing(_ store: Store, _ promise: inout Promise) {}

    @Sendable static func grow(_ store: Store, _ promise: inout Promise) throws {
        var attempted = promise
        let vote = HardState(term: Term(2), vote: NodeID(1))
        try append(store, [], hardState: vote, &promise, &attempted)
        for index in UInt64(2)...12 {
            try append(store, [Fixture.entry(index, term: 2, bytes: 1_500)], &promise, &attempted)
        }
    }

    @Sendable static func growAndSnapshot(_ store: Store, _ promise: inout Promise) throws {
        try grow(store, &promise)
        try Fixture.writeSnapshot(store, 8, term: 2)
        promise.snapshot = LogIndex(8)
    }
}

/// Runs a scenario until a system call, then compares what recovery gives with what was promised.
private struct CrashCheck {
    let scenario: Scenario
    private(set) var acknowledged = Promise()
    private(set) var attempted = Promise()
    private(set) var isFinished = false
    let disk = Disk(seed: 1)

    init(_ scenario: Scenario, stopAfter calls: Int) throws {
        self.scenario = scenario
        try Fixture.initialise(disk)
        let store = try Fixture.open(disk)
        try scenario.prepare(store, &acknowledged)
        attempted = acknowledged
        disk.changesUntilStop = calls
        do {
            try scenario.act(store, &acknowledged, &attempted)
            isFinished = true
        } catch let error as StorageError where error.code == .machineStopped || error.code == .unusable {
            #expect(disk.isStopped)
        }
    }

    /// Opens the store after a crash and checks every promise, then goes on with it.
    ///
    /// A crash is never taken for damage: then the node would owe what it has not lost.
    func verify(_ disk: Disk, _ place: String) throws {
        let store: Store
        do throws(StorageError) {
            store = try Fixture.open(disk)
        } catch {
            Issue.record("\(place): \(error)")
            return
        }
        let found = store.recovered
        #expect(found.damage == nil && found.snapshotLoss == nil, "\(place)")
        let index = found.snapshot?.point.lastIndex ?? .zero
        #expect([acknowledged.hardState, attempted.hardState].contains(found.hardState), "\(place): term or vote")
        #expect([acknowledged.snapshot, attempted.snapshot].contains(index), "\(place): snapshot")
        let isNew = index == attempted.snapshot && found.entries == attempted.after(index)
        let isOld = index == acknowledged.snapshot && found.entries == acknowledged.after(index)
        #expect(isNew || isOld, "\(place): entries \(found.entries.map(\.index.rawValue))")
        if found.snapshot != nil {
            for number in 1...3 {
                let content = try store.snapshotPayload(UInt32(number))
                #expect(content == Fixture.block(index.rawValue, number), "\(place): snapshot content")
            }
        }
        // The node goes on from there, and nothing of the torn write comes back.
        let next = found.entries.last?.index.next ?? index.next
        let more = Fixture.entry(next.rawValue, term: found.hardState.term.rawValue)
        try store.append([Fixture.request([more])])
        disk.crash(pages: { .absent }, names: { false }, length: { $0.lowerBound })
        let again = try Fixture.open(disk)
        #expect(again.recovered.entries == found.entries + [more], "\(place): second recovery")
        #expect(again.recovered.hardState == found.hardState, "\(place): second recovery")
        again.close()
    }
}

/// How many outcomes of one crash are looked at before they are drawn by chance.
private var outcomesMax: Int { Array(Seeds(short: 60, full: 3_000)).count }

/// Calls `body` with copies of `disk` after a crash: every outcome if they are few, or else some.
private func forEachOutcome(of disk: Disk, max: Int = outcomesMax, _ body: (Disk, String) throws -> Void) throws {
    var choices = Choices()
    var count = 0
    repeat {
        let copy = Disk(copying: disk, seed: UInt64(count))
        var chosen: [Int] = []
        func choose(_ bound: Int) -> Int {
            let choice = choices.choose(bound)
            chosen.append(choice)
            return choice
        }
        let masks: [UInt8] = [0b0101_0101, 0b0000_1111, 0b1111_1110]
        copy.crash(
            pages: {
                switch choose(4) {
                case 0: .applied
                case 1: .absent
                case 2: .mixed(sectors: masks[count % 3])
                default: .zero
                }
            },
            names: { choose(2) == 0 },
            length: { range in
                [range.upperBound, range.lowerBound, range.lowerBound + range.count / 2][choose(3)]
            }
        )
        try body(copy, "outcome \(chosen)")
        count += 1
        if count >= max { break }
    } while choices.advance()
    guard count >= max else { return }
    for seed in UInt64(0)..<UInt64(max) {
        let copy = Disk(copying: disk, seed: seed)
        copy.crash()
        try body(copy, "seed \(seed)")
    }
}

@Suite struct CrashTests {
    @Test(arguments: Scenario.all) fileprivate func acknowledgedDataSurvivesACrashAtEverySystemCall(
        scenario: Scenario
    ) throws {
        var calls = 0
        while true {
            let check = try CrashCheck(scenario, stopAfter: calls)
            try forEachOutcome(of: check.disk) { disk, outcome in
                try check.verify(disk, "\(scenario.name), call \(calls), \(outcome)")
            }
            if check.isFinished { break }
            calls += 1
        }
        #expect(calls > 2)
    }

    /// A killed process leaves its writes to the operating system.
    ///
    /// The next process sees them; what it takes for recovered must survive a power failure right after.
    @Test(arguments: Scenario.all) fileprivate func whatIsRecoveredAfterAKillSurvivesAPowerFailure(
        scenario: Scenario
    ) throws {
        var calls = 0
        while true {
            let check = try CrashCheck(scenario, stopAfter: calls)
            let disk = check.disk
            disk.kill()
            let seen = try Fixture.open(disk).recovered
            let copy = Disk(copying: disk, seed: 1)
            disk.crash(pages: { .absent }, names: { false }, length: { $0.lowerBound })
            let again = try Fixture.open(disk).recovered
            #expect(again.hardState == seen.hardState, "call \(calls)")
            #expect(again.snapshot == seen.snapshot, "call \(calls)")
            #expect(again.entries == seen.entries, "call \(calls)")
            try check.verify(copy, "\(scenario.name), killed at call \(calls)")
            if check.isFinished { break }
            calls += 1
        }
    }

    @Test func everyOutcomeOfUpToSixUnsyncedPagesIsRecovered() throws {
        var seen: Set<Int> = []
        for bytes in [100, 4_000, 8_000, 12_000, 16_000, 20_000, 24_000] {
            let base = Disk(seed: 1)
            try Store.initialise(
                Fixture.folder,
                files: base,
                identity: Fixture.identity,
                hardState: HardState(term: Term(1)),
                firstEntries: [Fixture.first],
                options: StoreOptions(segmentBytes: 64 << 10, fillStepBytes: 64 << 10)
            )
            let store = try Fixture.open(base)
            let acknowledged = Fixture.entries(2...3)
            try store.append([Fixture.request(acknowledged)])
            base.changesUntilStop = 1
            let entry = Fixture.entry(4, bytes: bytes)
            #expect(code { () throws(StorageError) in try store.append([Fixture.request([entry])]) } == .machineStopped)
            let pages = base.undecidedPages
            seen.insert(pages)
            var count = 0
            try forEachOutcome(of: base, max: 5_000) { disk, outcome in
                let recovered = try Fixture.open(disk).recovered.entries
                let whole = [Fixture.first] + acknowledged + [entry]
                #expect(recovered == whole || recovered == whole.dropLast(), "\(outcome)")
                count += 1
            }
            #expect(count >= 1 << (2 * pages))
        }
        #expect(seen == [1, 2, 3, 4, 5, 6])
    }

    @Test func anInterruptedInitialisationIsRunAgain() throws {
        var calls = 0
        while true {
            let base = Disk(seed: 1)
            base.changesUntilStop = calls
            let isFinished = code { () throws(StorageError) in try Fixture.initialise(base) } == nil
            try forEachOutcome(of: base) { disk, outcome in
                let place = "call \(calls), \(outcome)"
                if try Store.folderState(Fixture.folder, files: disk) == .empty {
                    #expect(!isFinished, "\(place)")
                    try Fixture.initialise(disk)
                }
                let store = try Fixture.open(disk)
                #expect(store.recovered.entries == [Fixture.first], "\(place)")
                #expect(store.recovered.hardState == HardState(term: Term(1)), "\(place)")
            }
            if isFinished { break }
            calls += 1
        }
        #expect(calls > 10)
    }
}
