// Pemba: the configurations on the way to a goal.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftConfiguration {
    /// The first configuration on the way to `goal`.
    ///
    /// If all who are to vote do so already that is the goal itself, or the joint configuration before it. Otherwise
    /// those who do not become learners, and the goal is noted until they have caught up: a voter with an empty log
    /// would only make quorums harder to reach (dissertation, 4.2.1).
    func beginning(
        _ goal: MembershipGoal,
        addresses: [MemberAddresses]
    ) throws(MembershipRefusal) -> RaftConfiguration {
        try check(goal)
        for item in addresses where !goal.voters.contains(item.node) && !goal.learners.contains(item.node) {
            throw .notMember(item.node)
        }
        for (place, item) in addresses.enumerated() where addresses[..<place].contains(where: { $0.node == item.node })
        {
            throw .twoAddresses(item.node)
        }
        guard goal.voters.contains(where: { !voters.contains($0) }) else {
            let next = try reaching(goal).reached(at: addresses)
            guard next != self else { throw .unchanged }
            return next
        }
        var next = self
        let members = members
        for node in goal.voters + goal.learners where !members.contains(node) { next.learners.insertAscending(node) }
        next.goal = goal
        return next.reached(at: addresses)
    }

    /// The same members, one of whom is reached elsewhere.
    func relocating(_ member: MemberAddresses) throws(MembershipRefusal) -> RaftConfiguration {
        guard members.contains(member.node) else { throw .notMember(member.node) }
        let next = reached(at: [member])
        guard next != self else { throw .unchanged }
        return next
    }

    /// The configuration of `goal`, or the joint one before it if more than one voter changes.
    func reaching(_ goal: MembershipGoal) throws(MembershipRefusal) -> RaftConfiguration {
        var changes: [MemberChange] = []
        for node in members where !goal.voters.contains(node) && !goal.learners.contains(node) {
            changes.append(.removal(node))
        }
        for node in goal.voters where !voters.contains(node) { changes.append(.voter(node)) }
        for node in goal.learners where !learners.contains(node) { changes.append(.learner(node)) }
        let start = withoutGoal
        do throws(ConfigurationChangeError) {
            return try start.changed(changes)
        } catch {
            guard case .tooManyVoters = error else { throw .impossible(error) }
        }
        do throws(ConfigurationChangeError) {
            return try start.enteringJoint(changes, autoLeave: true)
        } catch {
            throw .impossible(error)
        }
    }

    /// The same members, who wait for nobody.
    var withoutGoal: RaftConfiguration {
        var result = self
        result.goal = nil
        return result
    }

    /// The learners of the goal that are to vote.
    var joiners: [NodeID] {
        guard let goal else { return [] }
        return goal.voters.filter { learners.contains($0) }
    }

    private func check(_ goal: MembershipGoal) throws(MembershipRefusal) {
        let limit = RaftConfiguration.listMax
        let count = goal.voters.count + goal.learners.count
        // While they catch up, those who go and those who come are learners side by side.
        let members = members
        let coming = (goal.voters + goal.learners).filter { !members.contains($0) }
        guard count <= limit, members.count + coming.count <= limit else {
            throw .tooManyMembers(count: max(count, members.count + coming.count), limit: limit)
        }
        var seen: [NodeID] = []
        for node in goal.voters + goal.learners {
            if node == NodeID(0) { throw .nodeZero }
            if seen.contains(node) { throw .twoRoles(node) }
            if removed.contains(node), !planted("takes-removed-id") { throw .removedNode(node) }
            seen.append(node)
        }
        guard !goal.voters.isEmpty else { throw .impossible(.noVotersLeft) }
        let going = members.filter { !seen.contains($0) }.count
        guard removed.count + going <= RaftConfiguration.removedMax else {
            throw .tooManyRemoved(limit: RaftConfiguration.removedMax)
        }
    }
}
