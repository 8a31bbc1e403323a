// Pemba: every state that a small cluster can reach.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// A search through all states of a cluster of Raft cores within bounds.
///
/// What runs is the core as it is shipped (`ExploredNode`). The network is the set of all messages that were ever sent:
/// each may arrive at any time, any number of times, or never, so that loss, delay, repetition and overtaking need no
/// events of their own. States are known by a hash, the least of those under all exchanges of nodes that begin alike.
///
/// What is in the network stays there, so that an arrival which leaves the receiver as it was, and only makes it answer,
/// takes nothing away from what can happen: all that could happen without the answer can happen with it. Such answers are
/// given at once (`answerAll`), and states that lack them are never looked at; nor are those in which the nodes are as in
/// another that has more messages (`MessageSets`). Every combination of states of the nodes is looked at, and the invariants
/// speak of nothing else.
package struct Exploration {
    let bounds: ExplorationBounds
    var catalogue: Catalogue
    /// With which messages each combination of nodes was found.
    private var seen = MessageSets()
    /// The states to look at.
    private var agenda = Agenda()
    /// By number of a state: how it was found.
    private(set) var origins: [Origin] = []
    /// By message: the visit to a state that last had it.
    private var presence: [UInt32] = []
    private var visits: UInt32 = 0
    /// The hashes of the nodes of the state that is being looked at, by naming.
    private var sums: [UInt64]
    /// The exchanges of nodes under which the hash of the combination is least.
    private var namings: [Int] = []
    /// What the event under way does to the messages.
    private var added: [Int] = []
    private var removed: [Int] = []
    /// The state that it leads to, and its messages as a set.
    private var found: ClusterState
    private var foundSet: [UInt64] = []
    var report = ExplorationReport(outcome: .complete, progress: ExplorationProgress())
    var violation: String?

    package init(_ bounds: ExplorationBounds) {
        self.bounds = bounds
        catalogue = Catalogue(bounds)
        sums = Array(repeating: 0, count: catalogue.namings.count)
        found = ClusterState(nodes: [], history: 0, budget: ClusterState.Budget(bounds), messages: [])
    }

    /// Explores; tells `progress` how far it is now and then.
    package mutating func run(progress: (ExplorationProgress) -> Void = { _ in }) -> ExplorationReport {
        var state = begin()
        var visited = 0
        while let note = agenda.popFirst(into: &state) {
            // A state with more messages may have been found meanwhile.
            guard seen.isCurrent(note.place, of: note.number) else { continue }
            visit(state, note)
            visited += 1
            if let violation {
                count()
                report.outcome = .violation(violation, trace: trace())
                return report
            }
            guard visited % 65_536 == 0 else { continue }
            count()
            progress(report.progress)
            if isAtBound {
                report.outcome = .unfinished
                return report
            }
        }
        count()
        progress(report.progress)
        return report
    }

    private var isAtBound: Bool { report.progress.bytes > bounds.memoryMax || origins.count >= bounds.statesMax }

    private mutating func count() {
        report.progress.states = origins.count
        report.progress.combinations = seen.count
        report.progress.nodeStates = catalogue.nodes.count
        report.progress.messages = catalogue.messages.count
        let known = origins.capacity * MemoryLayout<Origin>.stride
        report.progress.bytes = seen.byteCount + known + agenda.byteCount + catalogue.byteCount
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
        let combination = combination(changing: state, 0, to: state.nodes[0], state.history, state.budget)
        let place = seen.insert(combination, [], owner: 0)
        agenda.append(state, Agenda.Note(number: 0, place: place, depth: 0), progress: 0)
        origins = [Origin(state: 0, slot: 0, event: 0)]
        return state
    }

    private func isWithinBounds(_ node: NodeSummary) -> Bool {
        node.term <= bounds.lastTerm && node.roundCount <= bounds.roundsMax
            && node.waitingReadCount <= bounds.waitingReadsMax
    }

    // MARK: Events

    /// Lets everything happen that can.
    private mutating func visit(_ state: ClusterState, _ origin: Agenda.Note) {
        prepare(state)
        for message in state.messages {
            take(UInt32(message), at: catalogue.receivers[message], in: state, origin, spending: state.budget)
        }
        for slot in state.nodes.indices {
            let node = catalogue.summaries[state.nodes[slot]]
            func take(_ event: NodeEvent, _ spend: (inout ClusterState.Budget) -> Void = { _ in }) {
                var budget = state.budget
                spend(&budget)
                self.take(event.code, at: slot, in: state, origin, spending: budget)
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
        _ origin: Agenda.Note,
        spending budget: ClusterState.Budget
    ) {
        guard violation == nil else { return }
        report.progress.events += 1
        let old = state.nodes[slot]
        let stepNumber = catalogue.step(old, event)
        let new = catalogue.allSteps[stepNumber].node
        guard isWithinBounds(catalogue.summaries[new]) else { return }
        collectMessages(of: stepNumber, slot, old, new, in: state)
        answerAll(slot, new, in: state)
        let isRead = !catalogue.allSteps[stepNumber].reads.isEmpty
        let isSame = new == old && added.isEmpty && !isRead
        guard !isSame || budget.reads != state.budget.reads else { return }
        var next = state.history
        if new != old || isRead || budget.reads != state.budget.reads {
            next = history(after: stepNumber, event, at: slot, old, new, in: state)
        }
        let combination = combination(changing: state, slot, to: new, next, budget)
        guard !isKnown(combination, in: state) || violation != nil else { return }
        found.nodes = state.nodes
        found.nodes[slot] = new
        found.history = next
        found.budget = budget
        found.messages.removeAll(keepingCapacity: true)
        for message in state.messages where !removed.contains(message) { found.messages.append(message) }
        found.messages += added
        if violation == nil { check(found, changed: slot) }
        collectSet(of: state, naming: namings[0])
        let number = UInt32(origins.count)
        let note = Agenda.Note(
            number: number,
            place: seen.insert(combination, foundSet, owner: number),
            depth: origin.depth + 1
        )
        origins.append(Origin(state: origin.number, slot: slot, event: event))
        report.progress.depth = max(report.progress.depth, note.depth)
        agenda.append(found, note, progress: found.nodes.reduce(0) { $0 + catalogue.summaries[$1].progress })
    }

    /// Whether the combination was found with these messages or with more, under any of the namings in `namings`.
    private mutating func isKnown(_ combination: UInt64, in state: ClusterState) -> Bool {
        for naming in namings {
            collectSet(of: state, naming: naming)
            if seen.holds(combination, foundSet) { return true }
        }
        return false
    }

    /// Makes the set of the messages that there are after the event under way.
    private mutating func collectSet(of state: ClusterState, naming: Int) {
        let count = catalogue.namings.count
        foundSet.removeAll(keepingCapacity: true)
        for _ in 0..<catalogue.messageWords { foundSet.append(0) }
        for message in state.messages {
            let bit = catalogue.messageBits[message * count + naming]
            foundSet[bit >> 6] |= 1 << UInt64(bit & 63)
        }
        for message in removed {
            let bit = catalogue.messageBits[message * count + naming]
            foundSet[bit >> 6] &= ~(1 << UInt64(bit & 63))
        }
        for message in added {
            let bit = catalogue.messageBits[message * count + naming]
            foundSet[bit >> 6] |= 1 << UInt64(bit & 63)
        }
    }

    /// Finds which messages a step adds, and which ones can make no difference any more after it.
    private mutating func collectMessages(of step: Int, _ slot: Int, _ old: Int, _ new: Int, in state: ClusterState) {
        added.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
        addMessages(of: step, slot, new, in: state)
        let (before, after) = (catalogue.summaries[old], catalogue.summaries[new])
        guard before.storedTerm != after.storedTerm || before.role != after.role else { return }
        for message in state.messages where catalogue.receivers[message] == slot {
            if catalogue.isDead(message, at: after) { removed.append(message) }
        }
    }

    /// Lets every message arrive that its receiver answers and is not changed by, now that the node at `slot` is `new` and
    /// messages were added; before, there was none of them left.
    private mutating func answerAll(_ slot: Int, _ new: Int, in state: ClusterState) {
        if new != state.nodes[slot] {
            for message in state.messages where catalogue.receivers[message] == slot {
                if !removed.contains(message) { answer(message, slot, new, in: state) }
            }
        }
        var position = 0
        while position < added.count {
            answer(added[position], slot, new, in: state)
            position += 1
        }
    }

    private mutating func answer(_ message: Int, _ slot: Int, _ new: Int, in state: ClusterState) {
        let receiver = catalogue.receivers[message]
        let node = receiver == slot ? new : state.nodes[receiver]
        let step = catalogue.step(node, UInt32(message))
        if catalogue.allSteps[step].node == node, catalogue.allSteps[step].reads.isEmpty {
            addMessages(of: step, slot, new, in: state)
        }
    }

    private mutating func addMessages(of step: Int, _ slot: Int, _ new: Int, in state: ClusterState) {
        for message in catalogue.allSteps[step].sent where !isPresent(message) && !added.contains(message) {
            let receiver = catalogue.receivers[message]
            let receiving = receiver == slot ? new : state.nodes[receiver]
            if !catalogue.isDead(message, at: catalogue.summaries[receiving]) { added.append(message) }
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
            sums[naming] = sum
        }
    }

    /// The hash of the combination in which a node has become `new`, and the rest is as given: the least under all exchanges
    /// of nodes; `namings` tells under which.
    private mutating func combination(
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
            if sum < least { namings.removeAll(keepingCapacity: true) }
            if sum <= least { namings.append(naming) }
            least = min(least, sum)
        }
        return least
    }
}
