// Pemba: replication as the leader does it.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    // MARK: Time

    /// When this leader steps down unless it hears from a quorum.
    var quorumDeadline: Instant {
        guard options.checksQuorum else { return .distantFuture }
        // The whole core would be copied into what uses it.
        let (id, peers) = (id, peers)
        let contact = configuration.quorum.reached { node in
            if node == id { return .max }
            for position in peers.indices where peers[position].id == node {
                return peers[position].lastContact.nanoseconds
            }
            return nil
        }
        return Instant(nanoseconds: contact) + options.electionTimeout
    }

    /// Steps down without a quorum or with a disk that hangs, gives up a hand-over that takes too long, and says that it lives.
    mutating func tickLeader(into effects: inout [RaftEffect]) {
        if now >= quorumDeadline {
            becomeFollower(term: term, leader: nil, into: &effects)
            return
        }
        // As long as it is heard nobody else leads, although another node can do more than one that keeps nothing.
        if isDiskStalled {
            leaveOffice(into: &effects)
            return
        }
        if let deadline = transfer?.deadline, now >= deadline { transfer = nil }
        guard now >= heartbeatDeadline else { return }
        heartbeatDeadline = now + options.heartbeatInterval
        if reads.round == nil {
            beginReadRound(into: &effects)
        } else {
            // The round is still open: its heartbeats may be lost, and its context stays true.
            broadcastHeartbeats(into: &effects)
        }
        for peer in peers {
            if case .snapshot(let index) = peer.state, let term = log.term(at: index) ?? snapshotTerm(at: index) {
                send(.installSnapshot(index: index, term: term), to: peer.id, into: &effects)
            }
        }
    }

    /// Tells every member that the leader lives, with the current context.
    mutating func broadcastHeartbeats(into effects: inout [RaftEffect]) {
        for peer in peers {
            var vouch: RaftMessage.Vouch?
            if let confirmedAt = reads.confirmedAt, peer.probe != 0 {
                vouch = RaftMessage.Vouch(probe: peer.probe, commit: commitIndex, age: now - confirmedAt)
                // A vote that it must not use yet would be missing from every majority.
                if peer.answersBlank {
                    for place in catchUps.indices where catchUps[place].node == peer.id {
                        catchUps[place].require(commitIndex)
                    }
                }
            }
            // A follower whose log is not known to agree must not take its own entries for committed ones.
            let commit = planted("heartbeat-commits-all") ? commitIndex : min(commitIndex, peer.match)
            send(.heartbeat(commit: commit, context: reads.context, vouch: vouch), to: peer.id, into: &effects)
        }
    }

    // MARK: Sending entries

    /// Sends every member what it lacks, the commit index included.
    mutating func broadcastAppends(into effects: inout [RaftEffect]) {
        for position in peers.indices { sendAppends(to: position, into: &effects) }
    }

    /// Sends a peer as much as its window allows, and the commit index if it has not been told.
    mutating func sendAppends(to position: Int, into effects: inout [RaftEffect]) {
        while peers[position].next <= log.lastIndex, !peers[position].isPaused(options) {
            sendAppend(to: position, withEntries: true, into: &effects)
        }
        if peers[position].state == .replicate, peers[position].commitTold < commitIndex {
            sendAppend(to: position, withEntries: false, into: &effects)
        }
    }

    /// Sends one append, or offers a snapshot where the log does not reach back to what the peer lacks.
    mutating func sendAppend(to position: Int, withEntries: Bool, into effects: inout [RaftEffect]) {
        let next = peers[position].next
        let previous = next.previous
        guard let previousTerm = log.term(at: previous) else {
            offerSnapshot(to: position, into: &effects)
            return
        }
        let entries = withEntries ? entriesToSend(from: next) : []
        peers[position].commitTold = commitIndex
        peers[position].lastMovement = now
        if peers[position].state == .probe {
            peers[position].isProbeOut = true
        } else if let last = entries.last {
            var bytes = 0
            for entry in entries { bytes += entry.byteCount }
            peers[position].didSend(last: last.index, bytes: bytes)
        }
        let body = RaftMessage.Body.appendEntries(
            previousIndex: previous,
            previousTerm: previousTerm,
            entries: entries,
            commit: commitIndex
        )
        send(body, to: peers[position].id, into: &effects)
    }

    /// The entries of one message.
    ///
    /// What this step appended is shared among the messages and the write.
    private func entriesToSend(from next: LogIndex) -> [LogEntry] {
        if unwritten.first?.index == next {
            var bytes = 0
            for entry in unwritten { bytes += entry.byteCount }
            if bytes <= options.messageBytesMax { return unwritten }
        }
        return log.entries(from: next, upTo: log.lastIndex, maxBytes: options.messageBytesMax)
    }

    // MARK: Answers

    /// A peer has the log up to `match`.
    mutating func appendAccepted(match: LogIndex, from position: Int, into effects: inout [RaftEffect]) {
        guard match <= log.lastIndex else { return }
        let isNew = peers[position].accept(match)
        if isNew { peers[position].lastMovement = now }
        switch peers[position].state {
        case .probe:
            if isNew || match == peers[position].match { peers[position].becomeReplicate() }
        case .snapshot:
            // It caught up otherwise, far enough to go on from the log.
            if isNew, log.term(at: match) != nil { peers[position].becomeReplicate() }
        case .replicate: break
        }
        if isNew { advanceCommit(into: &effects) }
        guard role == .leader else { return }
        sendAppends(to: position, into: &effects)
        continueTransfer(with: position, into: &effects)
    }

    /// A peer's log does not agree at `rejected`; it may at the hint.
    mutating func appendRejected(
        _ rejected: LogIndex,
        hintIndex: LogIndex,
        hintTerm: Term,
        from position: Int,
        into effects: inout [RaftEffect]
    ) {
        // Every log but an empty one has the cluster's first entry, and nobody votes with an empty log. What a voter said
        // before it had anything rejects less than it has now.
        let isBlank = hintIndex == .zero && hintTerm == .zero && rejected >= peers[position].match
        if isBlank, mustHaveData(peers[position].id) {
            refuseBlankVoter(at: position)
            return
        }
        if isBlank, peers[position].match > .zero, planted("wiped-learner-starves") { return }
        if isBlank, hasLearnerLostData(position) {
            sendAppend(to: position, withEntries: true, into: &effects)
            return
        }
        // Nothing after the hint agrees, and of what is before it only entries whose terms are no greater than its.
        let guess = log.lastIndex(upTo: min(hintIndex, log.lastIndex), termAtMost: hintTerm)
        guard peers[position].reject(rejected, guess: guess) else { return }
        sendAppend(to: position, withEntries: true, into: &effects)
    }

    /// A peer lives.
    mutating func heartbeatResponse(
        context: UInt64,
        probe: UInt64,
        from position: Int,
        into effects: inout [RaftEffect]
    ) {
        // An answer to what a leader of an earlier term said, perhaps this node itself: it confirms nothing, and it does not
        // come from an empty log, whose probe is never 0.
        guard probe != 0 || planted("old-answer-is-blank") else { return }
        if isWithoutData(position, answersContext: context) {
            refuseBlankVoter(at: position)
            return
        }
        // Nothing is vouched for to a voter without data, which would take that for leave to be given some.
        peers[position].probe = context == 0 && mustHaveData(peers[position].id) ? 0 : probe
        peers[position].context = max(peers[position].context, min(context, reads.context))
        switch peers[position].state {
        case .probe:
            guard !peers[position].isProbeOut || !planted("lost-probe-is-forever") else { break }
            peers[position].isProbeOut = false
            sendAppend(to: position, withEntries: true, into: &effects)
        case .replicate:
            // Acknowledgements that fail to come may mean that the last message was lost: an empty one behind it is
            // rejected if so. One that confirms nothing may have lost its log.
            let isBehind = peers[position].match.next < peers[position].next
            if context == 0 || (isBehind && now - peers[position].lastMovement >= options.heartbeatInterval) {
                sendAppend(to: position, withEntries: false, into: &effects)
            }
        case .snapshot: break
        }
        confirmReads(into: &effects)
    }

    /// The link broke: what was in flight is taken for lost, and nothing is sent until the peer is heard again.
    mutating func unreachable(_ peer: NodeID, into effects: inout [RaftEffect]) {
        if role != .leader {
            if leader == peer { failForwardedReads(into: &effects) }
            return
        }
        guard let position = peers.firstIndex(where: { $0.id == peer }) else { return }
        if peers[position].state == .replicate {
            peers[position].becomeProbe()
            peers[position].isProbeOut = true
        }
    }
}
