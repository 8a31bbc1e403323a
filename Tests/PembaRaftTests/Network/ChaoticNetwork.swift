// Pemba: Raft cores on a network and on disks that fail by seed, with the checks of safety.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// What was found to be violated.
struct Violation: Error, CustomStringConvertible {
    var description: String
}

/// A cluster whose messages are delayed, lost, repeated and reordered, whose writes take time, and whose nodes crash
/// and come back with what was durable.
struct ChaoticNetwork {
    var random: SeededRandom
    var nodes: [TestNode] = []
    var isUp: [Bool] = []
    var mail: [RaftMessage] = []
    var now = Instant.zero
    /// Whether the membership changes; the nodes after the first members are then to join.
    let changesMembership: Bool
    /// Bytes of each node's flight recording; nil: none is made.
    let recordingBytes: Int?
    let lossOf100: UInt64
    let repeatOf100: UInt64
    var partition: [Int]

    /// The leader of each term that has had one.
    var leaderOfTerm: [UInt64: NodeID] = [:]
    /// Every entry that any node has called committed, by position.
    var committed: [LogEntry] = []
    /// The highest term and commit index of each node in its present life.
    var highest: [(term: Term, commit: LogIndex)] = []
    var nextPayload: UInt64 = 0
    var proposed = 0
    var leadersSeen = 0
    var snapshotsInstalled = 0
    var readsAnswered = 0
    var changesBegun = 0
    var jointsSeen = 0
    var removalsLearned = 0
    /// The lowest index at which each outstanding read may be answered.
    var readFloor: [UInt64: LogIndex] = [:]
    var nextTicket: UInt64 = 1

    var committedCount: Int { committed.count }
    var statuses: [RaftStatus] { nodes.map { $0.core.status() } }

    init(seed: UInt64, recordingBytes: Int? = nil) {
        self.recordingBytes = recordingBytes
        random = SeededRandom(seed: seed)
        let size = [1, 2, 3, 3, 3, 5, 5][random.below(7)]
        changesMembership = random.chance(1, in: 2)
        let spares = changesMembership ? 1 + random.below(3) : 0
        lossOf100 = random.chance(1, in: 3) ? 0 : random.below(20)
        repeatOf100 = random.chance(1, in: 3) ? 0 : random.below(20)
        partition = Array(repeating: 0, count: size + spares)
        let inflight = [1, 3, 256][random.below(3)]
        let trailing = [0, 2, 20][random.below(3)]
        let ids = (1...UInt64(size)).map { $0 }
        let learner = random.chance(1, in: 4) && size > 1
        func configure(_ options: inout RaftOptions) {
            options.inflightMessagesMax = inflight
            options.messageBytesMax = 100
            options.trailingEntries = trailing
            options.catchUpTimeout = .seconds(2)
        }
        for id in ids + (0..<UInt64(spares)).map({ UInt64(size) + 1 + $0 }) {
            let node =
                id > size
                ? TestNode.blank(id, seed: random.next(), configure: configure)
                : TestNode(
                    id,
                    of: learner ? Array(ids.dropLast()) : ids,
                    learners: learner ? [ids[size - 1]] : [],
                    seed: random.next(),
                    configure: configure
                )
            node.persistsAtOnce = false
            node.recorder = recordingBytes.map { FlightRecorder(bytes: $0) }
            nodes.append(node)
            isUp.append(true)
            highest.append((.zero, .zero))
        }
    }

    /// Runs `count` random steps, checking after each.
    mutating func run(_ count: Int) throws(Violation) {
        for _ in 0..<count {
            stepOnce()
            try check()
        }
    }

    /// Heals everything and lets the cluster come to one mind; throws if it does not.
    mutating func converge() throws(Violation) {
        partition = Array(repeating: 0, count: nodes.count)
        for position in 0..<nodes.count where !isUp[position] { restart(position) }
        for _ in 0..<400 {
            now = now + .milliseconds(20)
            for position in 0..<nodes.count {
                nodes[position].now = now
                if nodes[position].core.nextDeadline <= now { nodes[position].step(.tick) }
                nodes[position].persist()
                serve(position)
            }
            for _ in 0..<20 {
                collect(lossy: false)
                let batch = mail
                mail = []
                for message in batch { deliver(message) }
                for position in 0..<nodes.count {
                    nodes[position].persist()
                    serve(position)
                }
            }
            try check()
        }
        let leaders = nodes.filter { $0.role == .leader }
        guard leaders.count == 1 else { throw Violation(description: "\(leaders.count) leaders after healing") }
        let configuration = leaders[0].configuration
        guard configuration.goal == nil, !configuration.isJoint else {
            throw Violation(description: "the membership is still changing after healing")
        }
        for node in nodes where configuration.members.contains(node.id) && node.commit != leaders[0].last {
            throw Violation(description: "node \(node.id) has \(node.commit) of \(leaders[0].last) after healing")
        }
    }

    // MARK: Events

