// Pemba: every state that a small cluster can reach.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// A search, breadth first, through all states of a cluster of Raft cores within bounds.
///
/// What runs is the core as it is shipped (`ExploredNode`). The network is the set of all messages that were ever sent:
/// each may arrive at any time, any number of times, or never, so that loss, delay, repetition and overtaking need no
/// events of their own. States are known by a hash, the least of those under all exchanges of nodes that begin alike.
package struct Exploration {
    let bounds: ExplorationBounds
    var catalogue: Catalogue
    /// The states that were seen.
    private var seen = FingerprintSet()
    /// The states to look at, and those found on the way, one event deeper.
    private var current: Frontier
    private var deeper: Frontier
    /// By depth and position: from which state one depth less, and by which event of which node, a state was found.
    private(set) var origins: [[Origin]] = []
    /// By message: the visit to a state that last had it.
    private var presence: [UInt32] = []
    private var visits: UInt32 = 0
    /// The hashes of the state that is being looked at, by naming, but for its history and budget.
    private var sums: [UInt64]
    /// What the event under way does to the messages.
    private var added: [Int] = []
    private var removed: [Int] = []
    /// The state that it leads to.
    private var found: ClusterState
    var report = ExplorationReport(outcome: .complete, progress: ExplorationProgress())
    var violation: String?

    /// How a state was found first.
    struct Origin {
        var state: UInt32
        var node: UInt8
        var event: UInt32
    }

    package init(_ bounds: ExplorationBounds) {
        self.bounds = bounds
        catalogue = Catalogue(bounds)
        sums = Array(repeating: 0, count: catalogue.namings.count)
        found = ClusterState(nodes: [], history: 0, budget: ClusterState.Budget(bounds), messages: [])
        current = Frontier(nodeCount: bounds.nodes.count)
        deeper = current
    }

    /// Explores; tells `progress` how far it is now and then.
    package mutating func run(progress: (ExplorationProgress) -> Void = { _ in }) -> ExplorationReport {
        var state = begin()
        while current.count > 0 {
            var position = 0
            for number in 0..<current.count {
                current.read(at: &position, into: &state)
                visit(state, number: number)
                if let violation {
                    note()
                    report.outcome = .violation(violation, trace: trace())
                    return report
                }
                if number % 65_536 == 65_535 {
                    note()
                    progress(report.progress)
                    if isAtBound { return finish() }
                }
            }
            note()
            progress(report.progress)
            if isAtBound { return finish() }
            current = deeper
            deeper = Frontier(nodeCount: bounds.nodes.count)
            if current.count > 0 {
                origins.append([])
                report.progress.depth += 1
            }
        }
        return report
    }

    private mutating func finish() -> ExplorationReport {
        report.outcome = .unfinished
        return report
    }

    private var isAtBound: Bool { report.progress.bytes > bounds.memoryMax || seen.count >= bounds.statesMax }

    private mutating func note() {
        report.progress.states = seen.count
        report.progress.nodeStates = catalogue.nodes.count
        report.progress.messages = catalogue.messages.count
        let known = origins.reduce(0) { $0 + $1.capacity } * MemoryLayout<Origin>.stride
        let frontiers = current.byteCount + deeper.byteCount
        report.progress.bytes = seen.byteCount + known + frontiers + catalogue.byteCount
    }

    private mutating func begin() -> ClusterState {
        let nodes = bounds.nodes.map { catalogue.number(of: ExploredNode($0, bounds: bounds)) }
        let history = ClusterHistory(leaders: Array(repeating: 0, count: Int(bounds.lastTerm.rawValue) + 1))
        let state = ClusterState(
            nodes: nodes,
            history: catalogue.number(of: history),
            budget: ClusterState.Budget(bounds),
            messages: []
        )
        prepare(state)
        _ = seen.insert(fingerprint(changing: state, 0, to: state.nodes[0], state.history, state.budget))
        current.append(state)
        origins = [[], []]
        return state
    }

    // MARK: Events

    /// Lets everything happen that can.
    private mutating func visit(_ state: ClusterState, number: Int) {
        prepare(state)
        for message in state.messages {
            take(UInt32(message), at: catalogue.receivers[message], in: state, number, spending: state.budget)
        }
        for slot in state.nodes.indices {
            let node = catalogue.summaries[state.nodes[slot]]
            func take(_ event: NodeEvent, _ spend: (inout ClusterState.Budget) -> Void = { _ in }) {
                var budget = state.budget
                spend(&budget)
                self.take(event.code, at: slot, in: state, number, spending: budget)
            }
            if node.writeCount > 0 { take(.persist) }
            if node.role != .leader, node.term < bounds.lastTerm { take(.campaign) }
            if bounds.checksQuorum, node.canFallSilent { take(.silence) }
            if state.budget.crashes > 0 {
                for done in 0...node.writeCount { take(.crash(writesDone: done)) { $0.crashes -= 1 } }
            }
            if state.budget.reads > 0 {
                take(.read(ticket: bounds.reads - Int(state.budget.reads))) { $0.reads -= 1 }
            }
            guard node.role == .leader else { continue }
            if state.budget.entries > 0 {
                take(.propose(number: bounds.entries - Int(state.budget.entries))) { $0.entries -= 1 }
            }
            if state.budget.heartbeats > 0 { take(.heartbeat) { $0.heartbeats -= 1 } }
            if state.budget.reconfigurations > 0 { take(.reconfigure) { $0.reconfigurations -= 1 } }
        }
    }

    /// Lets one thing happen.
    private mutating func take(
        _ event: UInt32,
        at slot: Int,
        in state: ClusterState,
        _ number: Int,
        spending budget: ClusterState.Budget
    ) {
        guard violation == nil else { return }
        report.progress.events += 1
        let old = state.nodes[slot]
        let stepNumber = catalogue.step(old, event)
        let new = catalogue.allSteps[stepNumber].node
        guard catalogue.summaries[new].term <= bounds.lastTerm else { return }
        collectMessages(of: stepNumber, slot, old, new, in: state)
        let isRead = !catalogue.allSteps[stepNumber].reads.isEmpty
        let isSame = new == old && added.isEmpty && !isRead
        guard !isSame || budget.reads != state.budget.reads else { return }
        var next = state.history
        if new != old || isRead || budget.reads != state.budget.reads {
            next = history(after: stepNumber, event, at: slot, old, new, in: state)
        }
        let hash = fingerprint(changing: state, slot, to: new, next, budget)
        guard seen.insert(hash) || violation != nil else { return }
        origins[origins.count - 1].append(Origin(state: UInt32(number), node: UInt8(slot), event: event))
        found.nodes = state.nodes
        found.nodes[slot] = new
        found.history = next
        found.budget = budget
        found.messages.removeAll(keepingCapacity: true)
        for message in state.messages where !removed.contains(message) { found.messages.append(message) }
        found.messages += added
        if violation == nil { check(found, changed: slot) }
        deeper.append(found)
    }

    /// Finds which messages a step adds, and which ones can make no difference any more after it.
    private mutating func collectMessages(of step: Int, _ slot: Int, _ old: Int, _ new: Int, in state: ClusterState) {
        added.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
        for message in catalogue.allSteps[step].sent where !isPresent(message) {
            let receiver = catalogue.receivers[message]
            let receiving = receiver == slot ? new : state.nodes[receiver]
            if !catalogue.isDead(message, at: catalogue.summaries[receiving]) { added.append(message) }
        }
        let (before, after) = (catalogue.summaries[old], catalogue.summaries[new])
        guard before.storedTerm != after.storedTerm || before.role != after.role else { return }
        for message in state.messages where catalogue.receivers[message] == slot {
            if catalogue.isDead(message, at: after) { removed.append(message) }
        }
    }

    private func isPresent(_ message: Int) -> Bool { message < presence.count && presence[message] == visits }

    /// Notes which messages the state has that is being looked at, and its hashes.
    private mutating func prepare(_ state: ClusterState) {
        visits &+= 1
        if presence.count < catalogue.messages.count {
            presence += Array(repeating: 0, count: catalogue.messages.count - presence.count)
        }
        for message in state.messages { presence[message] = visits }
        let count = catalogue.namings.count
        for naming in 0..<count {
            var sum: UInt64 = 0
            for node in state.nodes { sum &+= catalogue.nodeDigests[node * count + naming] }
            for message in state.messages { sum &+= catalogue.messageDigests[message * count + naming] }
            sums[naming] = sum
        }
    }

    /// The hash of the state in which a node has become `new`, the messages have changed, and the rest is as given: the least
    /// under all exchanges of nodes.
    private func fingerprint(
        changing state: ClusterState,
        _ slot: Int,
        to new: Int,
        _ history: Int,
        _ budget: ClusterState.Budget
    ) -> UInt64 {
        let count = catalogue.namings.count
        let rest = SeededRandom.mix(budget.packed &+ 1)
        let old = state.nodes[slot]
        var least = UInt64.max
        for naming in 0..<count {
            var sum = sums[naming] &+ rest &+ catalogue.historyDigests[history * count + naming]
            sum &-= catalogue.nodeDigests[old * count + naming]
            sum &+= catalogue.nodeDigests[new * count + naming]
            for message in added { sum &+= catalogue.messageDigests[message * count + naming] }
            for message in removed { sum &-= catalogue.messageDigests[message * count + naming] }
            least = min(least, sum)
        }
        return least
    }
}
