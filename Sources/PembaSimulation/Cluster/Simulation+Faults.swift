// Pemba: what goes wrong in a simulated run, and how all is made well at its end.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaStorage

extension Simulation {
    /// The kinds of faults.
    ///
    /// Add a kind here, its switch to `SimulationOptions`, and what it does to `inject`.
    private enum Fault: CaseIterable {
        case losePower
        case losePowerWhileWriting
        case kill
        case pause
        case isolate
        case split
        case oneWay
        case breakLink
        case failSync
        case jumpClock
        case moveLeadership

        func isOn(_ options: SimulationOptions) -> Bool {
            switch self {
            case .losePower, .losePowerWhileWriting: options.powerFails
            case .kill: options.processesDie
            case .pause: options.processesPause
            case .isolate, .split, .oneWay: options.networkParts
            case .breakLink: options.linksBreak
            case .failSync: options.syncsFail
            case .jumpClock: options.clocksJump
            case .moveLeadership: options.leadershipMoves
            }
        }
    }

    /// Does something bad, and schedules the next.
    func injectFault() throws(Violation) {
        guard !isHealing else { return }
        schedule(.fault, after: 1 + random.below(options.faultInterval.nanoseconds * 2))
        let kinds = Fault.allCases.filter { $0.isOn(options) }
        guard !kinds.isEmpty else { return }
        counts.faults += 1
        let place = random.below(nodes.count)
        note(6, UInt64(place))
        try inject(kinds[random.below(kinds.count)], at: place)
    }

    private func inject(_ fault: Fault, at place: Int) throws(Violation) {
        let node = nodes[place]
        switch fault {
        case .losePower: stop(place, losingPower: true)
        case .losePowerWhileWriting: node.disk.changesUntilStop = random.below(30)
        case .kill: stop(place, losingPower: false)
        case .pause:
            guard node.process != nil else { return }
            node.pausedUntil = now + random.below(UInt64(3) * options.stalenessBound.nanoseconds)
        case .isolate:
            for peer in nodes.indices where peer != place { blockBothWays(place, peer) }
            scheduleHealing()
        case .split:
            let sides = nodes.indices.map { _ in random.chance(1, in: 2) }
            for left in nodes.indices {
                for right in nodes.indices where left < right && sides[left] != sides[right] {
                    blockBothWays(left, right)
                }
            }
            scheduleHealing()
        case .oneWay:
            let peer = random.below(nodes.count)
            if peer != place { network.block(from: place, to: peer, true) }
            scheduleHealing()
        case .breakLink:
            let peer = random.below(nodes.count)
            guard peer != place, node.process != nil, nodes[peer].process != nil else { return }
            disconnect(place, peer)
            connect(place, peer)
        case .failSync: node.disk.syncsUntilFailure = random.below(5)
        case .jumpClock:
            let hours = Int64(random.below(UInt64(5))) - 2
            node.clock.wallOffset +=
                hours * 3_600_000_000_000 + Int64(random.below(UInt64(2_000_000_000))) - 1_000_000_000
        case .moveLeadership:
            guard node.pausedUntil <= now else { return }
            try wake(place, .fault) { replica, time, effects in
                replica.step(.transferLeadership(to: nil), at: time, into: &effects)
            }
        }
    }

    private func blockBothWays(_ left: Int, _ right: Int) {
        network.block(from: left, to: right, true)
        network.block(from: right, to: left, true)
    }

    private func scheduleHealing() { schedule(.heal, after: random.below(UInt64(2_000_000_000))) }

    // MARK: - The end

    /// Ends all faults and clients, and demands that the cluster takes a write and agrees.
    func heal() throws(Violation) {
        isHealing = true
        network.heal()
        network.isCalm = true
        for (place, node) in nodes.enumerated() {
            node.pausedUntil = min(node.pausedUntil, now)
            node.disk.changesUntilStop = nil
            node.disk.syncsUntilFailure = nil
            if node.process == nil { schedule(.start(node: place), after: 0) }
        }
        for left in nodes.indices {
            for right in nodes.indices where left < right {
                disconnect(left, right)
                connect(left, right)
            }
        }
        // Once all run and are connected, an election may take a few rounds; a write must then go through.
        try runUntil(now + 60_000_000) { false }
        let limit = now + options.electionTimeout.nanoseconds * 10
        clients[0].beginFinalWrite()
        schedule(.act(client: 0), after: 0)
        try runUntil(limit) { clients[0].hasFinalAnswer }
        guard clients[0].hasFinalAnswer else {
            throw Violation("no write succeeds within 10 election timeouts after everything was healed")
        }
        let end = now + options.electionTimeout.nanoseconds * 40
        try runUntil(end) { clients.allSatisfy(\.isIdle) && hasConverged }
        guard hasConverged else { throw Violation("the nodes do not converge after everything was healed") }
        guard clients.allSatisfy(\.isIdle) else { throw Violation("a client waits for ever") }
    }

    private var hasConverged: Bool {
        let replicas = nodes.compactMap { $0.process?.replica }
        guard replicas.count == nodes.count, let first = replicas.first else { return false }
        let hash = first.stateMachine.stateHash
        return checker.chain.count == Int(first.stateMachine.index.rawValue)
            && replicas.allSatisfy {
                $0.stateMachine.index == first.stateMachine.index && $0.stateMachine.stateHash == hash
            }
    }
}
