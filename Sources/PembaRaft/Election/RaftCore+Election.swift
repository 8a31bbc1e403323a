// Pemba: elections.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Whether this node may campaign: it may have a vote, does not lead, has a whole state and a disk that works.
    var canCampaign: Bool {
        role != .leader && offered == nil && removedAt == nil && !isDiskStalled && hasWhatItPromised && mayHaveVote
    }

    /// Whether a live leader is known: the lease during which nobody else is helped to power.
    var hearsFromLeader: Bool {
        guard options.checksQuorum else { return false }
        if role == .leader { return true }
        return leader != nil && now - leaderContact < options.electionTimeout
    }

    /// Draws a new election timeout between the minimum and twice the minimum, and later for a less willing node.
    mutating func restartElectionTimer() {
        let minimum = options.electionTimeout
        let reluctance = UInt64(RaftOptions.electionPriorityMax - options.electionPriority)
        let waited = TimeSpan(nanoseconds: minimum.nanoseconds * (1 + reluctance))
        electionDeadline = now + waited + TimeSpan(nanoseconds: random.below(max(minimum.nanoseconds, 1)))
    }

    // MARK: Campaigning

    /// Asks whether this node could win, and campaigns if it could.
    mutating func campaign(into effects: inout [RaftEffect]) {
        guard canCampaign else { return }
        guard options.usesPreVote else {
            if !votesConditionally { campaignInNextTerm(isTransfer: false, into: &effects) }
            return
        }
        role = .preCandidate
        leader = nil
        restartElectionTimer()
        votes.reset()
        recordOwnVote()
        let body = RaftMessage.Body.preVote(lastIndex: log.lastIndex, lastTerm: log.lastTerm)
        for voter in otherVoters {
            effects.append(.send(RaftMessage(from: id, to: voter, term: term.next, body: body)))
        }
        countVotes(into: &effects)
    }

    /// Campaigns in the next term.
    ///
    /// The own vote counts once it is durable, and nobody is asked before. A node that has forgotten the term after a crash
    /// would campaign in it once more, perhaps with a shorter log, and be elected by votes for the longer one.
    private mutating func campaignInNextTerm(isTransfer: Bool, into effects: inout [RaftEffect]) {
        hardState = hardState.entering(term.next, vote: id)
        isHardStateDirty = true
        role = .candidate
        leader = nil
        restartElectionTimer()
        votes.reset()
        let body = RaftMessage.Body.requestVote(
            lastIndex: log.lastIndex,
            lastTerm: log.lastTerm,
            transfer: isTransfer
        )
        for voter in otherVoters {
            if planted("asks-before-durable") { send(body, to: voter, into: &effects) }
            sendWhenDurable(.hardState, body, to: voter, into: &effects)
        }
        if planted("leads-before-durable"), otherVoters.isEmpty { becomeLeader(into: &effects) }
    }

    /// Draws the conclusion from the votes so far.
    mutating func countVotes(into effects: inout [RaftEffect]) {
        switch (campaignResult, role) {
        case (.won, .preCandidate): campaignInNextTerm(isTransfer: false, into: &effects)
        case (.won, .candidate):
            // Others may have elected this node before its own disk was done; it must not lead in a term that it
            // would not remember.
            if !isHardStateDirty, durability.isHardStateDurable { becomeLeader(into: &effects) }
        case (.lost, .preCandidate), (.lost, .candidate): becomeFollower(term: term, leader: nil, into: &effects)
        default: break
        }
    }

    /// The leader hands over: campaigns at once and without asking first.
    mutating func timeoutNow(from peer: NodeID, into effects: inout [RaftEffect]) {
        guard canCampaign, !votesConditionally, leader == peer else { return }
        campaignInNextTerm(isTransfer: true, into: &effects)
    }

    private var otherVoters: [NodeID] {
        let configuration = configuration
        return configuration.members.filter { $0 != id && configuration.quorum.contains($0) }
    }

    // MARK: Voting

    /// Says whether this node would vote for the sender; changes nothing.
    mutating func answerPreVote(
        _ message: RaftMessage,
        lastIndex: LogIndex,
        lastTerm: Term,
        into effects: inout [RaftEffect]
    ) {
        if planted("pre-vote-clears-vote") { hardState.vote = nil }
        let isFree = message.term > term || mayVote(for: message.from)
        let isWilling = hasWhatItPromised && !hearsFromLeader && isFree
        let granted = isWilling && isUpToDate(lastIndex: lastIndex, lastTerm: lastTerm)
        sendWhenDurable(
            .hardState,
            granted && votesConditionally ? .conditionalGrant(isPreVote: true) : .preVoteResponse(granted: granted),
            to: message.from,
            term: granted ? message.term : term,
            into: &effects
        )
    }

    /// Votes in the current term, at most once.
    mutating func answerVote(
        from candidate: NodeID,
        lastIndex: LogIndex,
        lastTerm: Term,
        into effects: inout [RaftEffect]
    ) {
        let isWilling = hasWhatItPromised && mayVote(for: candidate)
        let granted = isWilling && isUpToDate(lastIndex: lastIndex, lastTerm: lastTerm)
        if granted {
            if hardState.vote != candidate {
                hardState.vote = candidate
                isHardStateDirty = true
            }
            restartElectionTimer()
        }
        let isConditional = granted && votesConditionally
        let answer: RaftMessage.Body =
            isConditional ? .conditionalGrant(isPreVote: false) : .voteResponse(granted: granted)
        if planted("votes-before-durable") { send(answer, to: candidate, into: &effects) }
        sendWhenDurable(.hardState, answer, to: candidate, into: &effects)
    }

    private func mayVote(for candidate: NodeID) -> Bool {
        planted("votes-twice") || hardState.vote == candidate || (hardState.vote == nil && leader == nil)
    }

    /// Whether a log that ends there has at least what this one has (Raft paper, 5.4.1): the term decides first.
    private func isUpToDate(lastIndex: LogIndex, lastTerm: Term) -> Bool {
        if planted("elects-any-log") { return true }
        if planted("compares-length-first") { return lastIndex >= log.lastIndex }
        return lastTerm > log.lastTerm || (lastTerm == log.lastTerm && lastIndex >= log.lastIndex)
    }

    // MARK: Roles

    /// Follows in `term`, whoever leads there.
    mutating func becomeFollower(term newTerm: Term, leader newLeader: NodeID?, into effects: inout [RaftEffect]) {
        precondition(newTerm >= term, "the term would fall")
        if newTerm > term {
            hardState = hardState.entering(newTerm, vote: nil)
            isHardStateDirty = true
        }
        if role == .leader { resign(into: &effects) }
        if role != .follower { restartElectionTimer() }
        role = .follower
        leader = newLeader
        votes.reset()
    }

    /// Notes that the leader of the current term lives.
    mutating func hear(from peer: NodeID, into effects: inout [RaftEffect]) {
        if role != .follower { becomeFollower(term: term, leader: peer, into: &effects) }
        leader = peer
        leaderContact = now
        if isBlank { voteForLeader() }
        restartElectionTimer()
    }

    /// Leads in the current term: says so with a no-op, whose commitment commits all before it.
    private mutating func becomeLeader(into effects: inout [RaftEffect]) {
        role = .leader
        leader = id
        votes.reset()
        offered = nil
        transfer = nil
        let context = reads.context
        reads = LeaderReads()
        reads.context = context
        peers.follow(configuration.members.filter { $0 != id }, next: log.lastIndex.next, now: now)
        uncommittedBytes = 0
        var index = commitIndex.next
        while index <= log.lastIndex {
            uncommittedBytes += log.byteCount(at: index)
            index = index.next
        }
        heartbeatDeadline = now + options.heartbeatInterval
        if !planted("forgets-change") { beginCatchUps() }
        if !planted("leads-without-noop") { append(kind: .noop, payloads: [[]]) }
        broadcastAppends(into: &effects)
        beginReadRound(into: &effects)
    }

    /// Drops what only a leader has.
    private mutating func resign(into effects: inout [RaftEffect]) {
        if !planted("deposed-keeps-reads") { failLeaderReads(into: &effects) }
        peers = []
        transfer = nil
        uncommittedBytes = 0
        isMembershipSettled = true
        catchUps = []
        departing = []
        abandoned = nil
        heartbeatDeadline = .distantFuture
    }
}
