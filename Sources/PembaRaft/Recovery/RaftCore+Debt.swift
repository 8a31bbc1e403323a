// Pemba: a node that has lost entries gets them back before it counts again.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// ## What a node does while it owes
/// - It appends what the leader sends and acknowledges that, as far as it is durable: never beyond the gap.
/// - With a damaged range it neither votes nor campaigns. With a damaged tail it grants its vote on the condition that
///   every voter grants it. If all voters are there, the longest log among them holds whatever was committed and is not
///   lost everywhere; if one is missing, it may be the one that has it, and an operator must decide.
/// - It owes nothing any more once it has durably an entry, or the snapshot of a state, of a later term: the leader of
///   that term was elected without its help and so had all that is committed, and the logs agree up to there.
extension RaftCore {
    /// Whether this node may neither vote nor campaign because of what its disk has lost.
    private var owesRange: Bool { hardState.debt?.kind == .range && !planted("votes-while-owing") }

    /// Whether this node has whatever it may have acknowledged, so that it may vote and campaign.
    var hasWhatItPromised: Bool { !isBlank && !owesRange && durability.index >= hardState.votesFrom }

    /// Whether a vote of this node counts only if all voters grant it.
    var votesConditionally: Bool { hardState.debt != nil && !planted("votes-while-owing") }

    /// Notes that nothing is owed any more, or nothing that keeps it from voting, if that has just become so.
    mutating func settleDebt() -> Bool {
        if hardState.votesFrom > .zero, durability.index >= hardState.votesFrom {
            hardState.votesFrom = .zero
            return true
        }
        guard let debt = hardState.debt, let reached = log.term(at: durability.index), reached > debt.term else {
            return false
        }
        hardState.debt = nil
        return true
    }

    /// This node's own vote.
    mutating func recordOwnVote() {
        if votesConditionally { votes.recordConditional(id) } else { votes.record(id, granted: true) }
    }

    /// How the campaign under way stands: a quorum without conditions wins, and so do all voters.
    var campaignResult: VoteResult {
        let quorum = configuration.quorum
        let result = quorum.result { votes[$0] }
        guard result == .pending else { return result }
        let isUnanimous = configuration.members.allSatisfy { !quorum.contains($0) || votes.agrees($0) }
        return isUnanimous ? .won : .pending
    }

    /// A peer that has lost something grants its vote on the condition that all do.
    mutating func conditionalGrant(_ message: RaftMessage, isPreVote: Bool, into effects: inout [RaftEffect]) {
        guard role == (isPreVote ? .preCandidate : .candidate) else { return }
        guard message.term == (isPreVote ? term.next : term) else { return }
        votes.recordConditional(message.from)
        countVotes(into: &effects)
    }
}
