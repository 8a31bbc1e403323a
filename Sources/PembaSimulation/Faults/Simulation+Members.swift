// Pemba: an operator of a simulated cluster, and machines that lose everything.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaStorage

extension Simulation {
    /// Voters that an operator wants at most.
    private static let votersMax = 7

    // MARK: - Who counts

    /// The configurations by which some leader may decide now.
    private var configurationsInLogs: [RaftConfiguration] {
        let running = nodes.compactMap { $0.process?.replica.configuration }
        return [memberships.settled.configuration] + memberships.pending.map(\.configuration)
            + running.filter { !$0.voters.isEmpty }
    }

    /// Those, and the ones that follow when nodes have caught up.
    var countingConfigurations: [RaftConfiguration] {
        let found = configurationsInLogs
        return found + found.compactMap(\.goal).map { RaftConfiguration(voters: $0.voters) }
    }

    /// Whether the nodes at `places` decide, whichever of the configurations is in force.
    func areQuorum(_ places: [Int], of configurations: [RaftConfiguration]) -> Bool {
        configurations.allSatisfy { configuration in
            configuration.quorum.result { id in places.contains { nodes[$0].id == id } } == .won
        }
    }

    /// Whether a node votes, or is to, and has lost its data: it is refused.
    func isLost(_ place: Int) -> Bool {
        nodes[place].isWiped && countingConfigurations.contains { $0.quorum.contains(nodes[place].id) }
    }

    /// The nodes whose disks have kept everything.
    var goodPlaces: [Int] { nodes.indices.filter { !nodes[$0].isRotten && !isLost($0) } }

    /// Whether the rest would still be a majority of good disks: no more can be healed by nodes alone.
    func mayLose(_ place: Int) -> Bool {
        areQuorum(goodPlaces.filter { $0 != place }, of: countingConfigurations)
    }

    /// Whether a disk may be damaged: not one that was emptied, once its node has heard of a term or has a first entry, as
    /// that damage looks like the rest of a log.
    func mayDamage(_ place: Int) -> Bool {
        let node = nodes[place]
        let term = node.process?.replica.leadership.term ?? node.durable.hardState.term
        let isBlank = term <= Term.first && !node.isMadeAnew
        return (!node.isWiped || isBlank) && mayLose(place)
    }

    // MARK: - Loss

    /// Who loses its data: as often as not a node that learns, which is to get it again.
    func victim(orElse place: Int, _ random: inout SeededRandom) -> Int {
        let learners = nodes.indices.filter { memberships.settled.configuration.learners.contains(nodes[$0].id) }
        guard !learners.isEmpty, random.chance(1, in: 2) else { return place }
        return learners[random.below(learners.count)]
    }

    /// Takes away a machine's data folder; it comes back with an empty one.
    ///
    /// A voter is then to be refused. That is promised from the moment that all others know that it has taken part.
    func wipe(_ place: Int, _ random: inout SeededRandom) {
        let node = nodes[place]
        guard !isLost(place), mayLose(place) else { return }
        let votes = configurationsInLogs.contains { $0.quorum.contains(node.id) }
        let settled = memberships.settled
        if votes {
            let others = nodes.filter { settled.configuration.members.contains($0.id) && $0.id != node.id }
            let allKnow = others.allSatisfy { $0.durable.holds(settled.index, term: settled.term) }
            guard allKnow, settled.configuration.awaited.isEmpty else { return }
        }
        let isMadeAnew = mayMakeAnew(place) && random.chance(1, in: 2)
        guard replaceDisk(of: place, isMadeAnew: isMadeAnew, seed: random.next()) else { return }
        counts.wipes += 1
        let how = isMadeAnew ? " and is made anew as a node of a new cluster" : ""
        narrate("node \(node.id), which \(votes ? "votes" : "does not vote"), has lost its data\(how)")
    }

    /// Whether an operator may mistake a member for one of a new cluster: one of the first, which does not vote any more and
    /// is not to.
    ///
    /// Alone it would be that cluster; otherwise it is to be refused. That is promised from the moment that all who hold
    /// anything know that it has taken part.
    private func mayMakeAnew(_ place: Int) -> Bool {
        let settled = memberships.settled
        guard options.nodeCount > 1, place < options.nodeCount,
            settled.configuration.learners.contains(nodes[place].id),
            settled.configuration.awaited.isEmpty,
            !countingConfigurations.contains(where: { $0.quorum.contains(nodes[place].id) })
        else { return false }
        return nodes.indices.allSatisfy { other in
            let durable = nodes[other].durable
            return other == place || durable.last == .zero || durable.holds(settled.index, term: settled.term)
        }
    }

