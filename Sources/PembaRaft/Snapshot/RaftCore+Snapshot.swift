// Pemba: snapshots in place of log entries.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    // MARK: At the leader

    /// Offers the latest snapshot to a peer that lacks entries which the log no longer has.
    mutating func offerSnapshot(to position: Int, into effects: inout [RaftEffect]) {
        precondition(snapshot.index >= log.baseIndex, "entries were forgotten that no snapshot covers")
        let peer = peers[position].id
        if peers[position].answersBlank, mustHaveData(peer) {
            refuseBlankVoter(at: position)
            return
        }
        peers[position].becomeSnapshot(snapshot.index)
        send(.installSnapshot(index: snapshot.index, term: snapshot.term), to: peer, into: &effects)
        effects.append(.sendSnapshot(to: peer, index: snapshot.index, term: snapshot.term))
    }

    /// The term of a snapshot that is still this node's latest.
    func snapshotTerm(at index: LogIndex) -> Term? { index == snapshot.index ? snapshot.term : nil }

    /// A peer has installed the snapshot, or could not.
    mutating func snapshotResponse(
        index: LogIndex,
        installed: Bool,
        from position: Int,
        into effects: inout [RaftEffect]
    ) {
        guard installed else {
            snapshotSent(to: peers[position].id, index: index, succeeded: false)
            return
        }
        guard index <= log.lastIndex else { return }
        let isNew = peers[position].accept(index)
        if isNew { peers[position].lastMovement = now }
        // What a snapshot covers counts as committed.
        peers[position].commitTold = max(peers[position].commitTold, index)
        // The log may have been compacted past the snapshot meanwhile; a probe then finds that out.
        if log.term(at: peers[position].match) != nil {
            if peers[position].state != .replicate { peers[position].becomeReplicate() }
        } else if case .snapshot = peers[position].state {
            peers[position].becomeProbe()
        }
        if isNew { advanceCommit(into: &effects) }
        sendAppends(to: position, into: &effects)
    }

    /// Streaming to `peer` ended.
    ///
    /// Success is known only from its own answer; after a failure it is probed again once it is heard from.
    mutating func snapshotSent(to peer: NodeID, index: LogIndex, succeeded: Bool) {
        guard !succeeded, let position = peers.firstIndex(where: { $0.id == peer }) else { return }
        guard peers[position].state == .snapshot(index) else { return }
        peers[position].becomeProbe()
        peers[position].isProbeOut = true
    }

    // MARK: At a follower

    /// The leader offers a snapshot because its log does not reach back to what this node lacks.
    mutating func installSnapshot(index: LogIndex, term: Term, from peer: NodeID, into effects: inout [RaftEffect]) {
        if index <= commitIndex, !planted("takes-old-snapshot") {
            sendWhenDurable(.log, .appendAccepted(match: commitIndex), to: peer, into: &effects)
            return
        }
        if offered == nil, log.term(at: index) == term {
            // The log has it all and agrees; only the commit index was behind.
            commit(upTo: index)
            sendWhenDurable(.log, .appendAccepted(match: index), to: peer, into: &effects)
            return
        }
        // The leader says so again with its next heartbeat.
        guard mayTakeEntries() else { return }
        let offer = OfferedSnapshot(from: peer, index: index, term: term)
        guard offered != offer else { return }
        // An older offer, or the same snapshot from a leader that has been replaced, gives way.
        if let current = offered, current.index > index { return }
        offered = offer
        effects.append(.receiveSnapshot(from: peer, index: index, term: term))
    }

    /// The state and the stored log now begin at `point`.
    ///
    /// That is so even where a newer snapshot has been offered meanwhile; what that one covers is then still missing.
    mutating func snapshotInstalled(_ point: RaftSnapshotPoint, into effects: inout [RaftEffect]) {
        guard point.index > commitIndex else { return }
        if let offer = offered, offer.index <= point.index { offered = nil }
        if log.term(at: point.index) == point.term {
            commit(upTo: point.index)
            log.compact(upTo: point.index)
        } else {
            precondition(role != .leader, "a leader lacks what is committed")
            log = RaftLog(baseIndex: point.index, baseTerm: point.term, baseTimestamp: point.timestamp)
            durability.truncate(after: point.index)
        }
        durability.install(point.index)
        // Configurations after the point stay if their entries do.
        let later = configurations.items.filter { $0.index > point.index && $0.index <= log.lastIndex }
        let members = planted("snapshot-keeps-members") ? configuration : point.configuration
        configurations = ConfigurationHistory(index: point.index, configuration: members)
        for item in later { configurations.append(item.configuration, at: item.index) }
        snapshot = point
        commitIndex = point.index
        appliedIndex = point.index
        announcedCommit = point.index
        noteCommittedConfiguration()
        if let leader {
            let body = RaftMessage.Body.snapshotResponse(index: point.index, installed: true)
            sendWhenDurable(.hardState, body, to: leader, into: &effects)
        }
    }

    /// The offered snapshot cannot be had; the leader may offer another.
    mutating func snapshotFailed(index: LogIndex, into effects: inout [RaftEffect]) {
        guard let offer = offered, offer.index == index, !planted("failed-snapshot-blocks") else { return }
        offered = nil
        if let leader {
            let body = RaftMessage.Body.snapshotResponse(index: index, installed: false)
            sendWhenDurable(.hardState, body, to: leader, into: &effects)
        }
    }

    // MARK: Compaction

    /// A durable snapshot covers the log up to `index`, all of which is applied: forgets entries, but for some that
    /// followers may still need.
    mutating func compact(upTo index: LogIndex) {
        precondition(index <= appliedIndex, "a snapshot of what was not applied")
        guard index > snapshot.index, let point = snapshotPoint(at: index) else { return }
        snapshot = point
        durability.install(index)
        let base = compactionBase(for: index)
        log.compact(upTo: base)
        configurations.compact(upTo: base)
    }

    /// The last entry that may be forgotten.
    private func compactionBase(for index: LogIndex) -> LogIndex {
        var base = index
        var bytes = 0
        var kept = 0
        while base > log.baseIndex, kept < options.trailingEntries {
            bytes += log.byteCount(at: base)
            guard bytes <= options.trailingBytes else { break }
            kept += 1
            base = base.previous
        }
        for peer in peers {
            // Whoever is fetching an older snapshot goes on from there.
            guard case .snapshot(let pending) = peer.state, !planted("forgets-who-fetches") else { continue }
            guard now - peer.lastContact < options.snapshotRetention else { continue }
            base = min(base, max(pending, log.baseIndex))
        }
        return base
    }
}
