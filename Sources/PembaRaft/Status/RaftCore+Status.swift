// Pemba: what one Raft node tells about itself.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// The whole state, for operators and tests.
    package func status() -> RaftStatus {
        RaftStatus(
            id: id,
            leadership: leadership,
            commit: commitIndex,
            applied: appliedIndex,
            first: log.firstIndex,
            last: log.lastIndex,
            durable: durability.index,
            snapshot: snapshot.index,
            logBytes: log.byteCount,
            configuration: configuration,
            configurationIndex: configurations.current.index,
            leaderContact: role == .leader || leader == nil ? nil : leaderContact,
            freshness: freshness.known,
            transferTarget: transfer?.target,
            catchingUp: catchUps.map { RaftCatchUpStatus(node: $0.node, round: $0.round, target: $0.target) },
            abandoned: abandoned,
            removedAt: removedAt,
            debt: hardState.debt,
            peers: peers.map { peer in
                RaftPeerStatus(
                    id: peer.id,
                    isVoter: configuration.quorum.contains(peer.id),
                    match: peer.match,
                    next: peer.next,
                    state: peer.state,
                    inflightMessages: peer.inflights.count,
                    lastContact: peer.lastContact,
                    hasLostData: peer.hasLostData
                )
            }
        )
    }

    /// The role, term and known leader.
    package var leadership: RaftLeadership { RaftLeadership(term: term, role: role, leader: leader) }

    /// Entries up to here are committed, as far as this node knows.
    package var committed: LogIndex { commitIndex }

    /// The first entry in memory; the stored log needs nothing before it, except that its latest snapshot stays.
    package var firstIndex: LogIndex { log.firstIndex }

    /// The end of the log.
    package var lastIndex: LogIndex { log.lastIndex }

    /// The timestamp of the last entry.
    package var lastTimestamp: Timestamp { log.lastTimestamp }

    /// The term at a position of the log in memory or at its base; nil elsewhere.
    package func term(at index: LogIndex) -> Term? { log.term(at: index) }

    /// The index of the snapshot that is being fetched.
    ///
    /// While there is one the core appends and commits nothing, so it must end in `snapshotInstalled` or
    /// `snapshotFailed` within a bounded time.
    package var offeredSnapshot: LogIndex? { offered?.index }

    /// Whether this leader is handing over.
    package var isHandingOver: Bool { transfer != nil }

    /// What this node owes because its disk has lost entries; nil: nothing.
    package var debt: LogDebt? { hardState.debt }

    /// How far the log must reach before this node, which held nothing, votes; nil: it may vote.
    package var votesFrom: LogIndex? { hardState.votesFrom > .zero ? hardState.votesFrom : nil }

    /// The configuration in force.
    package var currentConfiguration: RaftConfiguration { configuration }

    /// The configuration in force and, if the log in memory has it, the one before.
    package var latestConfigurations: [RaftConfiguration] {
        configurations.items.suffix(2).map(\.configuration)
    }

    /// The entry that brought it.
    package var currentConfigurationIndex: LogIndex { configurations.currentIndex }

    /// What a snapshot of the state at `index` must record about the log; nil where the log in memory does not reach.
    package func snapshotPoint(at index: LogIndex) -> RaftSnapshotPoint? {
        guard let term = log.term(at: index), let timestamp = log.timestamp(at: index) else { return nil }
        return RaftSnapshotPoint(
            index: index,
            term: term,
            timestamp: timestamp,
            configuration: configurations.item(at: index).configuration
        )
    }
}
