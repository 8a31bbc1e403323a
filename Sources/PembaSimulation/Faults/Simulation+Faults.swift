// Pemba: making things go wrong.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaStorage

extension Simulation {
    /// Does something bad, and schedules the next.
    func injectFault() throws(Violation) {
        guard !isHealing else { return }
        schedule(.fault, after: 1 + faultRandom.below(options.faultInterval.nanoseconds * 2))
        var kinds = Fault.allCases.filter { $0.isEvent && options.faults.contains($0) }
        guard !kinds.isEmpty else { return }
        // A change of the membership takes many steps, and something should happen during each.
        if options.faults.contains(.members) { kinds += [.members, .members, .members] }
        let fault = kinds[faultRandom.below(kinds.count)]
        var place = faultRandom.below(nodes.count)
        var random = faultRandom.split()
        var peer = random.below(nodes.count)
        // Snapshots are under way for little of a run's time, and something should happen meanwhile.
        if let transfer = drawTransfer(&random), random.chance(1, in: 2) {
            let isReceiver = random.chance(1, in: 2)
            place = isReceiver ? transfer.receiver : transfer.source
            peer = isReceiver ? transfer.source : transfer.receiver
        }
        guard options.has(fault) else { return }
        counts.faults += 1
        note(6, UInt64(place))
        narrate("\(fault.rawValue) at node \(nodes[place].id)")
        try inject(fault, at: place, with: peer, &random)
    }

    private func inject(
        _ fault: Fault,
        at place: Int,
        with peer: Int,
        _ random: inout SeededRandom
    ) throws(Violation) {
        let node = nodes[place]
        switch fault {
        case .losePower: stop(place, losingPower: true)
        case .losePowerWhileWriting: node.disk.changesUntilStop = random.below(30)
        case .blackout: for other in nodes.indices { stop(other, losingPower: true) }
        case .kill: stop(place, losingPower: false)
        case .pause:
            guard node.process != nil else { return }
            node.pausedUntil = now + random.below(UInt64(3) * options.stalenessBound.nanoseconds)
        case .isolate, .split, .oneWay, .bridge, .chain:
            part(fault, at: place, with: peer, &random)
            schedule(.heal, after: random.below(options.electionTimeout.nanoseconds * 12))
        case .breakLink:
            guard peer != place, node.process != nil, nodes[peer].process != nil else { return }
            disconnect(place, peer)
            connect(place, peer)
        case .rot:
            guard mayDamage(place), node.disk.rotSomewhere(in: SimulatedNode.folder) else { return }
            node.isRotten = true
            // Found before its node hears of a term.
            if node.isWiped { stop(place, losingPower: false) }
        case .misdirectedRead:
            guard mayDamage(place), !node.isWiped else { return }
            node.isRotten = true
            node.disk.misdirectsNextRead = true
        case .failSync: node.disk.syncsUntilFailure = random.below(5)
        case .fullDisk:
            node.disk.fill(leaving: random.below(random.chance(1, in: 2) ? 4_096 : 65_536))
            let time = random.below(options.electionTimeout.nanoseconds * 12)
            schedule(.diskEmptied(node: place), after: time)
        case .hungDisk:
            node.diskHungUntil = now + random.below(options.electionTimeout.nanoseconds * 12)
        case .clockJump:
            let hours = Int64(random.below(UInt64(5))) - 2
            node.clock.wallOffset +=
                hours * 3_600_000_000_000 + Int64(random.below(UInt64(2_000_000_000))) - 1_000_000_000
        case .transfer:
            guard node.pausedUntil <= now else { return }
            try wake(place, .fault) { replica, time, effects in
                replica.step(.transferLeadership(to: nil), at: time, into: &effects)
            }
        case .upgrade: upgradeNext()
        case .members: try changeMembers(&random)
        case .wipe: wipe(victim(orElse: place, &random), &random)
        case .loss, .duplication, .stragglers, .clockDrift: preconditionFailure("\(fault) is no event")
        }
    }

    // MARK: - The network

    /// Lets some directions between nodes pass nothing.
    private func part(_ fault: Fault, at place: Int, with peer: Int, _ random: inout SeededRandom) {
        switch fault {
        case .isolate:
            for peer in nodes.indices where peer != place { blockBothWays(place, peer) }
        case .split, .bridge:
            // Of a bridge, the node at `place` is on both sides.
            let sides = nodes.indices.map { _ in random.chance(1, in: 2) }
            forEachPair { left, right in
                let isBridged = fault == .bridge && (left == place || right == place)
                if sides[left] != sides[right], !isBridged { blockBothWays(left, right) }
            }
        case .chain:
            var order = Array(nodes.indices)
            for place in order.indices.dropLast() { order.swapAt(place, place + random.below(order.count - place)) }
            let position = order.indices.sorted { order[$0] < order[$1] }
            forEachPair { left, right in
                if abs(position[left] - position[right]) > 1 { blockBothWays(left, right) }
            }
        default:
            if peer != place { network.block(from: place, to: peer, true) }
        }
    }

    func blockBothWays(_ left: Int, _ right: Int) {
        network.block(from: left, to: right, true)
        network.block(from: right, to: left, true)
    }

    /// Every two nodes once, the first being the one of the lower place.
    func forEachPair(_ body: (Int, Int) -> Void) {
        for left in nodes.indices {
            for right in nodes.indices where left < right { body(left, right) }
        }
    }
}
