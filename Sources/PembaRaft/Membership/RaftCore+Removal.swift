// Pemba: nodes that are members no more.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// Whether this node votes in the configuration in force, or in an earlier one that is not known to be superseded.
    ///
    /// A node may alone hold the entry that removes it. Others then need its help to commit that, which it can only
    /// give by campaigning: their logs are shorter (dissertation, 4.2.2).
    var mayHaveVote: Bool {
        for item in configurations.items.reversed() {
            if item.configuration.quorum.contains(id) { return true }
            if item.index <= commitIndex { return false }
        }
        return false
    }

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
        return log.lastIndex == RaftCore.firstIndex && configuration.awaited.contains(id) ? .firstEntry : .more
    }

    /// Whether `peer` must have lost its data if it has only what it was made with: it votes, and has taken part.
    package func mustHaveData(_ peer: NodeID) -> Bool {
        if planted("takes-wiped-voter-back") { return false }
        return configuration.quorum.contains(peer) && !configuration.awaited.contains(peer)
    }

    /// Tells a node that was removed that it was; false if the message is to be taken up.
    ///
    /// Only a committed removal counts, as another may still go with its entry. The leader that removed itself leads
    /// until others know that.
    func turnAway(_ message: RaftMessage, into effects: inout [RaftEffect]) -> Bool {
        guard tombstones.nodes.contains(message.from), message.from != leader else { return false }
        send(.removed(configuration: tombstones.index), to: message.from, into: &effects)
        return true
    }

    /// What to tell a node that calls, and was removed; nil if it was not.
    ///
    /// One that was down when it was removed, and does not vote, would otherwise never say anything that is answered so.
    package func notice(for caller: NodeID) -> RaftMessage? {
        guard tombstones.nodes.contains(caller) else { return nil }
        return RaftMessage(from: id, to: caller, term: term, body: .removed(configuration: tombstones.index))
    }

    /// A peer says that the configuration at `index` is committed and has no place for this node: it does nothing more.
    mutating func learnRemoval(at index: LogIndex, into effects: inout [RaftEffect]) {
        guard removedAt == nil, index > configurations.item(at: commitIndex).index else { return }
        becomeFollower(term: term, leader: nil, into: &effects)
        offered = nil
        removedAt = index
    }

    /// Notes what the latest committed configuration says about removed nodes.
    mutating func noteCommittedConfiguration() {
        guard configurations.currentIndex > tombstones.index, !planted("forgets-the-removed") else { return }
        let item = configurations.item(at: commitIndex)
        guard item.index > tombstones.index else { return }
        tombstones = Tombstones(index: item.index, nodes: item.configuration.removed)
        if item.configuration.removed.contains(id), removedAt == nil { removedAt = item.index }
    }

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
    /// It has promised nothing that anybody counts on, and gets them again. On the way to a vote it begins anew.
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

    /// A voter answers as only a node with an empty log would: it has lost what it had promised to keep, and gets nothing
    /// under this id.
    mutating func refuseBlankVoter(at position: Int) {
        peers[position].hasLostData = true
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

/// Nodes that a committed configuration has removed.
struct Tombstones: Sendable {
    /// The entry of that configuration.
    var index: LogIndex
    /// Ascending.
    var nodes: [NodeID]
}
