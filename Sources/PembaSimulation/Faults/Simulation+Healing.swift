// Pemba: how everything is made well at the end of a run, and what must then come right.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaStorage

extension Simulation {
    /// Election timeouts after which a healed quorum must have taken a write.
    static let timeoutsToServe: UInt64 = 10
    /// Election timeouts after which all nodes must agree once all are healed.
    private static let timeoutsToAgree: UInt64 = 40

    /// Ends all faults and clients, and demands that a quorum serves and that then all agree.
    ///
    /// First only as many nodes are healed as make a quorum, drawn by the seed: the others stay as they are, and are cut
    /// off. That must be enough for a write to succeed. Then all are healed.
    func heal() throws(Violation) {
        isHealing = true
        network.isCalm = true
        network.heal()
        let core = drawCore()
        for place in nodes.indices where !core.contains(place) {
            for peer in core { blockBothWays(place, peer) }
        }
        narrate("nodes \(core.map { nodes[$0].id }) are healed")
        for place in core { makeWell(place) }
        reconnect(core)
        try demandWrite(by: core, "a healed quorum")
        network.heal()
        // What has rotted is found when it is read.
        for place in nodes.indices where nodes[place].isRotten { stop(place, losingPower: false) }
        for place in nodes.indices { makeWell(place) }
        reconnect(Array(nodes.indices))
        let members = places(of: countingConfigurations.flatMap(\.members))
        try demandWrite(by: members, "the healed cluster")
        let end = now + options.electionTimeout.nanoseconds * Simulation.timeoutsToAgree
        try runUntil(end) { clients.allSatisfy(\.isIdle) && hasConverged && isOnTime }
        guard hasConverged else {
            let states = nodes.map { node in
                guard let process = node.process else { return "\(node.id) down" }
                let marks = (node.isWiped ? " (wiped)" : "") + (process.replica.removedAt == nil ? "" : " (removed)")
                return
                    "\(node.id)\(marks) at \(process.replica.stateMachine.index) of \(process.replica.commit) by "
                    + "\(process.replica.configuration.voters) and \(process.replica.configuration.learners)"
            }
            throw Violation("the nodes do not agree after everything was healed: \(states.joined(separator: ", "))")
        }
        guard clients.allSatisfy(\.isIdle) else { throw Violation("a client waits for ever") }
        guard isOnTime else { throw Violation("a tuple that has fallen due stays as it was") }
    }

    /// A majority of the voters, ascending, with good disks: who owes its cluster something does not vote.
    ///
    /// It is one in every configuration that may be in force, or be so next.
    private func drawCore() -> [Int] {
        let configurations = countingConfigurations
        var places = goodPlaces.filter { place in configurations.contains { $0.quorum.contains(nodes[place].id) } }
        for _ in places.indices {
            var fewer = places
            fewer.remove(at: random.below(places.count))
            if areQuorum(fewer, of: configurations) { places = fewer }
        }
        return places
    }

    private func places(of ids: [NodeID]) -> [Int] {
        nodes.indices.filter { ids.contains(nodes[$0].id) && !isLost($0) }
    }

    /// Ends everything that troubles a node, and starts it.
    private func makeWell(_ place: Int) {
        let node = nodes[place]
        goOn(place)
        node.diskHungUntil = 0
        node.disk.changesUntilStop = nil
        node.disk.syncsUntilFailure = nil
        node.disk.capacityBytes = .max
        node.disk.misdirectsNextRead = false
        startDisk(place)
        if node.process == nil { schedule(.start(node: place), after: 0) }
    }

    private func reconnect(_ places: [Int]) {
        forEachPair { left, right in
            guard places.contains(left), places.contains(right) else { return }
            disconnect(left, right)
            connect(left, right)
        }
    }

    /// Demands that a write succeeds that is asked of these nodes.
    private func demandWrite(by places: [Int], _ whose: String) throws(Violation) {
        reachable = places
        // Nodes start and connect, and what hung on a disk is done.
        try runUntil(now + 60_000_000) { false }
        let limit = now + options.electionTimeout.nanoseconds * Simulation.timeoutsToServe
        clients[0].beginFinalWrite()
        schedule(.act(client: 0), after: 0)
        try runUntil(limit) { clients[0].hasFinalAnswer }
        guard clients[0].hasFinalAnswer else {
            throw Violation("\(whose) takes no write within \(Simulation.timeoutsToServe) election timeouts")
        }
    }

    /// Whether the log's time has passed every time at which a tuple began or ceased to count, by the leader's clock.
    private var isOnTime: Bool {
        nodes.allSatisfy { node in
            guard let process = node.process, process.replica.leadership.role == .leader else { return true }
            return process.replica.stateMachine.graph.nextDue.map { $0 > node.clock.read(at: now).wall } ?? true
        }
    }

    /// Whether nodes that were removed have heard that they were.
    private func knowTheyAreRemoved(_ removed: [NodeID]) -> Bool {
        nodes.allSatisfy { node in
            guard let process = node.process, removed.contains(node.id) else { return true }
            return process.replica.removedAt != nil
        }
    }

    private var hasConverged: Bool {
        let running = nodes.compactMap(\.process)
        guard let newest = running.max(by: { $0.replica.commit < $1.replica.commit })?.replica.configuration else {
            return false
        }
        guard newest.goal == nil, !newest.isJoint, newest.awaited.isEmpty, knowTheyAreRemoved(newest.removed) else {
            return false
        }
        let members = places(of: newest.members)
        let processes = members.compactMap { nodes[$0].process }
        guard processes.count == members.count, let first = processes.first?.replica.stateMachine else { return false }
        let index = first.index
        guard processes.allSatisfy({ $0.replica.stateMachine.index == index && $0.replica.commit == index }) else {
            return false
        }
        let hash = first.stateHash
        return processes.allSatisfy { $0.replica.stateMachine.stateHash == hash }
    }
}
