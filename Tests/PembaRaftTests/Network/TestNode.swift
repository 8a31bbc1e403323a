// Pemba: one Raft core with a disk in memory, for tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// Milliseconds after the clock's start.
func ms(_ count: UInt64) -> Instant { Instant(nanoseconds: count * 1_000_000) }

/// Short names, as the tests write many.
func n(_ id: UInt64) -> NodeID { NodeID(id) }
func i(_ index: UInt64) -> LogIndex { LogIndex(index) }
func t(_ term: UInt64) -> Term { Term(term) }

/// An entry of one byte.
func entry(_ index: UInt64, term: UInt64, _ payload: [UInt8] = [0]) -> LogEntry {
    LogEntry(index: i(index), term: t(term), timestamp: .zero, kind: .command, payload: payload)
}

/// The first entry of every cluster: its configuration, of term 1.
func bootEntry(voters: [NodeID], learners: [NodeID] = [], outgoing: [NodeID] = []) -> LogEntry {
    let configuration = RaftConfiguration(voters: voters, outgoingVoters: outgoing, learners: learners)
    return LogEntry(index: i(1), term: t(1), timestamp: .zero, kind: .configuration, payload: configuration.encoded)
}

/// Where a node is reached; by default on a port of its own number.
func address(_ node: UInt64, port: UInt16? = nil) -> MemberAddresses {
    let port = port ?? UInt16(node)
    return MemberAddresses(
        node: n(node),
        peer: NetworkAddress(host: "peer", port: port),
        client: NetworkAddress(host: "client", port: port)
    )
}

/// What a node has on its disk.
struct TestDisk {
    var hardState: HardState
    var snapshot = RaftSnapshotPoint.origin
    var entries: [LogEntry]

    var last: LogIndex { entries.last?.index ?? snapshot.index }

    mutating func write(_ request: PersistRequest) {
        if let hardState = request.hardState { self.hardState = hardState }
        if let first = request.entries.first {
            entries.removeAll { $0.index >= first.index }
            precondition(first.index == last.next, "the shell was told to write a gap")
            entries += request.entries
        }
    }

    mutating func install(_ point: RaftSnapshotPoint) {
        if entries.contains(where: { $0.index == point.index && $0.term == point.term }) {
            entries.removeAll { $0.index <= point.index }
        } else {
            entries = []
        }
        snapshot = point
    }
}

extension TestNode {
    /// A node that has never had any data, or has lost all of it.
    static func blank(_ id: UInt64, seed: UInt64 = 3, configure: (inout RaftOptions) -> Void = { _ in }) -> TestNode {
        var options = RaftOptions(id: n(id))
        configure(&options)
        return TestNode(options: options, disk: TestDisk(hardState: HardState(), entries: []), seed: seed)
    }

    /// A leader, number 1, whose no-op nobody has acknowledged.
    static func elected(
        _ voters: [UInt64] = [1, 2, 3],
        learners: [UInt64] = [],
        configure: (inout RaftOptions) -> Void = { _ in }
    ) -> TestNode {
        let node = TestNode(1, of: voters, learners: learners, configure: configure)
        node.becomeLeader(votes: Array(voters.dropFirst().prefix(voters.count / 2)))
        _ = node.takeSent()
        return node
    }

    /// The same, whose no-op is committed; followers have acknowledged all.
    static func leading(
        _ voters: [UInt64] = [1, 2, 3],
        learners: [UInt64] = [],
        configure: (inout RaftOptions) -> Void = { _ in }
    ) -> TestNode {
        let node = elected(voters, learners: learners, configure: configure)
        node.acknowledge(from: Array(voters.dropFirst()) + learners)
        _ = node.takeSent()
        return node
    }
}

/// A core, its disk and what it did.
final class TestNode {
    var core: RaftCore
    var disk: TestDisk
    var now: Instant
    var wall = Timestamp(nanoseconds: 1_000)
    /// Whether writes are durable at once; otherwise they wait for `persistAll`.
    var persistsAtOnce = true
    var pending: [PersistRequest] = []
    var sent: [RaftMessage] = []
    var ready: [(ticket: UInt64, index: LogIndex)] = []
    var failed: [UInt64] = []
    var leaderships: [RaftLeadership] = []
    var offers: [(from: NodeID, index: LogIndex, term: Term)] = []
    var snapshotsSent: [(to: NodeID, index: LogIndex, term: Term)] = []
    var commits: [LogIndex] = []
    let options: RaftOptions
    /// Records what happens to the core, if a test wants that.
    var recorder: FlightRecorder?

    init(
        options: RaftOptions,
        disk: TestDisk,
        seed: UInt64 = 1,
        now: Instant = .zero,
        recorder: FlightRecorder? = nil
    ) {
        self.options = options
        self.recorder = recorder
        self.disk = disk
        self.now = now
        let boot = RaftBoot(hardState: disk.hardState, snapshot: disk.snapshot, entries: disk.entries)
        core = RaftCore(options: options, boot: boot, seed: seed, now: now)
    }

