// Pemba: one node of an exploration: the Raft core as it is shipped, and a disk.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// A node between two events; a copy is a fork.
struct ExploredNode {
    /// What a disk holds.
    struct Disk {
        var hardState: HardState
        var entries: [LogEntry]

        mutating func write(_ request: PersistRequest) {
            if let hardState = request.hardState { self.hardState = hardState }
            guard let first = request.entries.first else { return }
            entries.removeAll { $0.index >= first.index }
            entries += request.entries
        }
    }

    /// What a node says in answer to an event.
    struct Answer {
        var messages: [RaftMessage] = []
        /// The reads that it answers, and the index at which it does.
        var reads: [(ticket: Int, index: LogIndex)] = []
    }

    private(set) var core: RaftCore
    private(set) var disk: Disk
    /// Writes that are not durable, oldest first.
    private(set) var writes: [PersistRequest] = []
    private var now = Instant.zero
    private let options: RaftOptions

    /// A node that starts with the first entry.
    init(_ id: NodeID, bounds: ExplorationBounds) {
        options = bounds.options(of: id)
        disk = Disk(hardState: HardState(term: .first), entries: [bounds.firstEntry])
        core = ExploredNode.boot(options, disk, now)
    }

    private static func boot(_ options: RaftOptions, _ disk: Disk, _ now: Instant) -> RaftCore {
        RaftCore(
            options: options,
            boot: RaftBoot(hardState: disk.hardState, entries: disk.entries),
            seed: 1,
            now: now
        )
    }

    /// Lets something happen; `message` is the one of `.receive`.
    mutating func take(_ event: NodeEvent, message: RaftMessage?, bounds: ExplorationBounds) -> Answer {
        var effects: [RaftEffect] = []
        switch event {
        case .receive:
            if let message { step(.message(message), &effects) }
        case .persist: persist(&effects)
        case .campaign: step(.campaign, &effects)
        case .silence:
            now = now + options.electionTimeout
            step(.tick, &effects)
        case .heartbeat:
            now = now + options.heartbeatInterval
            step(.tick, &effects)
        case .propose(let number):
            _ = core.propose([[UInt8(number)]], now: now, wall: .zero, into: &effects)
        case .reconfigure:
            _ = core.changeMembership(
                .reach(MembershipGoal(voters: bounds.goal)),
                ifConfigurationIsAt: core.status().configurationIndex,
                now: now,
                wall: .zero,
                into: &effects
            )
        case .read(let ticket): step(.read(ticket: UInt64(ticket)), &effects)
        case .crash(let writesDone):
            for write in writes.prefix(writesDone) { disk.write(write) }
            writes = []
            core = ExploredNode.boot(options, disk, now)
        }
        var answer = Answer()
        collect(effects, into: &answer)
        while !bounds.delaysWrites, !writes.isEmpty {
            effects = []
            persist(&effects)
            collect(effects, into: &answer)
        }
        core.checkInvariants()
        return answer
    }

    private mutating func step(_ input: RaftInput, _ effects: inout [RaftEffect]) {
        core.step(input, now: now, wall: .zero, into: &effects)
    }

    private mutating func persist(_ effects: inout [RaftEffect]) {
        let write = writes.removeFirst()
        disk.write(write)
        let input = RaftInput.persisted(
            sequence: write.sequence,
            lastIndex: write.lastIndex,
            lastTerm: write.lastTerm
        )
        step(input, &effects)
    }

    private mutating func collect(_ effects: [RaftEffect], into answer: inout Answer) {
        for effect in effects {
            switch effect {
            case .persist(let request): writes.append(request)
            case .send(let message): answer.messages.append(message)
            case .readReady(let ticket, let index): answer.reads.append((Int(ticket), index))
            default: break
            }
        }
    }

    /// A hash of the node; equal ones go on alike.
    func digest(naming name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 12)
        hasher.combine(core.digest(naming: name))
        hasher.combine(disk.hardState.term.rawValue)
        hasher.combine(disk.hardState.vote.map(name) ?? .max)
        for entry in disk.entries { hasher.combine(entry.digest(naming: name)) }
        hasher.combine(UInt64(disk.entries.count))
        for write in writes {
            hasher.combine(write.hardState?.term.rawValue ?? .max)
            hasher.combine((write.hardState?.vote).map(name) ?? .max)
            for entry in write.entries { hasher.combine(entry.digest(naming: name)) }
            hasher.combine(UInt64(write.entries.count))
        }
        return hasher.value
    }
}
