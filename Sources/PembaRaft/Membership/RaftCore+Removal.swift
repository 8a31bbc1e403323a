// Pemba: nodes that are members no more.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftCore {
    /// Whether this node votes in the configuration in force, or in an earlier one that is not known to be superseded.
    ///
    /// A node may alone hold the entry that removes it. Others then need its help to commit that, which it can only
    /// give by campaigning: their logs are shorter (dissertation, 4.2.2).
    var mayHaveVote: Bool {
        let id = id
        return configurations.mayBeInForce(after: commitIndex) { $0.quorum.contains(id) }
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
        pardonLearners()
        if item.configuration.removed.contains(id), removedAt == nil { removedAt = item.index }
    }
}

/// Nodes that a committed configuration has removed.
struct Tombstones: Sendable {
    /// The entry of that configuration.
    var index: LogIndex
    /// Ascending.
    var nodes: [NodeID]
}
