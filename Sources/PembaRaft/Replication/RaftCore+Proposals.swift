// Pemba: how entries get into the leader's log, and when they are committed.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// Appends commands to the log, all or none, if this node leads and has room for them.
    ///
    /// Requires payloads of at most `Limits.entryPayloadBytes` each.
    package mutating func propose(
        _ payloads: [[UInt8]],
        now: Instant,
        wall: Timestamp,
        into effects: inout [RaftEffect]
    ) -> ProposalOutcome {
        guard role == .leader else { return .notLeader(leader: leader) }
        guard transfer == nil else { return .transferring }
        var bytes = 0
        for payload in payloads {
            precondition(payload.count <= Limits.entryPayloadBytes, "a command exceeds the limit of an entry")
            bytes += LogEntry.fixedBytes + payload.count
        }
        guard uncommittedBytes == 0 || uncommittedBytes + bytes <= options.uncommittedBytesMax else {
            return .overloaded
        }
        let first = log.lastIndex.next
        guard !payloads.isEmpty else { return .appended(first: first, term: term) }
        begin(now: now, wall: wall)
        append(kind: .command, payloads: payloads)
        broadcastAppends(into: &effects)
        finish(into: &effects)
        return .appended(first: first, term: term)
    }

    /// Appends entries of the current term; time on them never goes back.
    mutating func append(kind: LogEntry.Kind, payloads: [[UInt8]]) {
        let timestamp = planted("stamps-by-own-clock") ? wall : max(log.lastTimestamp, wall)
        unwritten.reserveCapacity(unwritten.count + payloads.count)
        for payload in payloads {
            let entry = LogEntry(
                index: log.lastIndex.next,
                term: term,
                timestamp: timestamp,
                kind: kind,
                payload: payload
            )
            log.append(entry)
            unwritten.append(entry)
            uncommittedBytes += entry.byteCount
        }
    }

    /// Whether an entry of the current term is committed, so that this leader knows of all that is committed.
    var hasCommittedInTerm: Bool { log.term(at: commitIndex) == term }

    /// Commits what a quorum has durably, if its last entry is of the current term (Raft paper, 5.4.2).
    mutating func advanceCommit(into effects: inout [RaftEffect]) {
        var quorum = configuration.quorum
        if planted("learners-commit") { quorum = JointQuorum(incoming: configuration.members) }
        if planted("removed-leader-counts"), !quorum.incoming.voters.contains(id) { quorum.incoming.voters[0] = id }
        let reached = LogIndex(
            quorum.reached { node in
                if node == id { return (planted("counts-unwritten") ? log.lastIndex : durability.index).rawValue }
                for position in peers.indices where peers[position].id == node { return peers[position].match.rawValue }
                return nil
            }
        )
        guard reached > commitIndex, log.term(at: reached) == term || planted("commits-by-counting") else { return }
        commit(upTo: reached)
        broadcastAppends(into: &effects)
        // Reads may have waited for the first commitment of the term.
        if reads.round == nil, !reads.waiting.isEmpty { beginReadRound(into: &effects) }
    }

    /// Moves the commit index forward.
    mutating func commit(upTo index: LogIndex) {
        precondition(index <= log.lastIndex, "an entry that is not there would be committed")
        if role == .leader {
            var committed = commitIndex.next
            while committed <= index {
                uncommittedBytes -= log.byteCount(at: committed)
                committed = committed.next
            }
        }
        commitIndex = index
        noteCommittedConfiguration()
    }

    /// The entries from `first` to `last` as far as they are committed and in memory: at least one, then at most
    /// `maxBytes` of them.
    ///
    /// Requires that `first` is after the latest snapshot.
    package func entries(from first: LogIndex, upTo last: LogIndex, maxBytes: Int) -> [LogEntry] {
        log.entries(from: first, upTo: min(last, commitIndex), maxBytes: maxBytes)
    }
}
