// Pemba: changing the members on an operator's word.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaWire

extension Node {
    /// Looks at the members or begins to change them, if this node leads.
    ///
    /// Nodes that are new, or are to be reached elsewhere, are called first: nothing changes if one does not answer as the
    /// node that it should be.
    func changeMembership(_ request: PendingRequest, _ message: MembershipMessage) throws(ServiceError) {
        guard replica.leadership.role == .leader else { throw notLeading() }
        let contacts: [MemberAddresses]
        switch message.change {
        case nil, .abandon: contacts = []
        case .transferLeadership(let node): return try transferLeadership(to: node, request)
        case .relocate(let contact):
            contacts = [MemberAddresses(contact)]
        case .reach(let voters, let learners, let given):
            contacts = given.map(MemberAddresses.init)
            try check(voters + learners, contacts)
        }
        guard message.change == nil || message.expected == replica.membershipIndex else {
            throw .refused(.stale(expected: message.expected, actual: replica.membershipIndex))
        }
        guard admit(request) else { return }
        probe(contacts[...]) { error in
            do throws(ServiceError) {
                if let error { throw error }
                self.answer(request, try self.begin(message, request))
            } catch {
                let client = request.client
                self.audit.failed(
                    event: RequestKind.membership.name,
                    caller: client.name,
                    address: client.address,
                    reason: error.code
                )
                self.fail(request, error)
            }
        }
    }

    private func check(_ nodes: [NodeID], _ contacts: [MemberAddresses]) throws(ServiceError) {
        guard nodes.count <= NodeConfiguration.membersMax else {
            throw ServiceError(
                .limitExceeded,
                "\(nodes.count) members are too many: at most \(NodeConfiguration.membersMax) vote or learn"
            )
        }
        let members = replica.configuration.members
        for node in nodes where !members.contains(node) && !contacts.contains(where: { $0.node == node }) {
            throw ServiceError(.invalidArgument, "node \(node) is new, and where it is reached was not said")
        }
        // All of them would be called before the core says so.
        for node in nodes where replica.configuration.removed.contains(node) { throw .refused(.removedNode(node)) }
        for (place, contact) in contacts.enumerated() {
            for other in members where other != contact.node {
                guard let known = addresses(of: other) else { continue }
                guard known.client != contact.client, known.peer != contact.peer else {
                    throw ServiceError(
                        .invalidArgument,
                        "node \(other) is reached at \(known.peer) and \(known.client) already: node \(contact.node) is elsewhere"
                    )
                }
            }
            guard nodes.contains(contact.node) else { throw .refused(.notMember(contact.node)) }
            guard !contacts[..<place].contains(where: { $0.node == contact.node }) else {
                throw .refused(.twoAddresses(contact.node))
            }
        }
    }

    /// Calls one node after the other, but for this one and those that it is connected to where they are said to be;
    /// `completion` gets the first error.
    private func probe(_ contacts: ArraySlice<MemberAddresses>, _ completion: @escaping (ServiceError?) -> Void) {
        guard let first = contacts.first else { return completion(nil) }
        let link = links.first { $0.peer.node == first.node }
        let isConnected = link.map { $0.isUp && $0.peer.peer == first.peer } ?? false
        guard first.node != configuration.node, !isConnected else { return probe(contacts.dropFirst(), completion) }
        let probe = PeerProbe(node: self, contact: first) { error in
            if let error { return completion(error) }
            self.probe(contacts.dropFirst(), completion)
        }
        probe.start()
    }

    /// The entry with which the change began; nil if only the members were asked for.
    private func begin(_ message: MembershipMessage, _ request: PendingRequest) throws(ServiceError) -> LogIndex? {
        guard let change = message.change else { return nil }
        guard phase == .running else { throw .shuttingDown }
        // Whoever asked does not wait any more, and may have looked and found nothing changed.
        guard SystemClock.now() < request.deadline else {
            throw ServiceError(.deadlineExceeded, "calling the nodes took too long: nothing was changed")
        }
        guard let wanted = MembershipRequest(change) else { preconditionFailure("\(change) is no change of members") }
        let outcome = drive { replica, time, effects in
            replica.changeMembership(wanted, ifConfigurationIsAt: message.expected, at: time, into: &effects)
        }
        scheduleTurnEnd()
        switch outcome {
        case .appended(let index, _):
            let client = request.client
            audit.changedMembers(caller: client.name, address: client.address, change: "\(change)", index: index)
            return index
        case .notLeader: throw notLeading()
        case .transferring:
            throw ServiceError(.unavailable, "leadership is being handed over: ask the next leader in a moment")
        case .refused(let refusal): throw .refused(refusal)
        }
    }

    private func transferLeadership(to node: NodeID?, _ request: PendingRequest) throws(ServiceError) {
        let voters = replica.configuration.voters
        if let node, !voters.contains(node) {
            throw ServiceError(.invalidArgument, "node \(node) does not vote, so it cannot lead")
        }
        guard voters.contains(where: { $0 != configuration.node }) else {
            throw ServiceError(.invalidArgument, "no other node votes: there is nobody to hand leadership to")
        }
        if let node, node != configuration.node, !links.contains(where: { $0.peer.node == node && $0.isUp }) {
            throw ServiceError(.unavailable, "node \(node) is not connected, so it cannot lead now")
        }
        guard admit(request) else { return }
        let client = request.client
        audit.changedMembers(
            caller: client.name,
            address: client.address,
            change: "transferLeadership(to: \(node.map(\.description) ?? "the best"))",
            index: nil
        )
        step(.transferLeadership(to: node))
        answer(request, nil)
    }

    private func answer(_ request: PendingRequest, _ entry: LogIndex?) {
        let answer = MembershipAnswer(entry: entry, status: status())
        request.client.send(.membershipAnswer, request.correlation) { answer.encode(into: &$0) }
        complete(request)
    }

    private func notLeading() -> ServiceError {
        let leader = replica.leadership.leader
        return ServiceError(
            .noLeader,
            "only the leader knows and changes the members, and this node does not lead; ask "
                + (leader.map { "node \($0)" } ?? "again after an election"),
            details: leader.map { [.init("leader", $0.description)] } ?? []
        )
    }
}

extension ServiceError {
    /// The leader does not begin a change of the members.
    static func refused(_ refusal: MembershipRefusal) -> ServiceError {
        switch refusal {
        case .stale(_, let actual):
            ServiceError(
                .preconditionFailed,
                refusal.description,
                details: [.init("configuration", actual.description)]
            )
        case .changeUnderWay, .nothingToAbandon, .unchanged:
            ServiceError(.preconditionFailed, refusal.description)
        case .leaderIsNew: ServiceError(.unavailable, refusal.description)
        default: ServiceError(.invalidArgument, refusal.description)
        }
    }
}

extension MembershipRequest {
    /// What the core is asked for; nil for what is no change of members.
    fileprivate init?(_ change: MembershipChange) {
        switch change {
        case .reach(let voters, let learners, let contacts):
            let goal = MembershipGoal(voters: voters, learners: learners)
            self = .reach(goal, addresses: contacts.map(MemberAddresses.init))
        case .abandon: self = .abandon
        case .relocate(let contact): self = .relocate(MemberAddresses(contact))
        case .transferLeadership: return nil
        }
    }
}

extension MemberAddresses {
    fileprivate init(_ contact: MemberContact) {
        self.init(node: contact.node, peer: contact.peer, client: contact.client)
    }
}