    /// A node of a cluster of `voters` whose log holds, after the boot entry, one entry of each of `terms`.
    convenience init(
        _ id: UInt64,
        of voters: [UInt64] = [1, 2, 3],
        learners: [UInt64] = [],
        term: UInt64 = 1,
        vote: UInt64? = nil,
        terms: [UInt64] = [],
        seed: UInt64 = 1,
        configure: (inout RaftOptions) -> Void = { _ in }
    ) {
        var options = RaftOptions(id: n(id))
        configure(&options)
        var entries = [bootEntry(voters: voters.map(n), learners: learners.map(n))]
        for (position, term) in terms.enumerated() { entries.append(entry(UInt64(position) + 2, term: term)) }
        let highest = max(term, terms.max() ?? 1)
        let disk = TestDisk(hardState: HardState(term: t(highest), vote: vote.map(n)), entries: entries)
        self.init(options: options, disk: disk, seed: seed)
    }

    var id: NodeID { options.id }
    var role: RaftRole { core.leadership.role }
    var term: Term { core.leadership.term }
    var leader: NodeID? { core.leadership.leader }
    var vote: NodeID? { core.hardState.vote }
    var commit: LogIndex { core.committed }
    var last: LogIndex { core.lastIndex }
    var configuration: RaftConfiguration { core.currentConfiguration }
    var log: [LogEntry] {
        core.log.count == 0 ? [] : core.log.entries(from: core.firstIndex, upTo: core.lastIndex, maxBytes: .max)
    }
    /// The terms of the entries in memory.
    var terms: [UInt64] { log.map(\.term.rawValue) }

    func step(_ input: RaftInput) {
        var effects: [RaftEffect] = []
        record(.step(input))
        core.step(input, now: now, wall: wall, into: &effects)
        recorder?.conclude(effects)
        take(effects)
    }

    func receive(_ body: RaftMessage.Body, from: UInt64, term: UInt64) {
        step(.message(RaftMessage(from: n(from), to: id, term: t(term), body: body)))
    }

    @discardableResult
    func propose(_ payloads: [[UInt8]] = [[7]]) -> ProposalOutcome {
        var effects: [RaftEffect] = []
        record(.propose(payloads))
        let outcome = core.propose(payloads, now: now, wall: wall, into: &effects)
        recorder?.conclude(effects, outcome)
        take(effects)
        return outcome
    }

    /// Asks for another membership; `expected` is the configuration in force unless it is given.
    @discardableResult
    func change(
        voters: [UInt64],
        learners: [UInt64] = [],
        expected: LogIndex? = nil
    ) -> MembershipOutcome {
        change(.reach(MembershipGoal(voters: voters.map(n), learners: learners.map(n))), expected: expected)
    }

    @discardableResult
    func change(_ request: MembershipRequest, expected: LogIndex? = nil) -> MembershipOutcome {
        var effects: [RaftEffect] = []
        let expected = expected ?? core.configurations.currentIndex
        record(.changeMembership(request, expected: expected))
        let outcome = core.changeMembership(
            request,
            ifConfigurationIsAt: expected,
            now: now,
            wall: wall,
            into: &effects
        )
        recorder?.conclude(effects, outcome)
        take(effects)
        return outcome
    }

    private func record(_ input: FlightInput) {
        guard let recorder, !recorder.record(input, now: now, wall: wall) else { return }
        recorder.begin(with: core, then: input, now: now, wall: wall)
    }

    func tick(at instant: Instant) {
        now = max(now, instant)
        step(.tick)
    }

    /// Lets the election timeout pass.
    func timeOut() {
        now = max(now, core.electionDeadline)
        step(.tick)
    }

    /// Campaigns and wins with the votes of `voters`.
    func becomeLeader(votes voters: [UInt64]) {
        timeOut()
        for voter in voters { receive(.preVoteResponse(granted: true), from: voter, term: term.rawValue + 1) }
        for voter in voters { receive(.voteResponse(granted: true), from: voter, term: term.rawValue) }
        precondition(role == .leader, "the votes did not suffice")
    }

    /// Makes the oldest `count` writes durable and acknowledges them with one acknowledgement.
    func persist(_ count: Int? = nil) {
        let requests = pending.prefix(count ?? pending.count)
        guard let last = requests.last else { return }
        pending.removeFirst(requests.count)
        for request in requests { disk.write(request) }
        step(.persisted(sequence: last.sequence, lastIndex: last.lastIndex, lastTerm: last.lastTerm))
    }

    /// Takes what was sent.
    func takeSent() -> [RaftMessage] {
        defer { sent = [] }
        return sent
    }

    private func take(_ effects: [RaftEffect]) {
        for effect in effects {
            switch effect {
            case .persist(let request): pending.append(request)
            case .send(let message): sent.append(message)
            case .commit(let index): commits.append(index)
            case .readReady(let ticket, let index): ready.append((ticket, index))
            case .readFailed(let ticket): failed.append(ticket)
            case .leadership(let leadership): leaderships.append(leadership)
            case .sendSnapshot(let to, let index, let term): snapshotsSent.append((to, index, term))
            case .receiveSnapshot(let from, let index, let term): offers.append((from, index, term))
            }
        }
        core.checkInvariants()
        if persistsAtOnce, !pending.isEmpty { persist() }
    }
}
