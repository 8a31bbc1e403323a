// Pemba: one step of the Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// Takes up one input and appends what is to be done about it to `effects`.
    package mutating func step(
        _ input: RaftInput,
        now: Instant,
        wall: Timestamp,
        into effects: inout [RaftEffect]
    ) {
        begin(now: now, wall: wall)
        switch input {
        case .tick: tick(into: &effects)
        case .message(let message): receive(message, into: &effects)
        case .read(let ticket): read(ticket: ticket, into: &effects)
        case .transferLeadership(let target): transferLeadership(to: target, into: &effects)
        case .persisted(let sequence, let lastIndex, let lastTerm):
            if durability.acknowledge(sequence, lastIndex: lastIndex, lastTerm: lastTerm) { didPersist(into: &effects) }
        case .applied(let index): appliedIndex = max(appliedIndex, min(index, commitIndex))
        case .compact(let index): compact(upTo: index)
        case .snapshotSent(let peer, let index, let succeeded):
            snapshotSent(to: peer, index: index, succeeded: succeeded)
        case .snapshotInstalled(let point): snapshotInstalled(point, into: &effects)
        case .snapshotFailed(let index): snapshotFailed(index: index, into: &effects)
        case .unreachable(let peer): unreachable(peer, into: &effects)
        case .campaign: campaign(into: &effects)
        }
        finish(into: &effects)
    }

    /// When `.tick` is due at the latest.
    var deadline: Instant {
        guard role == .leader else {
            return min(electionDeadline, forwarded.question?.deadline ?? .distantFuture)
        }
        return min(heartbeatDeadline, quorumDeadline, transfer?.deadline ?? .distantFuture)
    }

    mutating func begin(now: Instant, wall: Timestamp) {
        self.now = max(self.now, now)
        self.wall = wall
    }

    /// Turns what the step changed into effects.
    mutating func finish(into effects: inout [RaftEffect]) {
        if role == .leader { advanceMembership(into: &effects) }
        // Nothing waits for that to be durable: a node that forgets it only owes for longer.
        let isSettled = settleDebt()
        if isHardStateDirty || isSettled || !unwritten.isEmpty {
            let sequence = durability.issue(
                lastIndex: log.lastIndex,
                lastTerm: log.lastTerm,
                withHardState: isHardStateDirty,
                now: now
            )
            let request = PersistRequest(
                sequence: sequence,
                hardState: isHardStateDirty || isSettled ? hardState : nil,
                entries: unwritten,
                lastIndex: log.lastIndex,
                lastTerm: log.lastTerm
            )
            effects.append(.persist(request))
            isHardStateDirty = false
            unwritten = []
        }
        if commitIndex > announcedCommit {
            announcedCommit = commitIndex
            effects.append(.commit(commitIndex))
        }
        let leadership = RaftLeadership(term: term, role: role, leader: leader)
        if !forwarded.isEmpty, forwarded.leadership != leadership { failForwardedReads(into: &effects) }
        if leadership != announcedLeadership {
            announcedLeadership = leadership
            effects.append(.leadership(leadership))
        }
        nextDeadline = deadline
    }

    /// Acts on whatever has fallen due.
    private mutating func tick(into effects: inout [RaftEffect]) {
        if role == .leader {
            tickLeader(into: &effects)
            return
        }
        expireForwardedReads(into: &effects)
        guard now >= electionDeadline else { return }
        if canCampaign {
            campaign(into: &effects)
        } else {
            leader = nil
            restartElectionTimer()
        }
    }

    /// A write became durable: releases what waited for it and counts what it contributes.
    private mutating func didPersist(into effects: inout [RaftEffect]) {
        durability.release(term: term, into: &effects)
        switch role {
        case .candidate:
            if durability.isHardStateDurable {
                recordOwnVote()
                countVotes(into: &effects)
            }
        case .leader: advanceCommit(into: &effects)
        case .follower, .preCandidate: break
        }
    }
}
