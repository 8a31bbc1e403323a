// Pemba: three replicas in memory, for tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaService

@testable import PembaReplica

/// Three replicas whose messages and writes are done at once, one after the other, unless a test holds them up.
final class ReplicaTrio {
    static let cluster = ClusterID(high: 0xAAAA_BBBB_0000_0000, low: 7)

    /// A replica at its place: it is a value that cannot be copied, so that something else is listed.
    final class Node {
        var replica: Replica

        init(_ replica: consuming Replica) { self.replica = replica }
    }

    private(set) var nodes: [Node] = []
    /// Messages under way: from, to, message.
    private var messages: [(Int, Int, PeerMessage)] = []
    /// Nodes that nothing reaches and that reach nobody.
    var isolated: Set<Int> = []
    /// Called with every message before it is delivered; false: it is lost.
    var filter: (Int, Int, PeerMessage) -> Bool = { _, _, _ in true }
    /// Nodes whose shells come to applying only when a snapshot is about to be installed.
    var late: Set<Int> = []
    /// Nodes whose disks complete nothing.
    var hung: Set<Int> = []
    /// What they were to write.
    private var unwritten: [(Int, PersistRequest)] = []
    var answers: [RequestID: Result<CommandOutcome, ServiceError>] = [:]
    var reads: [RequestID: ServiceError?] = [:]
    /// Blocks of the snapshot that each node has, without a manifest; block 0 of a transfer is a stand-in.
    private var snapshots: [[[UInt8]]] = [[], [], []]
    private var received: [[[UInt8]]] = [[], [], []]
    private(set) var installs = 0
    /// Up to where each node was last told to delete its stored log.
    private(set) var compactions: [LogIndex] = [.zero, .zero, .zero]
    /// How often a node that has something to apply got it ready instead, so that others had their turn.
    private(set) var pauses = 0
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What civil time is at the first moment; a test may set the clock.
    var civil = Timestamp(nanoseconds: 0)
    private var nextRequest: UInt64 = 1

    init(
        snapshotAfterEntries: Int = 1_000_000,
        trailingEntries: Int = 1_000,
        pendingCommandsMax: Int = 100,
        auditInterval: Int = 0
    ) {
        let members = [NodeID(1), NodeID(2), NodeID(3)]
        let entry = LogEntry(
            index: LogIndex(1),
            term: Term(1),
            timestamp: .zero,
            kind: .configuration,
            payload: RaftConfiguration(voters: members).encoded
        )
        for (place, id) in members.enumerated() {
            var raft = RaftOptions(id: id)
            raft.trailingEntries = trailingEntries
            let options = ReplicaOptions(
                cluster: ReplicaTrio.cluster,
                epoch: Epoch(2),
                raft: raft,
                pendingCommandsMax: pendingCommandsMax,
                waitingReadsMax: 100,
                snapshotAfterEntries: snapshotAfterEntries,
                auditInterval: auditInterval
            )
            let boot = ReplicaBoot(
                hardState: HardState(term: Term(1)),
                stateMachine: StateMachine(capacity: .small, hashSeed: UInt64(place)),
                snapshotBlockCount: 0,
                entries: [entry]
            )
            nodes.append(Node(Replica(options: options, boot: boot, seed: UInt64(place) + 1, time: time)))
        }
        for place in nodes.indices {
            for peer in members where peer != nodes[place].replica.id { step(place, .linkUp(peer)) }
        }
    }

    var time: ReplicaTime {
        ReplicaTime(now: now, wall: Timestamp(nanoseconds: civil.nanoseconds + Int64(now.nanoseconds)))
    }

    /// The place of the node that leads.
    var leader: Int? { nodes.firstIndex { $0.replica.leadership.role == .leader } }

    /// Steps one replica and does what it asks for, except that messages wait for `settle`.
    func step(_ place: Int, _ input: ReplicaInput) {
        var effects: [ReplicaEffect] = []
        nodes[place].replica.step(input, at: time, into: &effects)
        nodes[place].replica.flush(at: time, into: &effects)
        perform(effects, place)
    }

    /// Delivers messages until none is under way.
    func settle() {
        while !messages.isEmpty {
            let (from, to, message) = messages.removeFirst()
            guard !isolated.contains(from), !isolated.contains(to), filter(from, to, message) else { continue }
            step(to, .peer(from: nodes[from].replica.id, message))
        }
    }

    /// Lets time pass in steps until something is so; false if it never is.
    func pass(_ span: TimeSpan, until isDone: () -> Bool = { false }) -> Bool {
        let end = now + span
        settle()
        while now < end, !isDone() {
            now = now + .milliseconds(10)
            for place in nodes.indices where nodes[place].replica.nextDeadline <= now { step(place, .tick) }
            settle()
        }
        return isDone()
    }

