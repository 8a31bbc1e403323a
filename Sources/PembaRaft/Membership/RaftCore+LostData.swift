// Pemba: nodes that hold nothing, because they are new or have lost their data.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    // MARK: At a node that holds nothing

    /// Whether this node holds nothing at all: it is new, or has lost its data.
    ///
    /// Nothing that it says may count, as it does not know what it has promised: it grants no votes and confirms no
    /// leader. One that is new is given the log as a learner. One that knows that it has lost something is not blank.
    var isBlank: Bool { log.lastIndex == .zero && hardState.debt == nil }

    /// Where every log of a cluster begins: its first configuration.
    static let firstIndex = LogIndex(1)

    /// How much this node holds: a node that has only what it was made with has not taken part yet, or has forgotten
    /// that it did.
    package var logContent: LogContent {
        if isBlank { return .empty }
        // One whose disk owes it something has had more.
        guard hardState.debt == nil else { return .more }
        // Nor is it what a node was made with if a leader has given it that, after it held nothing.
        guard log.lastIndex == RaftCore.firstIndex, hardState.votesFrom == .zero else { return .more }
        return configuration.awaited.contains(id) ? .firstEntry : .more
    }

    /// Whether `peer` may come with so little of a log.
    ///
    /// A learner that holds nothing knows that, and is given everything. A member that was made anew as a node of a new
    /// cluster does not know what it has forgotten, so that it is refused even if it does not vote, unless it is awaited.
    package func isEnough(_ content: LogContent, for peer: NodeID) -> Bool {
        if planted("takes-wiped-voter-back") { return true }
        switch content {
        case .more: return true
        case .empty: return !mustHaveData(peer)
        case .firstEntry:
            if planted("takes-remade-learner-back") { return !mustHaveData(peer) }
            return !configurations.mayBeInForce(after: commitIndex) {
                $0.members.contains(peer) && !$0.awaited.contains(peer)
            }
        }
    }

    /// Whether `peer` has acknowledged to this leader more than it was made with.
    package func hasAcknowledgedMore(_ peer: NodeID) -> Bool {
        peers.contains { $0.id == peer && $0.match > RaftCore.firstIndex }
    }

    /// Whether `peer` must have lost its data if it holds nothing: it votes, and has taken part.
    ///
    /// It votes until a configuration without it is committed, as another may still go with its entry.
    package func mustHaveData(_ peer: NodeID) -> Bool {
        if planted("takes-wiped-voter-back") { return false }
        if planted("demotes-at-append") { return configuration.quorum.contains(peer) }
        return configurations.mayBeInForce(after: commitIndex) {
            $0.quorum.contains(peer) && !$0.awaited.contains(peer)
        }
    }

    /// Hears its leader without holding anything.
    ///
    /// It may have voted in this term and have forgotten that. The leader has won it already, so that a vote for it does no
    /// harm, and whoever else may still ask gets none.
    mutating func voteForLeader() {
        guard hardState.vote == nil else { return }
        hardState.vote = leader
        isHardStateDirty = true
    }

    /// Whether entries and snapshots may be taken from the leader: this node has some already, or the leader is known to
    /// have led after this node began with nothing.
    ///
    /// Votes that it has forgotten were then cast for candidates that cannot win
    /// (`docs/decisions/0022-forgotten-votes.md`). A leader that was replaced and does not know it could otherwise give
    /// this node a place in the term of such a candidate, for a second vote. What the node has forgotten to have
    /// acknowledged is in the part of the log that it needs before it votes.
    mutating func mayTakeEntries() -> Bool {
        guard isBlank else { return true }
        guard let acquaintance, acquaintance.term == term else { return false }
        guard acquaintance.latestRound >= acquaintance.firstRound + 2 else { return false }
        if acquaintance.commit > hardState.votesFrom {
            hardState.votesFrom = acquaintance.commit
            isHardStateDirty = true
        }
        return true
    }

    /// A heartbeat of this round arrived at a node that holds nothing; `committed`, unless it is nil, is how far the leader
    /// has committed, which answers what this process has said.
    mutating func getAcquainted(round: UInt64, committed: LogIndex?) {
        if let committed, acquaintance?.term != term {
            acquaintance = Acquaintance(term: term, firstRound: round, latestRound: round, commit: committed)
        }
        if let latest = acquaintance?.latestRound, acquaintance?.term == term, latest < round {
            acquaintance?.latestRound = round
        }
    }

    // MARK: At its leader

    /// Notes whether a peer answers heartbeats like a node with an empty log; true if that makes it a voter that has lost
    /// its data.
    ///
    /// One that has acknowledged entries to this leader may have given that answer before it did, as a learner; an append
    /// then finds out.
    mutating func isWithoutData(_ position: Int, answersContext context: UInt64) -> Bool {
        peers[position].answersBlank = context == 0
        return context == 0 && peers[position].match == .zero && mustHaveData(peers[position].id)
    }

    /// Notes that a peer answers as only a node with an empty log would; true if it is a learner that had entries.
    ///
    /// It gets them again. On the way to a vote it begins anew.
    mutating func hasLearnerLostData(_ position: Int) -> Bool {
        let node = peers[position].id
        guard peers[position].match > .zero, !configuration.quorum.contains(node) else { return false }
        peers[position].forget()
        for place in catchUps.indices where catchUps[place].node == node {
            catchUps[place] = CatchUp(node: node, target: log.lastIndex, now: now)
        }
        return true
    }

    /// A node that was refused because it voted and had lost its data, and does not vote any more, is given it again.
    mutating func pardonLearners() {
        for position in peers.indices where peers[position].hasLostData && !mustHaveData(peers[position].id) {
            peers[position].hasLostData = false
        }
    }

    /// A voter answers as only a node with an empty log would: it has lost what it had promised to keep, and gets nothing as
    /// long as it votes.
    mutating func refuseBlankVoter(at position: Int) {
        peers[position].hasLostData = true
        peers[position].probe = 0
        peers[position].becomeProbe()
    }
}

/// How much of a log a node has.
package enum LogContent: UInt8, Sendable {
    /// Nothing: it is new, and is given everything when it is added.
    case empty = 0
    /// The first configuration of a new cluster, in which it is awaited.
    case firstEntry = 1
    /// More than that: it has taken part.
    case more = 2
}

/// What a node that holds nothing knows of its leader.
///
/// A round of heartbeats begins when a quorum has answered the one before. So a leader that is two rounds after one in
/// which it answered this process has been followed by a quorum since this process began; the round in which it answered
/// may have been answered by others before. It has committed an entry of its term besides, without which it vouches
/// for nothing, and a configuration in which this node does not vote.
struct Acquaintance: Sendable, Hashable {
    /// The leader's term.
    var term: Term
    /// The round under way when the leader first answered this process.
    var firstRound: UInt64
    /// The latest round that this process has heard of.
    var latestRound: UInt64
    /// How far the leader had committed when it first answered this process.
    var commit: LogIndex
}
