// Pemba: what must hold of a Raft core between any two steps.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Traps on the first thing that should be impossible.
    ///
    /// For tests and the simulation. Without the log it takes a bounded time, with it a time in the log's length.
    package func checkInvariants(includingLog: Bool = true) {
        checkPositions()
        if includingLog { checkLog() }
        checkRole()
        checkPeers()
    }

    private func checkPositions() {
        precondition(appliedIndex <= commitIndex, "applied beyond what is committed")
        precondition(commitIndex <= log.lastIndex, "committed beyond the log's end")
        precondition(log.baseIndex <= snapshot.index, "entries were forgotten that no snapshot covers")
        precondition(snapshot.index <= appliedIndex, "a snapshot of what was not applied")
        precondition(durability.index <= log.lastIndex, "durable beyond the log's end")
        precondition(durability.index >= log.baseIndex, "a forgotten entry that is not durable")
        precondition(log.lastTerm <= term, "an entry of a term that was not reached")
        precondition(unwritten.isEmpty && !isHardStateDirty, "a step left something unwritten")
        precondition(announcedCommit == commitIndex, "a commitment that the shell was not told of")
        precondition(configurations.current.index <= log.lastIndex, "a configuration in force without its entry")
    }

    private func checkLog() {
        var bytes = 0
        var index = log.firstIndex
        var previousTerm = log.term(at: log.baseIndex) ?? .zero
        var configurationIndices = configurations.items.dropFirst().map(\.index)[...]
        while index <= log.lastIndex {
            guard let term = log.term(at: index) else { preconditionFailure("a gap in the log") }
            precondition(term >= previousTerm, "terms fall in the log")
            previousTerm = term
            bytes += log.byteCount(at: index)
            if configurationIndices.first == index { configurationIndices = configurationIndices.dropFirst() }
            index = index.next
        }
        precondition(bytes == log.byteCount, "the log's size is wrong")
        precondition(configurationIndices.isEmpty, "a configuration in force without its entry")
        guard role == .leader else { return }
        var uncommitted = 0
        index = commitIndex.next
        while index <= log.lastIndex {
            uncommitted += log.byteCount(at: index)
            index = index.next
        }
        precondition(uncommitted == uncommittedBytes, "the count of uncommitted bytes is wrong")
    }

    private func checkRole() {
        precondition((leader == id) == (role == .leader), "the leader is who leads")
        precondition(role != .candidate || hardState.vote == id, "a candidate votes for itself")
        precondition(role != .preCandidate || leader == nil, "a pre-candidate follows nobody")
        precondition(forwarded.isEmpty || leader != nil, "reads wait for a leader that is not known")
        precondition(role != .leader || forwarded.isEmpty, "a leader asks nobody")
        precondition(role != .leader || offered == nil, "a leader fetches no snapshot")
        if role != .leader {
            precondition(peers.isEmpty, "followers have no followers")
            precondition(reads.round == nil && reads.waiting.isEmpty, "reads wait at a node that does not lead")
            precondition(transfer == nil, "a hand-over by a node that does not lead")
        } else {
            precondition(durability.isHardStateDurable, "leads in a term that is not durable")
        }
    }

    private func checkPeers() {
        var previous = NodeID(0)
        for peer in peers {
            precondition(peer.id > previous, "peers are in order")
            precondition(peer.id != id, "a node is not its own peer")
            previous = peer.id
            precondition(peer.match < peer.next, "what is known to agree is sent again")
            precondition(peer.next <= log.lastIndex.next, "entries after the log's end are due")
            precondition(peer.match <= log.lastIndex, "a peer has more than its leader")
            switch peer.state {
            case .probe, .snapshot:
                precondition(peer.inflights.count == 0, "only replication counts what is in flight")
            case .replicate:
                let isFull = peer.inflights.count <= options.inflightMessagesMax
                precondition(isFull, "more messages in flight than allowed")
            }
        }
    }
}
