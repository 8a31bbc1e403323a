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
        var follower = FollowerLoad(entries: entries, bytes: bytes)
        let chunk = 1_000
        // The first rounds let the log grow to the length that it keeps.
        for _ in 0..<50 { try follower.run(chunk) }
        let before = ProcessUsage.own().residentBytes
        var appends: [Double] = []
        var acknowledgements: [Double] = []
        for _ in 0..<(messages / chunk) {
            let spent = try follower.run(chunk)
            appends.append(spent.appends.inSeconds * 1_000_000 / Double(chunk))
            acknowledgements.append(spent.acknowledgements.inSeconds * 1_000_000 / Double(chunk))
        }
        var figures = Figures()
        figures.add("step of an append of \(entries) entries, median", Figures.median(appends) ?? 0, "us")
        figures.add("step of its durability, median", Figures.median(acknowledgements) ?? 0, "us")
        let grown = Double(ProcessUsage.own().residentBytes) - Double(before)
        figures.add("resident memory more after \(messages) messages", grown / 1_048_576, "MiB")
        try report.print(figures)
    }
}

/// A follower that gets one append after the other from its leader, as fast as it takes them.
private struct FollowerLoad {
    private static let leader = NodeID(2)
    private static let term = Term(2)

    private let entries: Int
    private let payload: [UInt8]
    private var core: RaftCore
    private var effects: [RaftEffect] = []
    private var now = Instant.zero
    private var last = LogIndex(1)
    private var lastTerm = Term(1)

    init(entries: Int, bytes: Int) {
        self.entries = entries
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
            core.step(.message(message), now: now, wall: .zero, into: &effects)
            let middle = ContinuousClock.now
            let done = try persisted()
            let again = ContinuousClock.now
            core.step(done, now: now, wall: .zero, into: &effects)
            let end = ContinuousClock.now
            effects.removeAll(keepingCapacity: true)
            appends += middle - begin
            acknowledgements += end - again
        }
        let settled = core.committed
        core.step(.applied(settled), now: now, wall: .zero, into: &effects)
        core.step(.compact(settled), now: now, wall: .zero, into: &effects)
        effects.removeAll(keepingCapacity: true)
        return (appends, acknowledgements)
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
