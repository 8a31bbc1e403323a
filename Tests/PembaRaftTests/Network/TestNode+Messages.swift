// Pemba: what a node under test has said, by kind.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// An append message taken apart.
struct SentAppend: Equatable {
    var to: NodeID
    var previous: LogIndex
    var previousTerm: Term
    var entries: [LogEntry]
    var commit: LogIndex
}

extension [RaftMessage] {
    var appends: [SentAppend] {
        compactMap { message in
            guard case .appendEntries(let previous, let term, let entries, let commit) = message.body else {
                return nil
            }
            return SentAppend(to: message.to, previous: previous, previousTerm: term, entries: entries, commit: commit)
        }
    }

    /// The receivers of heartbeats.
    var heartbeats: [NodeID] {
        compactMap { message in
            if case .heartbeat = message.body { return message.to }
            return nil
        }
    }

    /// The context of the latest heartbeat.
    var context: UInt64? {
        compactMap { message -> UInt64? in
            if case .heartbeat(_, let context, _) = message.body { return context }
            return nil
        }.last
    }

    /// The receivers of vote requests, pre-votes not included.
    var voteRequests: [NodeID] {
        compactMap { message in
            if case .requestVote = message.body { return message.to }
            return nil
        }
    }

    /// The receivers of pre-vote requests.
    var preVotes: [NodeID] {
        compactMap { message in
            if case .preVote = message.body { return message.to }
            return nil
        }
    }

    func contains(_ body: RaftMessage.Body) -> Bool { contains { $0.body == body } }
}

extension TestNode {
    /// Passes the pre-vote with the help of `voters` and asks for votes.
    func becomeCandidate(with voters: [UInt64]) {
        timeOut()
        for voter in voters { receive(.preVoteResponse(granted: true), from: voter, term: term.rawValue + 1) }
        precondition(role == .candidate, "the pre-votes did not suffice")
    }

    /// Acknowledges everything in the log for each of `followers`.
    func acknowledge(from followers: [UInt64], upTo index: LogIndex? = nil) {
        for follower in followers {
            receive(.appendAccepted(match: index ?? last), from: follower, term: term.rawValue)
        }
    }

    /// Answers the latest heartbeat for each of `followers`.
    func answerHeartbeats(from followers: [UInt64], context: UInt64? = nil) {
        for follower in followers {
            let context = context ?? core.reads.context
            receive(.heartbeatResponse(context: context, probe: 1), from: follower, term: term.rawValue)
        }
    }
}
