// Pemba: replication as a follower does it.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Takes up entries of the leader if the log agrees with its up to where they begin (Raft paper, figure 2).
    mutating func appendEntries(
        _ entries: [LogEntry],
        after previous: LogIndex,
        term previousTerm: Term,
        commit: LogIndex,
        from leader: NodeID,
        into effects: inout [RaftEffect]
    ) {
        let isWellFormed = RaftCore.isWellFormed(entries, after: previous, term: previousTerm, upTo: term)
        guard offered == nil, isWellFormed else { return }
        // What it cannot take it asks for again with its next answer to a heartbeat.
        if previous == .zero, !mayTakeEntries() { return }
        if previous < commitIndex {
            // An old message: what is committed agrees with every later leader's log.
            sendWhenDurable(.log, .appendAccepted(match: commitIndex), to: leader, into: &effects)
            return
        }
        guard log.term(at: previous) == previousTerm || (planted("checks-no-term") && previous <= log.lastIndex) else {
            // What is committed here agrees with any leader's log.
            let agreed = log.lastIndex(upTo: min(previous, log.lastIndex), termAtMost: previousTerm)
            let hint = max(agreed, commitIndex)
            let emptyTerm = hardState.debt?.term ?? .zero
            let hintTerm = hint == .zero ? emptyTerm : log.term(at: hint) ?? .zero
            let rejection = RaftMessage.Body.appendRejected(rejected: previous, hintIndex: hint, hintTerm: hintTerm)
            sendWhenDurable(.hardState, rejection, to: leader, into: &effects)
            return
        }
        acceptEntries(entries)
        let last = LogIndex(previous.rawValue + UInt64(entries.count))
        // Entries after the last new one may not be the leader's.
        if min(commit, last) > commitIndex { self.commit(upTo: min(commit, last)) }
        let requirement: Requirement = last <= durability.index ? .hardState : .log
        if planted("acknowledges-unwritten") { send(.appendAccepted(match: last), to: leader, into: &effects) }
        sendWhenDurable(requirement, .appendAccepted(match: last), to: leader, into: &effects)
    }

    /// Appends what the log lacks, after removing what contradicts it, and only that.
    private mutating func acceptEntries(_ entries: [LogEntry]) {
        var present = 0
        for entry in entries {
            guard let known = log.term(at: entry.index), known == entry.term else { break }
            present += 1
        }
        if planted("truncates-on-old-append"), !entries.isEmpty { present = 0 }
        guard present < entries.count else { return }
        let kept = entries[present].index.previous
        if kept < log.lastIndex {
            precondition(kept >= commitIndex, "a committed entry would be removed")
            log.truncate(after: kept)
            durability.truncate(after: kept)
            configurations.truncate(after: kept)
        }
        for entry in entries[present...] {
            log.append(entry)
            if let configuration = RaftCore.configuration(in: entry) {
                configurations.append(configuration, at: entry.index)
            }
        }
        unwritten = present == 0 ? entries : Array(entries[present...])
    }

    /// Whether a leader could have sent this.
    ///
    /// Anything else is dropped like a damaged message.
    private static func isWellFormed(
        _ entries: [LogEntry],
        after previous: LogIndex,
        term previousTerm: Term,
        upTo term: Term
    ) -> Bool {
        var index = previous
        var lowest = previousTerm
        for entry in entries {
            index = index.next
            guard entry.index == index, entry.term >= lowest, entry.term <= term else { return false }
            lowest = entry.term
            if entry.kind == .configuration {
                guard (try? RaftConfiguration(payload: entry.payload)) != nil else { return false }
            }
        }
        return lowest <= term
    }

    /// Takes up that the leader lives, and what it says about commitment and freshness.
    mutating func heartbeat(
        commit: LogIndex,
        context: UInt64,
        vouch: RaftMessage.Vouch?,
        from leader: NodeID,
        into effects: inout [RaftEffect]
    ) {
        let known = min(commit, log.lastIndex)
        if offered == nil, known > commitIndex { self.commit(upTo: known) }
        var committed: LogIndex?
        if let vouch, freshness.receive(vouch) { committed = vouch.commit }
        if isBlank { getAcquainted(round: context, committed: committed) }
        let probe = freshness.outgoingProbe(now: now)
        let answer = RaftMessage.Body.heartbeatResponse(context: isBlank ? 0 : context, probe: probe)
        sendWhenDurable(.hardState, answer, to: leader, into: &effects)
    }
}