    /// An operator hears sooner or later why a node is refused that was made anew, and starts it with nothing.
    private func emptyAgain(_ place: Int) {
        guard isHealing || random.chance(1, in: 8), !isLost(place) else { return }
        guard replaceDisk(of: place, isMadeAnew: false, seed: random.next()) else { return }
        narrate("node \(nodes[place].id) is to start with nothing")
    }

    /// Gives a machine a new disk, with what a node of a new cluster begins with or nothing; false if it cannot be made.
    private func replaceDisk(of place: Int, isMadeAnew: Bool, seed: UInt64) -> Bool {
        let node = nodes[place]
        let entries = isMadeAnew ? [Simulation.firstEntry(options)] : []
        guard let disk = try? makeDisk(of: node.id, seed: seed, firstEntries: entries),
            let durable = try? DurableLog(of: node.id, firstEntries: entries)
        else { return false }
        stop(place, losingPower: true)
        node.disk = disk
        node.lost = countingConfigurations.contains { $0.quorum.contains(node.id) } ? node.durable : nil
        node.durable = durable
        (node.isWiped, node.isRotten, node.isMadeAnew) = (true, false, isMadeAnew)
        return true
    }

    /// A node that has lost everything may have been given something: not as long as it votes everywhere.
    func noteReturn(of place: Int) throws(Violation) {
        let node = nodes[place]
        guard node.process?.replica.logContent == .more else { return }
        guard !node.isMadeAnew else {
            throw Violation("node \(node.id) was made anew as a node of a new cluster, and is given its data again")
        }
        let votes = configurationsInLogs.allSatisfy { $0.quorum.contains(node.id) }
        guard node.lost == nil || !votes else {
            throw Violation("node \(node.id) votes, has lost its data, and is given it again under its old id")
        }
        node.isWiped = false
    }

    /// Whether two nodes get no connection because one has lost its data; they try again after a while.
    func refuse(_ place: Int, _ peer: Int, _ event: SimulationEvent) -> Bool {
        guard let this = nodes[place].process, let other = nodes[peer].process else { return false }
        let isAccepted =
            this.replica.isEnough(other.replica.logContent, for: other.replica.id)
            && other.replica.isEnough(this.replica.logContent, for: this.replica.id)
        guard !isAccepted else {
            network.connect(place, peer)
            return false
        }
        if !network.isApart(place, peer) { disconnect(place, peer) }
        counts.refusals += 1
        for refused in [place, peer] where nodes[refused].isMadeAnew { emptyAgain(refused) }
        schedule(event, after: options.electionTimeout.nanoseconds)
        return true
    }

    /// Breaks the connections to nodes that have too little for what this one knows by now; they try again.
    func checkGreetings(of place: Int) {
        guard let this = nodes[place].process else { return }
        for peer in nodes.indices where peer != place {
            guard let other = nodes[peer].process else { continue }
            guard this.replica.hasTooLittle(other.replica.id, other.replica.logContent), !network.isApart(place, peer)
            else { continue }
            disconnect(place, peer)
            connect(place, peer)
        }
    }

    // MARK: - The operator

    /// An operator asks for something, unless all comes to its end.
    func operate() throws(Violation) {
        guard !isHealing else { return }
        var random = self.random.split()
        try changeMembers(&random)
    }

