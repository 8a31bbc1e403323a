// Pemba: from one membership configuration to the next.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What becomes of one node in a change.
package enum MemberChange: Sendable, Hashable {
    /// It votes.
    case voter(NodeID)
    /// It learns; a voter is demoted.
    case learner(NodeID)
    /// It is no member any more.
    case removal(NodeID)
}

/// Why one configuration cannot follow another.
package enum ConfigurationChangeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A joint configuration must be left before another change.
    case alreadyJoint
    /// There is no joint configuration to leave.
    case notJoint
    /// Without voters nobody can decide on a change.
    case noVotersToBegin
    /// Nobody would be left to vote.
    case noVotersLeft
    /// So many voters cannot change without a joint configuration.
    case tooManyVoters(changed: Int)

    package var description: String {
        switch self {
        case .alreadyJoint: "two sets of voters decide together: wait until that change is complete, then ask again"
        case .notJoint: "one set of voters decides alone: there is no joint configuration to leave"
        case .noVotersToBegin: "nobody votes yet: a cluster begins with voters in its first log entry"
        case .noVotersLeft: "nobody would vote any more: name at least one voter"
        case .tooManyVoters(let changed):
            "\(changed) voters would change at once: only one may without a joint configuration"
        }
    }
}

extension RaftConfiguration {
    /// The configuration after `changes`, which alter the set of voters by one at most.
    ///
    /// Majorities of the two then overlap, so that no joint configuration is needed between them.
    package func changed(_ changes: [MemberChange]) throws(ConfigurationChangeError) -> RaftConfiguration {
        guard !isJoint else { throw .alreadyJoint }
        let result = try applying(changes)
        let changed = voters.filter { !result.voters.contains($0) } + result.voters.filter { !voters.contains($0) }
        guard changed.count <= 1 else { throw .tooManyVoters(changed: changed.count) }
        return result
    }

    /// The joint configuration in which today's voters and those after `changes` decide together.
    package func enteringJoint(
        _ changes: [MemberChange],
        autoLeave: Bool
    ) throws(ConfigurationChangeError) -> RaftConfiguration {
        guard !isJoint else { throw .alreadyJoint }
        guard !voters.isEmpty else { throw .noVotersToBegin }
        var joint = self
        joint.outgoingVoters = voters
        joint.autoLeave = autoLeave
        return try joint.applying(changes)
    }

    /// The configuration after a joint one: its incoming voters alone decide.
    package func leavingJoint() throws(ConfigurationChangeError) -> RaftConfiguration {
        guard isJoint else { throw .notJoint }
        var result = self
        for node in nextLearners { result.learners.insertAscending(node) }
        result.nextLearners = []
        result.outgoingVoters = []
        result.autoLeave = false
        let remaining = result.members
        for node in outgoingVoters where !remaining.contains(node) { result.removed.insertAscending(node) }
        result.forgetWhoLeft()
        return result
    }

    /// Sets where members are reached.
    func reached(at changed: [MemberAddresses]) -> RaftConfiguration {
        var result = self
        result.addresses.removeAll { old in changed.contains { $0.node == old.node } }
        result.addresses = (result.addresses + changed).sorted { $0.node < $1.node }
        return result
    }

    /// Keeps what is noted about members only.
    private mutating func forgetWhoLeft() {
        let members = members
        addresses.removeAll { !members.contains($0.node) }
        awaited.removeAll { !members.contains($0) }
    }

    // MARK: One change after the other

    private func applying(_ changes: [MemberChange]) throws(ConfigurationChangeError) -> RaftConfiguration {
        var result = self
        for change in changes {
            switch change {
            case .voter(let node): result.makeVoter(node)
            case .learner(let node): result.makeLearner(node)
            case .removal(let node): result.remove(node)
            }
        }
        guard !result.voters.isEmpty else { throw .noVotersLeft }
        result.forgetWhoLeft()
        return result
    }

    private mutating func makeVoter(_ node: NodeID) {
        learners.removeAscending(node)
        nextLearners.removeAscending(node)
        removed.removeAscending(node)
        voters.insertAscending(node)
    }

    /// A voter of the outgoing half keeps its vote there, and learns once that half is gone.
    private mutating func makeLearner(_ node: NodeID) {
        voters.removeAscending(node)
        removed.removeAscending(node)
        if outgoingVoters.contains(node) {
            nextLearners.insertAscending(node)
        } else {
            learners.insertAscending(node)
        }
    }

    private mutating func remove(_ node: NodeID) {
        guard members.contains(node) else { return }
        voters.removeAscending(node)
        learners.removeAscending(node)
        nextLearners.removeAscending(node)
        // A voter of the outgoing half remains a member until that half is gone.
        if !outgoingVoters.contains(node) { removed.insertAscending(node) }
    }
}

extension [NodeID] {
    /// Adds `node` in its place in an ascending list without repeats, unless it is there.
    mutating func insertAscending(_ node: NodeID) {
        var position = count
        while position > 0, self[position - 1] >= node { position -= 1 }
        if position == count || self[position] != node { insert(node, at: position) }
    }

    /// Takes `node` out of a list, if it is there.
    mutating func removeAscending(_ node: NodeID) { removeAll { $0 == node } }
}
