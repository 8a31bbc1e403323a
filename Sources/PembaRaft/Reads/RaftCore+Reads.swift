// Pemba: linearizable reads.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Finds out at which index a read of this node's shell may be answered.
    mutating func read(ticket: UInt64, into effects: inout [RaftEffect]) {
        if role == .leader {
            leaderRead(.own(ticket: ticket), into: &effects)
        } else {
            forwardRead(ticket: ticket, into: &effects)
        }
    }

    // MARK: At the leader

    /// Takes on a read; it is confirmed by the next round of heartbeats to begin.
    mutating func leaderRead(_ asker: LeaderReads.Asker, into effects: inout [RaftEffect]) {
        guard reads.waiting.count < LeaderReads.waitingMax else {
            answer(asker, index: nil, into: &effects)
            return
        }
        if planted("reads-without-asking") { answer(asker, index: commitIndex, into: &effects) }
        reads.waiting.append(asker)
        if reads.round == nil, hasCommittedInTerm || planted("reads-before-own-term") { beginReadRound(into: &effects) }
    }

    /// Begins a round of heartbeats, for the reads that wait and for the sake of freshness.
    mutating func beginReadRound(into effects: inout [RaftEffect]) {
        if reads.context == 0 || !planted("reuses-read-context") { reads.context += 1 }
        var round = LeaderReads.Round(context: reads.context, startedAt: now, index: nil, askers: [])
        if hasCommittedInTerm || planted("reads-before-own-term") {
            round.index = commitIndex
            round.askers = reads.waiting
            reads.waiting = []
        }
        reads.round = round
        broadcastHeartbeats(into: &effects)
        confirmReads(into: &effects)
    }

    /// Ends the round in flight if a quorum has answered it, and begins the next one if reads wait for it.
    mutating func confirmReads(into effects: inout [RaftEffect]) {
        guard let round = reads.round else { return }
        var quorum = configuration.quorum
        if planted("learners-confirm-reads") { quorum = JointQuorum(incoming: configuration.members) }
        if planted("reads-need-one-half") { quorum = JointQuorum(incoming: configuration.voters) }
        let confirmed = quorum.reached { node in
            if node == id { return .max }
            for position in peers.indices where peers[position].id == node { return peers[position].context }
            return nil
        }
        guard confirmed >= round.context else { return }
        reads.round = nil
        if let index = round.index {
            reads.confirmedAt = round.startedAt
            freshness.learn(RaftFreshness(asOf: round.startedAt, commit: index))
            for asker in round.askers { answer(asker, index: index, into: &effects) }
        }
        if !reads.waiting.isEmpty, hasCommittedInTerm { beginReadRound(into: &effects) }
    }

    /// This node leads no more: nobody learns an index from it.
    mutating func failLeaderReads(into effects: inout [RaftEffect]) {
        let askers = (reads.round?.askers ?? []) + reads.waiting
        reads.round = nil
        reads.waiting = []
        for asker in askers { answer(asker, index: nil, into: &effects) }
    }

    private mutating func answer(_ asker: LeaderReads.Asker, index: LogIndex?, into effects: inout [RaftEffect]) {
        switch (asker, index) {
        case (.own(let ticket), .some(let index)): effects.append(.readReady(ticket: ticket, index: index))
        case (.own(let ticket), .none): effects.append(.readFailed(ticket: ticket))
        case (.peer(let peer, let request), _):
            let body = RaftMessage.Body.readIndexResponse(request: request, index: index)
            sendWhenDurable(.hardState, body, to: peer, into: &effects)
        }
    }

    // MARK: At a follower

    private mutating func forwardRead(ticket: UInt64, into effects: inout [RaftEffect]) {
        guard leader != nil, forwarded.waiting.count < ForwardedReads.waitingMax else {
            effects.append(.readFailed(ticket: ticket))
            return
        }
        if forwarded.isEmpty { forwarded.leadership = RaftLeadership(term: term, role: role, leader: leader) }
        forwarded.waiting.append(ticket)
        askLeader(into: &effects)
    }

    /// Asks the next question if none is out.
    private mutating func askLeader(into effects: inout [RaftEffect]) {
        guard let leader, forwarded.question == nil, !forwarded.waiting.isEmpty else { return }
        forwarded.request += 1
        forwarded.question = ForwardedReads.Question(
            request: forwarded.request,
            tickets: forwarded.waiting,
            deadline: now + options.electionTimeout
        )
        forwarded.waiting = []
        send(.readIndex(request: forwarded.request), to: leader, into: &effects)
    }

    /// Takes up the leader's answer.
    mutating func readIndexResponse(
        request: UInt64,
        index: LogIndex?,
        from peer: NodeID,
        into effects: inout [RaftEffect]
    ) {
        guard let question = forwarded.question, question.request == request, peer == leader else { return }
        forwarded.question = nil
        for ticket in question.tickets {
            if let index {
                effects.append(.readReady(ticket: ticket, index: index))
            } else {
                effects.append(.readFailed(ticket: ticket))
            }
        }
        askLeader(into: &effects)
    }

    /// Gives up a question that has been out for too long.
    mutating func expireForwardedReads(into effects: inout [RaftEffect]) {
        guard let question = forwarded.question, now >= question.deadline else { return }
        forwarded.question = nil
        for ticket in question.tickets { effects.append(.readFailed(ticket: ticket)) }
        askLeader(into: &effects)
    }

    /// The leader that was to answer is no longer the leader, or cannot be reached.
    mutating func failForwardedReads(into effects: inout [RaftEffect]) {
        for ticket in forwarded.drain() { effects.append(.readFailed(ticket: ticket)) }
    }
}