    /// Asks the leader for another membership, if there is one, and if it can be had.
    func changeMembers(_ random: inout SeededRandom) throws(Violation) {
        let leaders = nodes.indices.filter { place in
            guard let process = nodes[place].process, nodes[place].pausedUntil <= now else { return false }
            return process.replica.leadership.role == .leader
        }
        let newest = leaders.max { left, right in
            term(of: left) < term(of: right)
        }
        guard let place = newest, let process = nodes[place].process else { return }
        let configuration = process.replica.configuration
        var request: MembershipRequest
        if configuration.goal != nil {
            guard random.chance(1, in: 4) else { return }
            request = .abandon
        } else {
            guard let goal = goal(after: configuration, &random) else { return }
            request = .reach(goal)
        }
        var expected = process.replica.membershipIndex
        let commit = process.replica.commit
        let isEarly = commit < expected || process.replica.term(at: commit) != process.replica.leadership.term
        let mistake = drawMistake(&random)
        switch mistake {
        case .none: break
        case .oldLook: expected = expected.previous
        case .removedNode:
            guard let gone = configuration.removed.first else { return }
            request = .reach(MembershipGoal(voters: configuration.voters, learners: configuration.learners + [gone]))
        }
        var outcome = MembershipOutcome.transferring
        try wake(place, .fault) { replica, time, effects in
            outcome = replica.changeMembership(request, ifConfigurationIsAt: expected, at: time, into: &effects)
        }
        narrate("node \(nodes[place].id) is asked for \(request): \(outcome)")
        guard case .appended = outcome else { return }
        guard mistake == .none else {
            throw Violation("node \(nodes[place].id) changes the members, although the operator errs: \(mistake)")
        }
        guard !isEarly else {
            throw Violation("node \(nodes[place].id) changes the members before it has settled how they were")
        }
        counts.membershipChanges += 1
        hurry()
    }

    /// Now and then an operator asks as soon as there is a leader, or one change is begun: too early, as a rule.
    func hurry() {
        guard options.has(.members), !isHealing, random.chance(1, in: 4) else { return }
        schedule(.operate, after: random.below(UInt64(2_000_000)))
    }

    /// What an operator may get wrong, and must be told.
    private enum Mistake {
        case none
        /// The members have changed since they were looked at.
        case oldLook
        /// A node that was removed is to come back under its id.
        case removedNode
    }

    private func drawMistake(_ random: inout SeededRandom) -> Mistake {
        switch random.below(12) {
        case 0: .oldLook
        case 1: .removedNode
        default: .none
        }
    }

    private func term(of place: Int) -> Term { nodes[place].process?.replica.leadership.term ?? .zero }

    /// Another membership, which the good disks can decide on; nil if what was drawn makes no sense.
    private func goal(after old: RaftConfiguration, _ random: inout SeededRandom) -> MembershipGoal? {
        guard !old.isJoint else { return nil }
        var (voters, learners) = (old.voters, old.learners)
        let lost = nodes.filter { $0.isWiped && old.members.contains($0.id) }.map(\.id)
        let one = lost.isEmpty || random.chance(1, in: 2) ? voters[random.below(voters.count)] : lost[0]
        switch random.below(7) {
        case 0:
            guard let new = addMachine(&random) else { return nil }
            learners.append(new)
        case 1:
            guard let new = addMachine(&random) else { return nil }
            voters.append(new)
        case 2:
            guard !learners.isEmpty else { return nil }
            voters.append(learners.remove(at: random.below(learners.count)))
        case 3:
            voters.removeAll { $0 == one }
            learners.append(one)
        case 4:
            voters.removeAll { $0 == one }
            learners.removeAll { $0 == one }
        case 5:
            guard let new = addMachine(&random) else { return nil }
            voters.removeAll { $0 == one }
            learners.removeAll { $0 == one }
            voters.append(new)
        default:
            let all = voters + learners
            voters = all.filter { _ in random.chance(2, in: 3) }
            learners = all.filter { !voters.contains($0) && random.chance(2, in: 3) }
        }
        guard !voters.isEmpty, voters.count <= Simulation.votersMax else { return nil }
        // Who has lost its data must not get a vote again.
        let isLost = lost.contains { voters.contains($0) && !old.voters.contains($0) }
        guard !isLost, areQuorum(goodPlaces, of: [RaftConfiguration(voters: voters)]) else { return nil }
        return MembershipGoal(voters: voters, learners: learners)
    }

    /// A new machine with a node that waits to be added.
    private func addMachine(_ random: inout SeededRandom) -> NodeID? {
        guard nodes.count < options.placesMax, let node = try? makeBlankNode(&random) else { return nil }
        nodes.append(node)
        reachable.append(nodes.count - 1)
        schedule(.start(node: nodes.count - 1), after: 0)
        return node.id
    }
}
