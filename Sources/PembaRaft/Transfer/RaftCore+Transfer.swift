// Pemba: handing leadership over.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Begins to hand leadership to `target`, or to the best voter (dissertation, 3.10).
    ///
    /// Ignored if this node does not lead, if the target is this node or no voter, and if a hand-over to the same
    /// target is under way.
    mutating func transferLeadership(to target: NodeID?, into effects: inout [RaftEffect]) {
        guard role == .leader, let target = target ?? bestSuccessor, target != id else { return }
        guard configuration.voters.contains(target), transfer?.target != target else { return }
        guard let position = peers.firstIndex(where: { $0.id == target }) else { return }
        transfer = LeadershipTransfer(target: target, deadline: now + options.electionTimeout)
        sendAppends(to: position, into: &effects)
        continueTransfer(with: position, into: &effects)
    }

    /// Tells the target to campaign once it has everything.
    mutating func continueTransfer(with position: Int, into effects: inout [RaftEffect]) {
        guard let transfer, transfer.target == peers[position].id, !transfer.isToldToCampaign else { return }
        guard peers[position].match == log.lastIndex else { return }
        self.transfer?.isToldToCampaign = true
        send(.timeoutNow, to: transfer.target, into: &effects)
    }

    /// Stops leading at once, in favour of the voter that has the most of the log.
    mutating func leaveOffice(into effects: inout [RaftEffect]) {
        if let successor = bestSuccessor { send(.timeoutNow, to: successor, into: &effects) }
        becomeFollower(term: term, leader: nil, into: &effects)
    }

    /// The voter that has been heard from and has the most of the log; the first of equals.
    var bestSuccessor: NodeID? {
        var best: PeerProgress?
        for peer in peers where configuration.voters.contains(peer.id) {
            guard now - peer.lastContact < options.electionTimeout else { continue }
            if let known = best, known.match >= peer.match { continue }
            best = peer
        }
        return best?.id
    }
}