    /// Lets them elect a leader; its place.
    func elect() -> Int {
        _ = pass(.seconds(10)) { leader.map { nodes[$0].replica.stateMachine.index > LogIndex(1) } ?? false }
        // The followers hear of it with the next heartbeat.
        _ = pass(.milliseconds(300))
        return leader ?? 0
    }

    /// Submits a command at a node.
    func submit(_ place: Int, _ command: ClientCommand, patience: TimeSpan = .seconds(1)) -> RequestID {
        let id = RequestID(nextRequest)
        nextRequest += 1
        step(place, .submit(id, command, deadline: now + patience))
        return id
    }

    /// Lets a node begin to change who votes.
    func change(_ place: Int, to voters: [NodeID]) {
        var effects: [ReplicaEffect] = []
        let outcome = nodes[place].replica.changeMembership(
            .reach(MembershipGoal(voters: voters)),
            ifConfigurationIsAt: nodes[place].replica.membershipIndex,
            at: time,
            into: &effects
        )
        guard case .appended = outcome else { preconditionFailure("the change was not begun: \(outcome)") }
        perform(effects, place)
    }

    /// Asks for a read at a node.
    func read(_ place: Int, _ consistency: Consistency, patience: TimeSpan = .seconds(1)) -> RequestID {
        let id = RequestID(nextRequest)
        nextRequest += 1
        step(place, .awaitRead(id, consistency, deadline: now + patience))
        return id
    }

    /// Delivers a message as if it came from the network.
    func deliver(_ message: PeerMessage, from: Int, to: Int) {
        messages.append((from, to, message))
        settle()
    }

    private func place(of node: NodeID) -> Int { Int(node.rawValue) - 1 }

    private func perform(_ effects: [ReplicaEffect], _ place: Int) {
        for effect in effects {
            switch effect {
            case .persist(let request):
                hung.contains(place) ? unwritten.append((place, request)) : persist(request, place)
            case .send(let peer, let message): messages.append((place, self.place(of: peer), message))
            case .reply(let id, let result): answers[id] = result
            case .readReady(let id): reads[id] = .some(nil)
            case .readFailed(let id, let error): reads[id] = error
            case .leadership, .quarantined, .configuration, .removed: break
            case .compactLog(let index): compactions[place] = index
            case .applyPending: if !late.contains(place) { apply(place) }
            case .writeSnapshot: writeSnapshot(place)
            case .readSnapshotBlocks(let peer, let index, let from, let count):
                let blocks = [[0]] + snapshots[place]
                let slice = Array(blocks[Int(from)..<min(blocks.count, Int(from + count))])
                step(place, .snapshotBlocksRead(for: peer, index: index, from: from, blocks: slice))
            case .storeSnapshotBlock(let index, let number, let bytes):
                if number == 0 { received[place] = [] } else { received[place].append(bytes) }
                step(place, .snapshotBlockStored(index: index, number: number, missing: number + 1))
            case .installSnapshot:
                if late.remove(place) != nil { apply(place) }
                install(place)
            }
        }
    }

    private func persist(_ request: PersistRequest, _ place: Int) {
        let (index, term) = (request.lastIndex, request.lastTerm)
        step(place, .persisted(sequence: request.sequence, lastIndex: index, lastTerm: term))
    }

    /// Lets the disks that hung do what they were to do.
    func awaken() {
        hung = []
        let requests = unwritten
        unwritten = []
        for (place, request) in requests { persist(request, place) }
    }

    private func apply(_ place: Int) {
        var isMore = true
        while isMore {
            var effects: [ReplicaEffect] = []
            let before = nodes[place].replica.stateMachine.index
            isMore = nodes[place].replica.applyCommitted(maxEntries: 4, at: time, into: &effects)
            if isMore, nodes[place].replica.stateMachine.index == before { pauses += 1 }
            perform(effects, place)
        }
    }

    private func writeSnapshot(_ place: Int) {
        let header = nodes[place].replica.beginSnapshot()
        var blocks: [[UInt8]] = []
        while let block = nodes[place].replica.nextSnapshotBlock() { blocks.append(block) }
        snapshots[place] = blocks
        let count = UInt32(blocks.count)
        step(place, .snapshotWritten(index: header.point.index, term: header.point.term, blockCount: count))
    }

    private func install(_ place: Int) {
        guard let machine = try? MachineDriver.load(received[place]) else { return }
        installs += 1
        snapshots[place] = received[place]
        var effects: [ReplicaEffect] = []
        let count = UInt32(received[place].count)
        nodes[place].replica.install(machine, blockCount: count, at: time, into: &effects)
        perform(effects, place)
    }
}
