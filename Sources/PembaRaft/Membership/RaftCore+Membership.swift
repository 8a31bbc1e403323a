// Pemba: how the membership changes.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// Begins to change who votes and who learns, if the configuration in force is still that of entry `expected`.
    ///
    /// Everything after the first step happens by itself, whoever leads by then: learners catch up and get their votes,
    /// and a joint configuration is left when it is committed.
    package mutating func changeMembership(
        _ request: MembershipRequest,
        ifConfigurationIsAt expected: LogIndex,
        now: Instant,
        wall: Timestamp,
        into effects: inout [RaftEffect]
    ) -> MembershipOutcome {
        guard role == .leader else { return .notLeader(leader: leader) }
        guard transfer == nil else { return .transferring }
        let next: RaftConfiguration
        do throws(MembershipRefusal) {
            next = try configuration(after: request, expected: expected)
        } catch {
            return .refused(error)
        }
        begin(now: now, wall: wall)
        appendConfiguration(next, into: &effects)
        let index = log.lastIndex
        finish(into: &effects)
        return .appended(index: index, term: term)
    }

    private func configuration(
        after request: MembershipRequest,
        expected: LogIndex
    ) throws(MembershipRefusal) -> RaftConfiguration {
        let (current, index) = (configuration, configurations.currentIndex)
        guard index == expected || planted("ignores-old-look") else { throw .stale(expected: expected, actual: index) }
        // Without an entry of its own term a leader may replace a configuration that a predecessor has committed
        // elsewhere, and two majorities that do not overlap decide (the error of 2015 in single-server changes).
        guard hasCommittedInTerm || planted("changes-too-early") else { throw .leaderIsNew }
        let isSettled = index <= commitIndex || planted("changes-while-changing")
        guard isSettled, !current.isJoint else { throw .changeUnderWay(index) }
        switch request {
        case .reach(let goal, let addresses):
            guard current.goal == nil else { throw .changeUnderWay(index) }
            return try current.beginning(goal, addresses: addresses)
        case .relocate(let member): return try current.relocating(member)
        case .abandon:
            guard current.goal != nil else { throw .nothingToAbandon }
            return current.withoutGoal
        }
    }

    /// Puts a configuration in force by appending it, and sends it to those whom it names.
    private mutating func appendConfiguration(_ next: RaftConfiguration, into effects: inout [RaftEffect]) {
        let payload = next.encoded
        // Everybody who gets the entry must be able to read it, or nobody ever starts again.
        precondition((try? RaftConfiguration(payload: payload)) == next, "a configuration that cannot be read: \(next)")
        let members = next.members
        departing += peers.map(\.id).filter { !members.contains($0) }
        // New members are asked about what is before the entry, which then is the first that they are sent.
        peers.follow(members.filter { $0 != id }, next: log.lastIndex.next, now: now)
        append(kind: .configuration, payloads: [payload])
        configurations.append(next, at: log.lastIndex)
        beginCatchUps()
        broadcastAppends(into: &effects)
        // Fewer may be needed for a quorum than before.
        advanceCommit(into: &effects)
        confirmReads(into: &effects)
    }

    /// Begins to watch those who are to vote, in this configuration or for this leader.
    mutating func beginCatchUps() {
        isMembershipSettled = false
        catchUps = configuration.joiners.map { CatchUp(node: $0, target: log.lastIndex, now: now) }
    }

    // MARK: Going on

    /// Takes the next step on the way to the membership that was asked for, if the one before is committed.
    mutating func advanceMembership(into effects: inout [RaftEffect]) {
        guard !isMembershipSettled, transfer == nil, hasCommittedInTerm else { return }
        guard configurations.currentIndex <= commitIndex || planted("leaves-joint-early") else { return }
        let current = configuration
        if current.isJoint {
            guard current.autoLeave, let next = try? current.leavingJoint() else { return }
            appendConfiguration(next, into: &effects)
        } else if let goal = current.goal {
            advanceCatchUps(to: goal, of: current, into: &effects)
        } else if let next = withoutThoseWhoCame(current) {
            appendConfiguration(next, into: &effects)
        } else {
            isMembershipSettled = current.awaited.isEmpty
            for node in departing {
                send(.removed(configuration: configurations.currentIndex), to: node, into: &effects)
            }
            departing = []
            // It has led until that was committed (dissertation, 4.2.2).
            if !current.voters.contains(id), !planted("removed-leader-stays") { leaveOffice(into: &effects) }
        }
    }

    /// The configuration that awaits those no more who have been seen to take part; nil if there are none.
    ///
    /// Once that is committed, one that comes with nothing has lost what it had. So this node is not among them before it
    /// holds an entry more durably: others may have committed without it.
    private func withoutThoseWhoCame(_ current: RaftConfiguration) -> RaftConfiguration? {
        // One that removes itself is done with its office when that is committed.
        guard !current.awaited.isEmpty, current.voters.contains(id), !planted("awaits-for-ever") else { return nil }
        var next = current
        next.awaited.removeAll { node in
            node == id ? durability.index > RaftCore.firstIndex : hasAcknowledgedMore(node)
        }
        return next == current ? nil : next
    }

    private mutating func advanceCatchUps(
        to goal: MembershipGoal,
        of current: RaftConfiguration,
        into effects: inout [RaftEffect]
    ) {
        var isComplete = true
        for position in catchUps.indices {
            guard let peer = peers.first(where: { $0.id == catchUps[position].node }) else { continue }
            switch catchUps[position].observe(peer, last: log.lastIndex, now: now, options: options) {
            case .caughtUp: break
            case .underWay: isComplete = false
            case .failed(let failure):
                appendConfiguration(current.withoutGoal, into: &effects)
                abandoned = AbandonedChange(node: peer.id, failure: failure, index: log.lastIndex)
                return
            }
        }
        guard isComplete || planted("promotes-at-once"), let next = try? current.reaching(goal) else { return }
        appendConfiguration(next, into: &effects)
    }
}
