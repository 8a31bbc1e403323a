// Pemba: the consensus core in this process.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaCore
import PembaRaft
import PembaTooling

struct RaftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "raft",
        abstract: "Measures steps of the Raft core in this process, without disk and network."
    )

    @Option(help: ArgumentHelp("How many messages.", valueName: "count"))
    var messages = 1_000_000

    @Option(help: ArgumentHelp("How many entries each brings.", valueName: "count"))
    var entries = 16

    @Option(help: ArgumentHelp("How many bytes each entry holds.", valueName: "count"))
    var bytes = 100

    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard messages >= 10_000 else { throw ValidationError("--messages is at least 10000, not \(messages)") }
        guard (1...1_000).contains(entries) else { throw ValidationError("--entries is 1 to 1000, not \(entries)") }
        guard (1...10_000).contains(bytes) else { throw ValidationError("--bytes is 1 to 10000, not \(bytes)") }
    }

    func run() throws {
        var plain = FollowerLoad(entries: entries, bytes: bytes, recorder: nil)
        var recorded = FollowerLoad(entries: entries, bytes: bytes, recorder: FlightRecorder())
        // The first rounds let the log grow to the length that it keeps.
        for _ in 0..<50 {
            try plain.run(RaftCommand.chunk)
            try recorded.run(RaftCommand.chunk)
        }
        let before = ProcessUsage.own().residentBytes
        var appends = (plain: [Double](), recorded: [Double]())
        var acknowledgements = (plain: [Double](), recorded: [Double]())
        for _ in 0..<(messages / RaftCommand.chunk) {
            let spent = (plain: try plain.run(RaftCommand.chunk), recorded: try recorded.run(RaftCommand.chunk))
            appends.plain.append(RaftCommand.microseconds(spent.plain.appends))
            appends.recorded.append(RaftCommand.microseconds(spent.recorded.appends))
            acknowledgements.plain.append(RaftCommand.microseconds(spent.plain.acknowledgements))
            acknowledgements.recorded.append(RaftCommand.microseconds(spent.recorded.acknowledgements))
        }
        var figures = Figures()
        let append = "step of an append of \(entries) entries, median"
        figures.add(append, Figures.median(appends.plain) ?? 0, "us")
        figures.add("\(append), recorded", Figures.median(appends.recorded) ?? 0, "us")
        figures.add("step of its durability, median", Figures.median(acknowledgements.plain) ?? 0, "us")
        figures.add("step of its durability, median, recorded", Figures.median(acknowledgements.recorded) ?? 0, "us")
        let grown = Double(ProcessUsage.own().residentBytes) - Double(before)
        figures.add("resident memory more after \(messages) messages", grown / 1_048_576, "MiB")
        try report.print(figures)
    }

    /// Messages that are timed together.
    private static let chunk = 1_000

    private static func microseconds(_ span: Duration) -> Double { span.inSeconds * 1_000_000 / Double(chunk) }
}

/// A follower that gets one append after the other from its leader, as fast as it takes them.
private struct FollowerLoad {
    private static let leader = NodeID(2)
    private static let term = Term(2)

    private let entries: Int
    private let payload: [UInt8]
    /// Records what happens, as that of a node does.
    private let recorder: FlightRecorder?
    private var core: RaftCore
    private var effects: [RaftEffect] = []
    private var now = Instant.zero
    private var last = LogIndex(1)
    private var lastTerm = Term(1)

    init(entries: Int, bytes: Int, recorder: FlightRecorder?) {
        self.entries = entries
        self.recorder = recorder
        payload = [UInt8](repeating: 7, count: bytes)
        let configuration = RaftConfiguration(voters: [NodeID(1), FollowerLoad.leader, NodeID(3)])
        let first = LogEntry(
            index: last,
            term: lastTerm,
            timestamp: .zero,
            kind: .configuration,
            payload: configuration.encoded
        )
        core = RaftCore(
            options: RaftOptions(id: NodeID(1)),
            boot: RaftBoot(hardState: HardState(term: lastTerm), entries: [first]),
            seed: 1,
            now: .zero
        )
    }

    /// Takes `count` appends and says how long their steps took, and how long those of their durability.
    @discardableResult
    mutating func run(_ count: Int) throws -> (appends: Duration, acknowledgements: Duration) {
        let messages = (0..<count).map { _ in nextMessage() }
        var appends = Duration.zero
        var acknowledgements = Duration.zero
        for message in messages {
            now = now + .microseconds(100)
            let begin = ContinuousClock.now
            step(.message(message))
            let middle = ContinuousClock.now
            let done = try persisted()
            effects.removeAll(keepingCapacity: true)
            let again = ContinuousClock.now
            step(done)
            let end = ContinuousClock.now
            effects.removeAll(keepingCapacity: true)
            appends += middle - begin
            acknowledgements += end - again
        }
        let settled = core.committed
        step(.applied(settled))
        step(.compact(settled))
        effects.removeAll(keepingCapacity: true)
        return (appends, acknowledgements)
    }

    private mutating func step(_ input: RaftInput) {
        if let recorder, !recorder.record(.step(input), now: now, wall: .zero) {
            recorder.begin(with: core, then: .step(input), now: now, wall: .zero)
        }
        core.step(input, now: now, wall: .zero, into: &effects)
        recorder?.conclude(effects)
    }

    private mutating func nextMessage() -> RaftMessage {
        let new = (1...entries).map { place in
            LogEntry(
                index: LogIndex(last.rawValue + UInt64(place)),
                term: FollowerLoad.term,
                timestamp: .zero,
                kind: .command,
                payload: payload
            )
        }
        let body = RaftMessage.Body.appendEntries(
            previousIndex: last,
            previousTerm: lastTerm,
            entries: new,
            commit: last
        )
        last = new[entries - 1].index
        lastTerm = FollowerLoad.term
        return RaftMessage(from: FollowerLoad.leader, to: NodeID(1), term: FollowerLoad.term, body: body)
    }

    /// What the core is told when what it just asked to write is durable.
    private func persisted() throws -> RaftInput {
        for case .persist(let request) in effects {
            return .persisted(sequence: request.sequence, lastIndex: request.lastIndex, lastTerm: request.lastTerm)
        }
        throw ToolError("an append was not written: \(effects)")
    }
}
