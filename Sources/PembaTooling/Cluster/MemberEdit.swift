// Pemba: what an operator wants done about one member.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// One thing to be done about the members, such that doing it twice is doing it once.
package enum MemberEdit: Equatable, Sendable {
    /// A new node is to vote, or to learn only.
    case add(MemberContact, votes: Bool)
    /// A node is to be no member any more.
    case remove(NodeID)
    /// A new node is to take the place of another.
    case replace(NodeID, by: MemberContact)
    /// A learner is to vote.
    case promote(NodeID)
    /// A voter is to learn only.
    case demote(NodeID)
    /// A member is reached elsewhere.
    case relocate(MemberContact)

    /// The change that leads from the members of `status` to those that are wanted; nil if they are that already, or on
    /// the way to it.
    package func change(from status: NodeStatus) throws(ToolError) -> MembershipChange? {
        let now = MemberSets(status)
        var wanted = now
        var contacts: [MemberContact] = []
        switch self {
        case .add(let contact, let votes):
            try MemberEdit.check(contact, status)
            guard votes || !now.voters.contains(contact.node) else {
                throw ToolError("node \(contact.node) votes: to take its vote use clusterctl member demote")
            }
            wanted.put(contact.node, votes: votes)
            contacts = [contact]
        case .remove(let node):
            guard node <= status.membership.highestNode ?? node else {
                throw ToolError("node \(node) never was a member: see clusterctl member list")
            }
            wanted.remove(node)
        case .replace(let old, let contact):
            guard old != contact.node else { throw ToolError("a new node has a new id: \(old) is that of the old one") }
            try MemberEdit.check(contact, status)
            guard now.contains(old) || now.contains(contact.node) else {
                throw ToolError("node \(old) is no member, so none can take its place: see clusterctl member list")
            }
            let votes = now.voters.contains(old) || now.voters.contains(contact.node)
            wanted.remove(old)
            wanted.put(contact.node, votes: votes)
            contacts = [contact]
        case .promote(let node), .demote(let node):
            let member = try MemberEdit.member(node, status)
            guard !member.hasLostData else {
                let wayOut =
                    member.role == .voter
                    ? "does not come back under its id: replace or remove it"
                    : "is refused: empty its data folder and start it with --join first"
                throw ToolError("node \(node) has lost its data, and \(wayOut)")
            }
            wanted.put(node, votes: self == .promote(node))
        case .relocate(let contact):
            let member = try MemberEdit.member(contact.node, status)
            return MemberEdit.isReached(member, at: contact) ? nil : .relocate(contact)
        }
        guard !wanted.voters.isEmpty else { throw ToolError("nobody would vote any more: nothing was changed") }
        guard wanted != now else { return nil }
        let isNew = { (contact: MemberContact) in !status.members.contains { $0.node == contact.node } }
        return .reach(voters: wanted.voters, learners: wanted.learners, contacts: contacts.filter(isNew))
    }

    /// Whether the members of `status` are as wanted, with nothing left to be done.
    package func isDone(in status: NodeStatus) -> Bool {
        guard status.membership.isSettled else { return false }
        do throws(ToolError) {
            return try change(from: status) == nil
        } catch {
            return false
        }
    }

    /// Where somebody is said to be reached; nil if nobody is.
    package var contact: MemberContact? {
        switch self {
        case .add(let contact, _), .replace(_, let contact), .relocate(let contact): contact
        case .remove, .promote, .demote: nil
        }
    }

    private static func member(_ node: NodeID, _ status: NodeStatus) throws(ToolError) -> MemberStatus {
        guard let member = status.members.first(where: { $0.node == node }) else {
            throw ToolError("node \(node) is no member: see clusterctl member list")
        }
        return member
    }

    private static func isReached(_ member: MemberStatus, at contact: MemberContact) -> Bool {
        member.peerAddress == contact.peer.description && member.clientAddress == contact.client.description
    }

    /// A node that is a member already must be the one that is meant.
    private static func check(_ contact: MemberContact, _ status: NodeStatus) throws(ToolError) {
        guard let member = status.members.first(where: { $0.node == contact.node }) else { return }
        guard isReached(member, at: contact) else {
            throw ToolError(
                "node \(contact.node) is a member already, reached at \(member.peerAddress) by nodes and at "
                    + "\(member.clientAddress) by clients: to change that use clusterctl member update-address"
            )
        }
    }
}

/// Who votes and who learns once what is under way is complete.
package struct MemberSets: Equatable {
    /// Ascending.
    package private(set) var voters: [NodeID]
    /// Ascending.
    package private(set) var learners: [NodeID]

    /// The members that `status` is on the way to.
    package init(_ status: NodeStatus) {
        func nodes(_ role: MemberRole) -> [NodeID] {
            status.members.filter { ($0.next ?? $0.role) == role }.map(\.node).sorted()
        }
        voters = nodes(.voter)
        learners = nodes(.learner)
    }

    func contains(_ node: NodeID) -> Bool { voters.contains(node) || learners.contains(node) }

    mutating func remove(_ node: NodeID) {
        voters.removeAll { $0 == node }
        learners.removeAll { $0 == node }
    }

    mutating func put(_ node: NodeID, votes: Bool) {
        remove(node)
        if votes { voters = (voters + [node]).sorted() } else { learners = (learners + [node]).sorted() }
    }
}
