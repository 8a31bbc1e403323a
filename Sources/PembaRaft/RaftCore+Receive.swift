// Pemba: what a message's term means, before what it says.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Takes up a message of a peer (Raft paper, figure 2: rules for all servers).
    mutating func receive(_ message: RaftMessage, into effects: inout [RaftEffect]) {
        guard message.to == id, message.from != id else { return }
        if case .removed(let index) = message.body {
            learnRemoval(at: index, into: &effects)
            return
        }
        if removedAt != nil || turnAway(message, into: &effects) { return }
        if message.term < term {
            answerOldTerm(message, into: &effects)
            return
        }
        if message.term > term, !enterTerm(of: message, into: &effects) { return }
        if role == .leader, let position = peers.firstIndex(where: { $0.id == message.from }) {
            receiveAsLeader(message, from: position, into: &effects)
        } else {
            receiveAsOther(message, into: &effects)
        }
    }

    /// Moves on to a message's greater term; false if the message is to be ignored.
    private mutating func enterTerm(of message: RaftMessage, into effects: inout [RaftEffect]) -> Bool {
        switch message.body {
        case .preVote, .preVoteResponse(granted: true), .conditionalGrant(isPreVote: true):
            // The term is only one that the candidate would campaign in.
            return true
        case .requestVote(_, _, let isTransfer):
            // Whoever follows a live leader does not let a node that cannot hear it take over (dissertation, 4.2.3).
            if !isTransfer, hearsFromLeader { return false }
            becomeFollower(term: message.term, leader: nil, into: &effects)
        case .appendEntries, .heartbeat, .installSnapshot:
            becomeFollower(term: message.term, leader: message.from, into: &effects)
        default:
            becomeFollower(term: message.term, leader: nil, into: &effects)
        }
        return true
    }

    /// Tells a node that is behind which term it is; a leader that is behind would otherwise never know.
    private mutating func answerOldTerm(_ message: RaftMessage, into effects: inout [RaftEffect]) {
        switch message.body {
        case .appendEntries, .heartbeat, .installSnapshot:
            sendWhenDurable(.hardState, .heartbeatResponse(context: 0, probe: 0), to: message.from, into: &effects)
        case .preVote:
            sendWhenDurable(.hardState, .preVoteResponse(granted: false), to: message.from, into: &effects)
        case .requestVote:
            sendWhenDurable(.hardState, .voteResponse(granted: false), to: message.from, into: &effects)
        case .readIndex(let request):
            let refusal = RaftMessage.Body.readIndexResponse(request: request, index: nil)
            sendWhenDurable(.hardState, refusal, to: message.from, into: &effects)
        default: break
        }
    }

    /// What a member says to its leader, and whatever anybody may ask of one.
    ///
    /// Only answers are signs of a follower: one that cannot hear this node may still ask for votes.
    private mutating func receiveAsLeader(
        _ message: RaftMessage,
        from position: Int,
        into effects: inout [RaftEffect]
    ) {
        switch message.body {
        case .appendAccepted, .appendRejected, .heartbeatResponse, .snapshotResponse:
            guard !peers[position].hasLostData else { return }
            peers[position].lastContact = now
        default: break
        }
        switch message.body {
        case .appendAccepted(let match): appendAccepted(match: match, from: position, into: &effects)
        case .appendRejected(let rejected, let hintIndex, let hintTerm):
            appendRejected(rejected, hintIndex: hintIndex, hintTerm: hintTerm, from: position, into: &effects)
        case .heartbeatResponse(let context, let probe):
            heartbeatResponse(context: context, probe: probe, from: position, into: &effects)
        case .snapshotResponse(let index, let installed):
            snapshotResponse(index: index, installed: installed, from: position, into: &effects)
        case .readIndex(let request): leaderRead(.peer(message.from, request: request), into: &effects)
        default: receiveVoting(message, into: &effects)
        }
    }

    /// What a node hears that does not lead, or what a leader hears from a node that is no member.
    private mutating func receiveAsOther(_ message: RaftMessage, into effects: inout [RaftEffect]) {
        switch message.body {
        case .appendEntries, .heartbeat, .installSnapshot, .timeoutNow, .readIndexResponse:
            // A second leader in one term does not exist; whoever claims it is not heard.
            guard role != .leader else { return }
            receiveFromLeader(message, into: &effects)
        case .readIndex(let request):
            sendWhenDurable(
                .hardState,
                .readIndexResponse(request: request, index: nil),
                to: message.from,
                into: &effects
            )
        default: receiveVoting(message, into: &effects)
        }
    }

    private mutating func receiveFromLeader(_ message: RaftMessage, into effects: inout [RaftEffect]) {
        switch message.body {
        case .appendEntries(let previousIndex, let previousTerm, let entries, let commit):
            hear(from: message.from, into: &effects)
            appendEntries(
                entries,
                after: previousIndex,
                term: previousTerm,
                commit: commit,
                from: message.from,
                into: &effects
            )
        case .heartbeat(let commit, let context, let vouch):
            hear(from: message.from, into: &effects)
            heartbeat(commit: commit, context: context, vouch: vouch, from: message.from, into: &effects)
        case .installSnapshot(let index, let term):
            hear(from: message.from, into: &effects)
            installSnapshot(index: index, term: term, from: message.from, into: &effects)
        case .timeoutNow: timeoutNow(from: message.from, into: &effects)
        case .readIndexResponse(let request, let index):
            readIndexResponse(request: request, index: index, from: message.from, into: &effects)
        default: break
        }
    }

    private mutating func receiveVoting(_ message: RaftMessage, into effects: inout [RaftEffect]) {
        switch message.body {
        case .preVote(let lastIndex, let lastTerm):
            answerPreVote(message, lastIndex: lastIndex, lastTerm: lastTerm, into: &effects)
        case .requestVote(let lastIndex, let lastTerm, _):
            answerVote(from: message.from, lastIndex: lastIndex, lastTerm: lastTerm, into: &effects)
        case .preVoteResponse(let granted):
            if planted("pre-vote-counts-as-vote"), role == .candidate, granted {
                votes.record(message.from, granted: true)
            }
            guard role == .preCandidate else { return }
            // A grant names the term that was asked for: one from before an election counts for nothing.
            guard message.term == (granted ? term.next : term) else { return }
            votes.record(message.from, granted: granted)
            countVotes(into: &effects)
        case .conditionalGrant(let isPreVote): conditionalGrant(message, isPreVote: isPreVote, into: &effects)
        case .voteResponse(let granted):
            guard role == .candidate else { return }
            votes.record(message.from, granted: granted)
            countVotes(into: &effects)
        default: break
        }
    }
}
