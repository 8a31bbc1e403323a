// Pemba: one deterministic run of a whole cluster.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage
import PembaWire

/// Runs replicas and stores, the same code as in the node, on simulated clocks, disks and a simulated network.
///
/// Everything that happens is an event in one queue, taken in the order of time and then of scheduling; all randomness
/// comes from the seed. So a seed is a run: it can be repeated, and the hash of its trace is the same each time.
/// Promises are checked after every event (`ClusterChecker`) and at the end (`HistoryChecker`).
package final class Simulation {
    let options: SimulationOptions
    var random: SeededRandom
    /// What decides about faults, so that one that is left out changes no other.
    var faultRandom: SeededRandom
    var nodes: [SimulatedNode] = []
    var network: SimulatedNetwork
    var clients: [SimulatedClient] = []
    var checker: ClusterChecker
    var memberships: Memberships
    var history = History()
    var counts = SimulationReport.Counts()
    /// The true time in nanoseconds since the start.
    private(set) var now: UInt64 = 0
    /// Whether faults and clients have come to their end, and everything must come right.
    var isHealing = false
    /// The terms whose leaders write entries of a kind that the old version does not know.
    var termsOfNewKind: Set<Term> = []
    /// The nodes that clients ask.
    var reachable: [Int]
    private var queue = EventQueue()
    /// An empty array whose memory is used again.
    private var spareEffects: [ReplicaEffect] = []
    /// Hears what happens, for people who look for a reason.
    private let narrator: ((String) -> Void)?
    private var trace = StateHasher(domain: 5)

    /// The cluster of every run.
    static let cluster = ClusterID(high: 0x7065_6D62_6100_0000, low: 1)

    /// Prepares a run: disks with new nodes on them.
    package init(options: SimulationOptions, narrator: ((String) -> Void)? = nil) throws {
        self.options = options
        self.narrator = narrator
        random = SeededRandom(seed: options.seed)
        faultRandom = random.split()
        network = SimulatedNetwork(options: options, random: random.split())
        checker = ClusterChecker(placesMax: options.placesMax)
        memberships = Memberships(Simulation.firstEntry(options))
        reachable = Array(0..<options.nodeCount)
        for place in 0..<options.nodeCount { nodes.append(try makeNode(place, random.next())) }
        for place in 0..<options.clientCount {
            clients.append(SimulatedClient(place: place, random: random.split()))
        }
    }

    /// Runs the seed to its end or to the first broken promise.
    package static func run(
        _ options: SimulationOptions,
        narrator: ((String) -> Void)? = nil
    ) -> SimulationReport {
        do {
            let simulation = try Simulation(options: options, narrator: narrator)
            return simulation.run()
        } catch {
            return SimulationReport(
                seed: options.seed,
                violation: Violation("a new cluster cannot be made: \(error)"),
                end: .zero,
                traceHash: 0,
                counts: SimulationReport.Counts()
            )
        }
    }

    func run() -> SimulationReport {
        var violation: Violation?
        do throws(Violation) {
            for place in nodes.indices { schedule(.start(node: place), after: random.below(UInt64(5_000_000))) }
            for place in clients.indices { schedule(.act(client: place), after: random.below(UInt64(50_000_000))) }
            for place in clients.indices where random.chance(1, in: 2) { schedule(.watch(client: place), after: 0) }
            schedule(.fault, after: options.faultInterval.nanoseconds)
            try runUntil(options.duration.nanoseconds) { false }
            try heal()
            if options.isChecked { try HistoryChecker.check(history, chain: checker.chain) }
        } catch {
            violation = error
        }
        counts.entries = checker.chain.count
        counts.elections = checker.electionCount
        return SimulationReport(
            seed: options.seed,
            violation: violation,
            end: Instant(nanoseconds: now),
            traceHash: trace.value,
            counts: counts,
            recordings: violation == nil ? [] : recordings
        )
    }

    /// What happened to the nodes that run.
    var recordings: [SimulationReport.Recording] {
        nodes.compactMap { node in
            guard let process = node.process else { return nil }
            return SimulationReport.Recording(node: node.id, bytes: process.recorder.recording)
        }
    }

    /// Takes events until the time is over, or something is as wanted.
    func runUntil(_ end: UInt64, _ isDone: () -> Bool) throws(Violation) {
        while let time = queue.firstTime, time <= end, !isDone(), let event = queue.removeFirst() {
            now = time
            counts.events += 1
            try take(event)
        }
        if !isDone() { now = max(now, end) }
    }

    /// Lets something happen after a time.
    func schedule(_ event: SimulationEvent, after delay: UInt64) { queue.insert(event, at: now + delay) }

    /// Lets something happen at a time.
    func schedule(_ event: SimulationEvent, at time: UInt64) { queue.insert(event, at: max(now, time)) }

    /// Ends a node's pause: what has waited for that happens now.
    func goOn(_ place: Int) {
        let node = nodes[place]
        guard node.pausedUntil > now else { return }
        queue.advance(from: node.pausedUntil, to: now)
        node.pausedUntil = now
    }

    /// Adds to the hash of the trace; as many values as there are parameters, since a list of them would be an array for
    /// every message.
    func note(_ kind: UInt64, _ first: UInt64, _ second: UInt64? = nil, _ third: UInt64? = nil) {
        trace.combine(kind)
        trace.combine(now)
        trace.combine(first)
        if let second { trace.combine(second) }
        if let third { trace.combine(third) }
    }

    /// Tells the narrator, if there is one.
    func narrate(_ words: @autoclosure () -> String) {
        guard let narrator else { return }
        narrator("\(SimulationPlan.seconds(TimeSpan(nanoseconds: now))) \(words())")
    }

    private func take(_ event: SimulationEvent) throws(Violation) {
        switch event {
        case .timer(let node, let generation):
            guard nodes[node].timerGeneration == generation else { return }
            nodes[node].timerDue = .max
            try wake(node, event) { replica, time, effects in replica.step(.tick, at: time, into: &effects) }
        case .deliver(let from, let to, let connection, let bytes):
            guard network.connection(from, to) == connection else { return }
            note(1, UInt64(from), UInt64(to), UInt64(CRC32C.checksum(bytes)))
            try deliver(bytes, from: from, to: to, event)
        case .link(let node, let boot, let peer, let isUp):
            guard nodes[node].boot == boot else { return }
            if isUp, refuse(node, peer, event) { return }
            note(2, UInt64(node), UInt64(peer), isUp ? 1 : 0)
            let id = nodes[peer].id
            try wake(node, event) { replica, time, effects in
                replica.step(isUp ? .linkUp(id) : .linkDown(id), at: time, into: &effects)
                if isUp { replica.step(.called(by: id), at: time, into: &effects) }
            }
        case .disk(let node, let boot, let work):
            guard nodes[node].boot == boot else { return }
            try finishDiskJob(node, work: work, event)
        case .apply(let node, let boot):
            guard nodes[node].boot == boot else { return }
            try apply(node, event)
        case .snapshotSlice(let node, let boot, let number):
            guard nodes[node].boot == boot else { return }
            try writeSnapshotSlice(node, number: number, event)
        case .resume(let node, let boot, let number):
            guard nodes[node].boot == boot else { return }
            resume(number, at: node, event)
        case .request(let node, let request): try receive(request, at: node, event)
        case .answer(let client, let attempt, let answer): try clientReceives(client, attempt, answer)
        case .timeout(let client, let attempt): try clientTimesOut(client, attempt)
        case .act(let client): try clientActs(client)
        case .watch(let client): beginWatch(client)
        case .watchRequest(let node, let client, let attempt, let after):
            openWatch(at: node, client: client, attempt: attempt, after: after, event)
        case .watchAnswer(let client, let attempt, let answer): try watcherReceives(client, attempt, answer)
        case .start(let node): try start(node)
        case .fault: try injectFault()
        case .operate: try operate()
        case .heal: if !isHealing { network.heal() }
        case .diskEmptied(let node): nodes[node].disk.capacityBytes = .max
        }
    }

    private func deliver(_ bytes: [UInt8], from: Int, to: Int, _ event: SimulationEvent) throws(Violation) {
        let message: PeerMessage
        do throws(ByteError) {
            message = try bytes.withUnsafeBufferPointer { bytes throws(ByteError) in
                try PeerMessage(decoding: UnsafeRawBufferPointer(bytes))
            }
        } catch {
            throw Violation("a message from node \(nodes[from].id) cannot be decoded: \(error)")
        }
        guard let message = read(message, at: to) else { return }
        let id = nodes[from].id
        noteQuestion(message, from: id, to: nodes[to])
        try wake(to, event) { replica, time, effects in
            replica.step(.peer(from: id, message), at: time, into: &effects)
        }
    }

    /// Steps a node that runs; a paused one takes the event when it goes on.
    func wake(
        _ place: Int,
        _ event: SimulationEvent,
        _ body: (inout Replica, ReplicaTime, inout [ReplicaEffect]) -> Void
    ) throws(Violation) {
        let node = nodes[place]
        guard let process = node.process else { return }
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        let time = node.clock.read(at: now)
        // What is performed may wake another node, so that each has an array of its own; one is kept.
        var effects = spareEffects
        spareEffects = []
        body(&process.replica, time, &effects)
        process.replica.flush(at: time, into: &effects)
        try perform(effects, at: place)
        effects.removeAll(keepingCapacity: true)
        spareEffects = effects
        memberships.settle(process.replica)
        if node.isWiped { try noteReturn(of: place) }
        if options.isChecked {
            try checkFetch(at: place)
            let before = checker.committedIndex
            try checker.check(place, process.replica, of: nodes)
            if checker.committedIndex > before { narrate("node \(node.id) has committed \(checker.committedIndex)") }
        }
        armTimer(place)
    }

    /// Sees that the node is woken when its replica wants to be.
    ///
    /// A timer that comes too early does no harm.
    private func armTimer(_ place: Int) {
        let node = nodes[place]
        guard let process = node.process else { return }
        let due = max(node.clock.global(process.replica.nextDeadline), now + 1_000)
        guard due < node.timerDue else { return }
        node.timerDue = due
        node.timerGeneration += 1
        schedule(.timer(node: place, generation: node.timerGeneration), at: due)
    }
}
