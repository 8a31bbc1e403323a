// Pemba: the Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One node's part in the Raft consensus algorithm (Ongaro and Ousterhout 2014; Ongaro's dissertation) as a value.
///
/// ## Shape
/// The core does nothing by itself. The shell hands it one `RaftInput` at a time together with the time, and does the
/// `RaftEffect`s that it gets back, in order. There is no clock, thread, file or socket here, and no randomness but
/// that of the seed: equal inputs give equal effects, and a copy of the core is a fork of the node. Peers are always
/// visited in ascending order of their ids.
///
/// ## What must be durable when
/// Every step that changes the term, the vote or the log ends in one `persist` effect. The core keeps back by itself
/// whatever may only be said once a write is durable (`Durability`): an answer to a vote or an append leaves after the
/// write it rests on, and a shell may therefore send whatever it is told to send, at once. A leader's entries leave in
/// parallel with its own write, and it counts itself towards a quorum only up to what `.persisted` has acknowledged.
/// A candidate counts its own vote, and leads, only once its term and vote are durable: otherwise it might, after a
/// crash, be elected in the same term again and give one index two entries of one term.
///
/// ## Elections
/// A node whose election timeout passes first asks whether it could win (pre-vote): nobody's term, vote or timer moves
/// for that. A node that has heard from a leader within the minimum election timeout refuses both kinds of votes,
/// unless the leader itself asked for the campaign (transfer). A leader that has not heard from a quorum for an
/// election timeout steps down and falls silent, so that a leader that only hears does not keep others from
/// electing one that can also act.
///
/// ## The log
/// Entries are counted towards commitment only in the leader's own term (paper, 5.4.2), so a new leader appends a no-op
/// at once. A follower removes entries only where the leader's contradict them, and never a committed one. Each peer is
/// probed until the logs are known to agree, then streamed to within limits on messages and bytes, and offered a
/// snapshot if the log no longer reaches back far enough (`PeerProgress`). Rejections carry a hint by term, so that
/// agreement is found in at most as many rounds as there are terms in dispute.
///
/// ## Configurations
/// A configuration is in force from the moment it is in the log, committed or not, and goes with its entry if that is
/// removed (dissertation, 4.1). All decisions ask a `JointQuorum`. The leader takes a change of the membership from step
/// to step (`changeMembership`): new nodes learn, those that are to vote catch up, a joint configuration is entered where
/// more than one voter changes, and left once it is committed. All of that stands in the log, so that the next leader
/// goes on with it. An id that was removed never comes back.
///
/// ## Time
/// `now` is monotonic and serves timeouts only; nothing about safety depends on it. `wall` is civil time, which a leader
/// stamps on its entries, never earlier than the entry before. Timeouts act on `.tick` alone, so that after a pause the
/// messages that waited are heard before anybody is given up.
package struct RaftCore: Sendable {
    /// The settings.
    let options: RaftOptions
    /// The source of election timeouts, seeded for this node alone.
    var random: SeededRandom
    /// The time of the step in progress; never falls.
    var now: Instant
    /// The civil time of the step in progress.
    var wall: Timestamp = .zero

    // MARK: Durable state

    /// The term and vote; the term never falls, the vote changes at most once in a term.
    var hardState: HardState
    /// Whether `hardState` differs from what the latest write holds.
    var isHardStateDirty = false
    /// The log in memory; committed entries never change.
    var log: RaftLog
    /// Entries at the end of `log` that no write holds yet.
    ///
    /// Empty between steps.
    var unwritten: [LogEntry] = []
    /// The configurations in `log` and the one at its base.
    package internal(set) var configurations: ConfigurationHistory
    /// The latest durable snapshot: at or after the log's base, at or before `appliedIndex`.
    var snapshot: RaftSnapshotPoint
    /// Which writes are durable, and what waits for them.
    var durability: Durability
    /// The nodes that the latest committed configuration knows as removed.
    var tombstones: Tombstones

    // MARK: Volatile state

    /// The role in the current term.
    var role: RaftRole = .follower
    /// The leader of the current term, if known; this node if and only if it leads.
    var leader: NodeID?
    /// Entries up to here are committed; never falls.
    var commitIndex: LogIndex
    /// Entries up to here are applied; never falls and never passes `commitIndex`.
    var appliedIndex: LogIndex
    /// When `.tick` is due at the latest; as of the end of the last step.
    ///
    /// Stored, because shells ask for it more often than they step.
    package internal(set) var nextDeadline: Instant = .zero
    /// When a node that does not lead campaigns.
    var electionDeadline: Instant = .zero
    /// When this node last heard from `leader`.
    var leaderContact: Instant = .zero
    /// The answers to the campaign under way.
    var votes = VoteTally()
    /// The snapshot that is being fetched.
    ///
    /// While there is one, nothing is appended: the stored log is about to change.
    var offered: OfferedSnapshot?
    /// Reads for which this node asks a leader.
    var forwarded: ForwardedReads
    /// What this node knows of its leader, if it holds nothing.
    var acquaintance: Acquaintance?
    /// How fresh this node's knowledge is.
    package internal(set) var freshness: FreshnessTracker
    /// The entry of the committed configuration that removed this node, once that is known: it then does nothing more.
    package internal(set) var removedAt: LogIndex?
    /// The leadership that the shell was told of.
    var announcedLeadership: RaftLeadership
    /// The commit index that the shell was told of.
    var announcedCommit: LogIndex

    // MARK: Leader's state, meaningful while this node leads

    /// Every other member, ascending; empty while this node does not lead.
    var peers: [PeerProgress] = []
    /// When heartbeats are due.
    var heartbeatDeadline: Instant = .distantFuture
    /// Reads that wait for a quorum.
    var reads = LeaderReads()
    /// The hand-over under way.
    var transfer: LeadershipTransfer?
    /// The bytes of entries after `commitIndex`.
    var uncommittedBytes = 0
    /// Whether nothing is left to do about the membership.
    var isMembershipSettled = true
    /// The learners that are to vote, in the order of their ids.
    var catchUps: [CatchUp] = []
    /// Nodes that are to be told, once it is committed, that they are members no more.
    var departing: [NodeID] = []
    /// The change that was abandoned last.
    var abandoned: AbandonedChange?

    /// Starts a node from what its storage holds, as a follower that knows no leader.
    ///
    /// `seed` must differ from node to node and from start to start: besides election timeouts it numbers questions, and
    /// an answer to one of an earlier life must not fit. Requires stored entries without gaps that meet the snapshot.
    package init(options: RaftOptions, boot: RaftBoot, seed: UInt64, now: Instant) {
        self.options = options
        self.now = now
        var random = SeededRandom(seed: seed ^ SeededRandom.mix(options.id.rawValue))
        forwarded = ForwardedReads(firstRequest: random.next() >> 1)
        freshness = FreshnessTracker(firstProbe: random.next() >> 1)
        self.random = random
        hardState = boot.hardState
        snapshot = boot.snapshot
        // Entries before the snapshot serve nobody but a slow follower, and what they say about configurations is in
        // the snapshot.
        var log = RaftLog(
            baseIndex: boot.snapshot.index,
            baseTerm: boot.snapshot.term,
            baseTimestamp: boot.snapshot.timestamp
        )
        var configurations = ConfigurationHistory(
            index: boot.snapshot.index,
            configuration: boot.snapshot.configuration
        )
        // A crash between installing a snapshot and removing the log that it contradicts leaves both.
        let isContradicted = boot.entries.contains { entry in
            entry.index == boot.snapshot.index && entry.term != boot.snapshot.term
        }
        for entry in boot.entries where entry.index > boot.snapshot.index && !isContradicted {
            log.append(entry)
            if planted("starts-with-old-members"), entry.index > RaftCore.firstIndex { continue }
            if let configuration = RaftCore.configuration(in: entry) {
                configurations.append(configuration, at: entry.index)
            }
        }
        precondition(log.lastTerm <= boot.hardState.term, "the stored log is ahead of the stored term")
        self.log = log
        self.configurations = configurations
        durability = Durability(index: log.lastIndex)
        let removed = boot.snapshot.configuration.removed
        tombstones = Tombstones(index: boot.snapshot.index, nodes: removed)
        removedAt = removed.contains(options.id) ? boot.snapshot.index : nil
        commitIndex = boot.snapshot.index
        appliedIndex = boot.snapshot.index
        announcedCommit = boot.snapshot.index
        announcedLeadership = RaftLeadership(term: boot.hardState.term, role: .follower, leader: nil)
        restartElectionTimer()
        nextDeadline = deadline
    }

    /// This node.
    var id: NodeID { options.id }

    /// The current term.
    var term: Term { hardState.term }

    /// The configuration in force.
    var configuration: RaftConfiguration { configurations.current.configuration }

    /// The configuration that a stored or verified entry brings; nil for other kinds.
    static func configuration(in entry: LogEntry) -> RaftConfiguration? {
        guard entry.kind == .configuration else { return nil }
        do throws(ByteError) {
            return try RaftConfiguration(payload: entry.payload)
        } catch {
            preconditionFailure("the configuration at index \(entry.index) cannot be read: \(error)")
        }
    }
}
