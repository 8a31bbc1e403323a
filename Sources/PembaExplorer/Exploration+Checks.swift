// Pemba: what must hold in every state.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// The invariants of etcd's and of the dissertation's specifications of Raft, besides those of the core itself.
extension Exploration {
    /// Takes up what an event decided, and checks it against what was decided before: one leader a term; what is committed
    /// stays and is durable on a quorum; a read is answered at an index that is not before what was committed when it was
    /// asked.
    mutating func history(
        after step: Int,
        _ event: UInt32,
        at slot: Int,
        _ old: Int,
        _ new: Int,
        in state: ClusterState
    ) -> Int {
        let before = catalogue.summaries[old]
        let after = catalogue.summaries[new]
        let reads = catalogue.allSteps[step].reads
        var isRead = !reads.isEmpty
        if case .read = NodeEvent(code: event) { isRead = true }
        let leads = after.role == .leader && (before.role != .leader || before.term != after.term)
        guard leads || isRead || after.commit > before.commit else { return state.history }
        var history = catalogue.histories[state.history]
        let id = UInt64(slot) + 1
        if case .read = NodeEvent(code: event) { history.readFloors.append(history.committed.count) }
        for read in reads {
            report.readsAnswered += 1
            if history.readFloors.indices.contains(read.ticket), read.index.rawValue < history.readFloors[read.ticket] {
                violation =
                    "a read is answered at \(read.index), although \(history.readFloors[read.ticket]) was committed"
            }
        }
        if leads {
            let term = Int(after.term.rawValue)
            if history.leaders[term] != 0, history.leaders[term] != id {
                violation = "nodes \(history.leaders[term]) and \(id) lead in term \(term)"
            }
            history.leaders[term] = id
        }
        if after.commit > before.commit { commit(after, slot, in: state, &history) }
        return catalogue.number(of: history)
    }

    private mutating func commit(
        _ node: NodeSummary,
        _ slot: Int,
        in state: ClusterState,
        _ history: inout ClusterHistory
    ) {
        for position in 0..<node.commit {
            if position < history.committed.count {
                if history.committed[position] != node.log[position] {
                    violation = "node \(slot + 1) has committed another entry \(position + 1) than was committed before"
                }
                continue
            }
            history.committed.append(node.log[position])
            history.committedIn.append(node.term.rawValue)
            // The leader counted by the configuration in force, which may have been replaced in the same step.
            let isDurable = node.configurations.contains { configuration in
                let votes = configuration.quorum.result { voter in
                    let other = Int(voter.rawValue) - 1
                    let stored = other == slot ? node.stored : catalogue.summaries[state.nodes[other]].stored
                    return position < stored.count && stored[position] == node.log[position]
                }
                return votes == .won
            }
            if !isDurable {
                violation = "node \(slot + 1) commits entry \(position + 1), which is not durable on a quorum"
            }
        }
        report.committedMax = max(report.committedMax, history.committed.count)
    }

    /// Checks a state that was not seen before, in which one node has changed.
    mutating func check(_ state: ClusterState, changed slot: Int) {
        let history = catalogue.histories[state.history]
        let node = catalogue.summaries[state.nodes[slot]]
        checkLeaders(state, history)
        checkDurability(state, history)
        checkNextLeaders(state, history)
        for other in state.nodes.indices where other != slot {
            check(node, slot, against: catalogue.summaries[state.nodes[other]], other)
        }
        if node.missesData {
            violation = "node \(slot + 1) takes another for one that has lost its data, and none has"
        }
        if node.configurations.contains(where: \.isJoint) { report.sawJoint = true }
        if history.committed.count > 1 { report.statesWithCommit += 1 }
    }

    /// A leader has all that was committed in earlier terms.
    private mutating func checkLeaders(_ state: ClusterState, _ history: ClusterHistory) {
        var hasLeader = false
        for slot in state.nodes.indices {
            let node = catalogue.summaries[state.nodes[slot]]
            guard node.role == .leader else { continue }
            hasLeader = true
            for position in history.committed.indices where history.committedIn[position] < node.term.rawValue {
                guard position < node.log.count, node.log[position] == history.committed[position] else {
                    violation =
                        "node \(slot + 1) leads in term \(node.term) without the committed entry \(position + 1)"
                    return
                }
            }
        }
        if hasLeader { report.statesWithLeader += 1 }
    }

    /// What is committed stays on the disks of a quorum.
    private mutating func checkDurability(_ state: ClusterState, _ history: ClusterHistory) {
        // While the membership changes, the quorum that decided may have been replaced.
        guard bounds.reconfigurations == 0 else { return }
        for position in history.committed.indices {
            var holders = 0
            for number in state.nodes {
                let stored = catalogue.summaries[number].stored
                if position < stored.count, stored[position] == history.committed[position] { holders += 1 }
            }
            if holders * 2 <= state.nodes.count {
                violation = "the committed entry \(position + 1) is durable on \(holders) nodes only"
            }
        }
    }

    /// Whoever lacks what is committed could not be elected by a majority, given everybody's log as it is now.
    ///
    /// Another term would show that as a leader without the entry: figure 8 of the Raft paper takes four, of which this needs
    /// three.
    private mutating func checkNextLeaders(_ state: ClusterState, _ history: ClusterHistory) {
        guard bounds.reconfigurations == 0, let last = history.committed.indices.last else { return }
        for (slot, number) in state.nodes.enumerated() {
            let node = catalogue.summaries[number]
            if last < node.log.count, node.log[last] == history.committed[last] { continue }
            var voters = 0
            for other in state.nodes where node.isUpToDate(with: catalogue.summaries[other]) { voters += 1 }
            if voters * 2 > state.nodes.count {
                violation =
                    "node \(slot + 1) could be elected by \(voters) nodes without the committed entry \(last + 1)"
            }
        }
    }

    /// Logs that agree in an entry agree in all before it; who could have another's vote has what that one has committed.
    private mutating func check(_ left: NodeSummary, _ leftSlot: Int, against right: NodeSummary, _ rightSlot: Int) {
        var position = min(left.terms.count, right.terms.count) - 1
        while position >= 0, left.terms[position] != right.terms[position] { position -= 1 }
        if position >= 0, left.log[position] != right.log[position] {
            violation =
                "the logs of nodes \(leftSlot + 1) and \(rightSlot + 1) differ up to entry \(position + 1) of one term"
        }
        requireCommitted(of: left, leftSlot, at: right, rightSlot)
        requireCommitted(of: right, rightSlot, at: left, leftSlot)
    }

    private mutating func requireCommitted(of node: NodeSummary, _ slot: Int, at other: NodeSummary, _ otherSlot: Int) {
        guard node.commit > 0, other.isUpToDate(with: node) else { return }
        let position = node.commit - 1
        if position >= other.log.count || other.log[position] != node.log[position] {
            violation =
                "node \(otherSlot + 1) could be elected without entry \(node.commit), which node \(slot + 1) has committed"
        }
    }
}