    private mutating func stepOnce() {
        let position = random.below(nodes.count)
        switch random.below(UInt64(100)) {
        case 0..<50: deliverOne()
        case 50..<70: if isUp[position] { nodes[position].persist(1 + random.below(3)) }
        case 70..<80:
            now = now + TimeSpan.milliseconds(random.below(80))
            for each in 0..<nodes.count where isUp[each] {
                nodes[each].now = now
                if nodes[each].core.nextDeadline <= now { nodes[each].step(.tick) }
            }
        case 80..<90: propose(at: position)
        case 90..<92: read(at: position)
        case 92: change(at: position)
        case 93: crash(position)
        case 94..<96: if !isUp[position] { restart(position) }
        case 96:
            for each in 0..<nodes.count { partition[each] = random.chance(1, in: 2) ? random.below(2) : 0 }
        case 97: compact(position)
        case 98:
            let target = NodeID(UInt64(1 + random.below(nodes.count)))
            if isUp[position] { nodes[position].step(.transferLeadership(to: random.chance(1, in: 2) ? nil : target)) }
        default:
            if isUp[position] { nodes[position].step(.unreachable(NodeID(UInt64(1 + random.below(nodes.count))))) }
        }
        for each in 0..<nodes.count where isUp[each] { serve(each) }
        collect(lossy: true)
    }

    private mutating func propose(at position: Int) {
        guard isUp[position] else { return }
        nextPayload += 1
        nodes[position].wall = Timestamp(nanoseconds: Int64(random.below(UInt64(1_000_000))))
        let payload = (0..<8).map { UInt8(truncatingIfNeeded: nextPayload >> (8 * UInt64($0))) }
        let count = 1 + random.below(3)
        if case .appended = nodes[position].propose(Array(repeating: payload, count: count)) { proposed += count }
    }

    private mutating func read(at position: Int) {
        guard isUp[position] else { return }
        // A linearizable read sees everything that anybody knew to be committed when it was asked.
        readFloor[nextTicket] = LogIndex(UInt64(committed.count))
        nodes[position].step(.read(ticket: nextTicket))
        nextTicket += 1
    }

    /// Asks for a membership at random, without ids that were removed.
    private mutating func change(at position: Int) {
        guard changesMembership, isUp[position], nodes[position].role == .leader else { return }
        let node = nodes[position]
        if random.chance(1, in: 10) { node.change(.abandon) }
        var goal = MembershipGoal(voters: [])
        for other in nodes where !node.configuration.removed.contains(other.id) {
            // Few are removed at once, or else the supply of ids would end soon.
            let isMember = node.configuration.members.contains(other.id)
            switch random.below(UInt64(isMember ? 12 : 3)) {
            case 0: break
            case 1: goal.learners.append(other.id)
            default: goal.voters.append(other.id)
            }
        }
        if case .appended = node.change(.reach(goal)) { changesBegun += 1 }
    }

    private mutating func compact(_ position: Int) {
        guard isUp[position] else { return }
        let applied = nodes[position].core.appliedIndex
        guard applied > nodes[position].core.snapshot.index else { return }
        // The snapshot is written behind the writes before it.
        nodes[position].persist()
        nodes[position].step(.compact(applied))
        let node = nodes[position]
        node.disk.snapshot = node.core.snapshot
        node.disk.entries.removeAll { $0.index < node.core.firstIndex && $0.index <= node.core.snapshot.index }
    }

    /// Applies what is committed, and fetches what was offered.
    private mutating func serve(_ position: Int) {
        let node = nodes[position]
        if node.commit > node.core.appliedIndex, random.chance(1, in: 2) { node.step(.applied(node.commit)) }
        guard let offer = node.offers.first, random.chance(1, in: 4) else { return }
        node.offers.removeFirst()
        // An older offer than the latest may have been on its way to the disk already.
        let isAbandoned = node.core.offeredSnapshot != offer.index && random.chance(1, in: 2)
        guard node.core.offeredSnapshot != nil, offer.index > node.commit, !isAbandoned else { return }
        if random.chance(1, in: 5) {
            node.step(.snapshotFailed(index: offer.index))
            return
        }
        // Whatever was to be written before the installation is written before it.
        node.persist()
        guard offer.index > node.commit else { return }
        for source in nodes where source.core.snapshot.index == offer.index {
            node.disk.install(source.core.snapshot)
            node.step(.snapshotInstalled(source.core.snapshot))
            snapshotsInstalled += 1
            return
        }
        node.step(.snapshotFailed(index: offer.index))
    }

    private mutating func crash(_ position: Int) {
        guard isUp[position] else { return }
        isUp[position] = false
        let node = nodes[position]
        // Any prefix of the outstanding writes may have reached the disk.
        for request in node.pending.prefix(random.below(node.pending.count + 1)) { node.disk.write(request) }
        node.pending = []
        node.sent = []
    }

    private mutating func restart(_ position: Int) {
        let old = nodes[position]
        let node = TestNode(options: old.options, disk: old.disk, seed: random.next(), now: now)
        node.persistsAtOnce = false
        node.recorder = recordingBytes.map { FlightRecorder(bytes: $0) }
        nodes[position] = node
        isUp[position] = true
        highest[position] = (old.disk.hardState.term, .zero)
    }

    // MARK: Network

    private mutating func collect(lossy: Bool) {
        for position in 0..<nodes.count where isUp[position] {
            for message in nodes[position].takeSent() {
                if lossy, random.chance(lossOf100, in: 100) { continue }
                mail.append(message)
                if lossy, random.chance(repeatOf100, in: 100) { mail.append(message) }
            }
        }
        if mail.count > 2_000 { mail.removeFirst(mail.count - 2_000) }
    }

    private mutating func deliverOne() {
        guard !mail.isEmpty else { return }
        let inOrder = random.chance(3, in: 4)
        deliver(mail.remove(at: inOrder ? 0 : random.below(mail.count)))
    }

    private func deliver(_ message: RaftMessage) {
        let from = Int(message.from.rawValue) - 1
        let to = Int(message.to.rawValue) - 1
        guard isUp[to], partition[from] == partition[to] else { return }
        nodes[to].step(.message(message))
    }
}
