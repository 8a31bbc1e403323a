// Pemba: what decides how a Raft core goes on, as one number.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Other names for nodes, under which a digest is taken.
///
/// Nodes that differ in their ids only do the same things: a cluster and one in which ids are exchanged have the same
/// digest under the right names.
package typealias NodeNaming = (NodeID) -> UInt64

extension RaftCore {
    /// A hash of all that decides what this node does next, but for the time and for random numbers.
    ///
    /// Equal digests mean that equal inputs have equal effects, for as long as no deadline passes: of the time only those
    /// comparisons are part of it that a message can ask for. How fresh the node calls itself is left out, since
    /// nothing else follows from it in a node that holds something. For the exploration of states: takes time in the log's
    /// length.
    package func digest(naming name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 6)
        hasher.combine(name(id))
        hasher.combine(hardState.term.rawValue)
        hasher.combine(hardState.vote.map(name) ?? .max)
        hasher.combine(hardState.debt.map { [UInt64($0.kind.rawValue), $0.term.rawValue] } ?? [])
        foldLog(into: &hasher, name)
        durability.fold(into: &hasher, name)
        hasher.combine(UInt64(role.rawValue))
        hasher.combine(leader.map(name) ?? .max)
        hasher.combine(commitIndex.rawValue)
        hasher.combine(appliedIndex.rawValue)
        votes.fold(into: &hasher, name)
        hasher.combine(hearsFromLeader ? 1 : 0)
        hasher.combine(isDiskStalled ? 1 : 0)
        hasher.combine(offered.map { [name($0.from), $0.index.rawValue, $0.term.rawValue] } ?? [])
        if isBlank {
            let known = acquaintance.map { [$0.term.rawValue, $0.firstRound, $0.latestRound, $0.commit.rawValue] }
            hasher.combine(known ?? [])
        }
        hasher.combine(hardState.votesFrom.rawValue)
        hasher.combine(removedAt?.rawValue ?? .max)
        foldForwardedReads(into: &hasher)
        if role == .leader { foldLeadership(into: &hasher, name) }
        hasher.combine(reads.context)
        return hasher.value
    }

    private func foldLog(into hasher: inout StateHasher, _ name: NodeNaming) {
        hasher.combine(snapshot.index.rawValue)
        hasher.combine(snapshot.term.rawValue)
        hasher.combine(log.baseIndex.rawValue)
        hasher.combine(log.term(at: log.baseIndex)?.rawValue ?? 0)
        hasher.combine(configurations.first.configuration.digest(naming: name))
        for entry in logEntries { hasher.combine(entry.digest(naming: name)) }
        hasher.combine(UInt64(log.count))
    }

    private func foldForwardedReads(into hasher: inout StateHasher) {
        hasher.combine(forwarded.question.map { [$0.request] + $0.tickets } ?? [])
        hasher.combine(forwarded.waiting)
    }

    private func foldLeadership(into hasher: inout StateHasher, _ name: NodeNaming) {
        var sum: UInt64 = 0
        for peer in peers { sum &+= digest(of: peer, name) }
        hasher.combine(sum)
        if let round = reads.round {
            hasher.combine([round.context, round.index?.rawValue ?? .max, UInt64(round.askers.count)])
        }
        hasher.combine(UInt64(reads.waiting.count))
        hasher.combine(transfer.map { [name($0.target), $0.isToldToCampaign ? 1 : 0] } ?? [])
        hasher.combine(isMembershipSettled ? 1 : 0)
        var learners: UInt64 = 0
        for learner in catchUps { learners &+= learner.digest(naming: name) }
        hasher.combine(learners)
        var leaving: UInt64 = 0
        for node in departing { leaving &+= SeededRandom.mix(name(node)) }
        hasher.combine(leaving)
    }

    private func digest(of peer: PeerProgress, _ name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 7)
        hasher.combine([name(peer.id), peer.match.rawValue, peer.next.rawValue, peer.commitTold.rawValue, peer.context])
        switch peer.state {
        case .probe: hasher.combine(peer.isProbeOut ? 1 : 0)
        case .replicate: peer.inflights.fold(into: &hasher)
        case .snapshot(let index): hasher.combine([2, index.rawValue])
        }
        hasher.combine(peer.answersBlank ? 1 : 0)
        hasher.combine(peer.hasLostData ? 1 : 0)
        hasher.combine(now - peer.lastMovement >= options.heartbeatInterval ? 1 : 0)
        hasher.combine(now - peer.lastContact < options.electionTimeout ? 1 : 0)
        return hasher.value
    }

    /// Rounds of heartbeats that this process has begun.
    package var roundCount: Int { Int(reads.context) }

    /// Reads that wait at this node as the leader, a repeated one as often as it was asked for.
    package var waitingReadCount: Int { reads.waiting.count + (reads.round?.askers.count ?? 0) }

    /// The entries of the log in memory, committed or not; a copy.
    package var logEntries: [LogEntry] { log.entries(from: log.firstIndex, upTo: log.lastIndex, maxBytes: .max) }
}

extension LogEntry {
    /// A hash of the entry, which is another for another term or payload; its timestamp decides nothing.
    package func digest(naming name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 8)
        hasher.combine([index.rawValue, term.rawValue, UInt64(kind.rawValue)])
        if let configuration = RaftCore.configuration(in: self) {
            hasher.combine(configuration.digest(naming: name))
        } else {
            hasher.combine(payload)
        }
        return hasher.value
    }
}

extension RaftConfiguration {
    /// A hash of the configuration.
    package func digest(naming name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 9)
        let lists = [voters, outgoingVoters, learners, nextLearners, removed, goal?.voters ?? [], goal?.learners ?? []]
        for list in lists {
            var sum: UInt64 = 0
            for node in list { sum &+= SeededRandom.mix(name(node)) }
            hasher.combine(sum)
        }
        hasher.combine(autoLeave ? 1 : 0)
        return hasher.value
    }
}

extension StateHasher {
    /// Adds numbers and their count.
    mutating func combine(_ values: [UInt64]) {
        for value in values { combine(value) }
        combine(UInt64(values.count))
    }
}
