// Pemba: what Raft nodes say to each other.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One message between two Raft nodes (Raft paper, figure 2; dissertation, chapters 3, 4, 6 and 9).
package struct RaftMessage: Sendable, Hashable {
    /// Who says it.
    package var from: NodeID
    /// To whom.
    package var to: NodeID
    /// The sender's term; for pre-votes the term it would campaign in.
    package var term: Term
    /// What it says.
    package var body: Body

    package init(from: NodeID, to: NodeID, term: Term, body: Body) {
        self.from = from
        self.to = to
        self.term = term
        self.body = body
    }

    /// The kinds of messages.
    package enum Body: Sendable, Hashable {
        /// Asks whether the receiver would vote for the sender in `term`; changes nothing at the receiver.
        case preVote(lastIndex: LogIndex, lastTerm: Term)
        /// Answers `preVote`; a grant carries the asked term, a refusal the receiver's own.
        case preVoteResponse(granted: Bool)
        /// Asks for a vote; `transfer` overrides the receiver's loyalty to a live leader.
        case requestVote(lastIndex: LogIndex, lastTerm: Term, transfer: Bool)
        /// Answers `requestVote`.
        case voteResponse(granted: Bool)
        /// Answers `preVote` or `requestVote` with a grant that counts only if all voters grant it: the sender's disk has
        /// lost what it may have acknowledged. A grant of a pre-vote carries the asked term.
        case conditionalGrant(isPreVote: Bool)
        /// Replicates entries after (`previousIndex`, `previousTerm`).
        case appendEntries(previousIndex: LogIndex, previousTerm: Term, entries: [LogEntry], commit: LogIndex)
        /// The receiver's log agrees with the leader's up to `match`, durably.
        case appendAccepted(match: LogIndex)
        /// The receiver has no entry (`rejected`, its term): its log may agree at `hintIndex`, whose term is `hintTerm`.
        /// Both are zero only where the log is empty and never was anything else; an empty log that has lost its entries
        /// names the term of its loss.
        case appendRejected(rejected: LogIndex, hintIndex: LogIndex, hintTerm: Term)
        /// Says that the leader lives; `commit` is never beyond what the receiver is known to have. `vouch` tells how
        /// fresh the receiver may call itself; nil while the leader cannot tell.
        case heartbeat(commit: LogIndex, context: UInt64, vouch: Vouch?)
        /// Answers `heartbeat` with its context: the leader led when the context was made. `probe` names a moment of
        /// the receiver's clock, for a later `Vouch` to refer to.
        case heartbeatResponse(context: UInt64, probe: UInt64)
        /// Announces the snapshot at (`index`, `term`), whose blocks travel beside Raft.
        case installSnapshot(index: LogIndex, term: Term)
        /// The snapshot at `index` is installed and durable, or (`installed` false) was not.
        case snapshotResponse(index: LogIndex, installed: Bool)
        /// Tells the receiver to campaign at once: leadership transfer.
        case timeoutNow
        /// Asks the leader for an index at which a linearizable read may be answered; `request` is the asker's.
        case readIndex(request: UInt64)
        /// Answers `readIndex` after a round of heartbeats; nil: not the leader, or not for long enough.
        case readIndexResponse(request: UInt64, index: LogIndex?)
        /// The receiver was removed by the configuration at this index, which is committed; the term means nothing.
        case removed(configuration: LogIndex)
    }

    /// A leader's word on how fresh its follower can be, safe against messages that were delayed anywhere.
    ///
    /// The leader had received `probe` when it spoke, and a quorum had followed it `age` before it spoke. So whatever
    /// was committed in the cluster until `age` before the probe was made has an index of at most `commit`.
    package struct Vouch: Sendable, Hashable {
        /// The latest probe that the leader has from the receiver.
        package var probe: UInt64
        /// The leader's commit index when it spoke.
        package var commit: LogIndex
        /// How long before it spoke the leader was certainly the leader.
        package var age: TimeSpan

        package init(probe: UInt64, commit: LogIndex, age: TimeSpan) {
            self.probe = probe
            self.commit = commit
            self.age = age
        }
    }
}
