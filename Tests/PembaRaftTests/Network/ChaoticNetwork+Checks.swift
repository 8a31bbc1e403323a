// Pemba: what must hold of Raft cores however the network and the disks fail.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

extension ChaoticNetwork {
    /// Checks everything; throws what was violated first.
    mutating func check() throws(Violation) {
        for position in 0..<nodes.count where isUp[position] {
            let node = nodes[position]
            if node.role == .leader {
                let known = leaderOfTerm[node.term.rawValue]
                if known == nil { leadersSeen += 1 }
                guard known == nil || known == node.id else {
                    throw Violation(description: "two leaders in term \(node.term): \(node.id) and another")
                }
                if known == nil { try checkCompleteness(of: node) }
                leaderOfTerm[node.term.rawValue] = node.id
            }
            guard node.term >= highest[position].term, node.commit >= highest[position].commit else {
                throw Violation(description: "term or commit index of node \(node.id) fell")
            }
            let isNew = node.commit > highest[position].commit
            highest[position] = (node.term, node.commit)
            if isNew { try checkCommitted(of: node) }
            try checkReads(of: node)
            if node.configuration.isJoint { jointsSeen += 1 }
            if node.core.removedAt != nil { removalsLearned += 1 }
        }
        if random.chance(1, in: 20) { try checkLogMatching() }
    }

    /// What is committed is the same everywhere, forever, and durable on a quorum.
    private mutating func checkCommitted(of node: TestNode) throws(Violation) {
        for entry in node.log where entry.index <= node.commit {
            let position = Int(entry.index.rawValue) - 1
            if position < committed.count {
                guard committed[position] == entry else {
                    throw Violation(description: "two entries are committed at \(entry.index)")
                }
            } else {
                guard position == committed.count else { continue }
                committed.append(entry)
                // The leader has counted by the latest configuration, which may have been replaced in the same step.
                let isDurable = node.core.configurations.items.contains { item in
                    let holds = item.configuration.quorum.result { id in
                        let disk = nodes[Int(id.rawValue) - 1].disk
                        return entry.index <= disk.snapshot.index || disk.entries.contains(entry)
                    }
                    return !item.configuration.voters.isEmpty && holds == .won
                }
                guard isDurable else {
                    throw Violation(description: "the committed entry \(entry.index) is not durable on a quorum")
                }
            }
        }
    }

    private func checkCompleteness(of leader: TestNode) throws(Violation) {
        for entry in committed where entry.index >= leader.core.firstIndex {
            guard leader.core.term(at: entry.index) == entry.term else {
                throw Violation(description: "leader \(leader.id) of \(leader.term) lacks \(entry.index)")
            }
        }
    }

    /// Entries of equal index and term are equal, and so is everything before them.
    private func checkLogMatching() throws(Violation) {
        for left in nodes {
            for right in nodes where left.id < right.id {
                var agrees = false
                var index = min(left.last, right.last)
                let first = max(left.core.firstIndex, right.core.firstIndex)
                let leftFirst = left.core.firstIndex.rawValue
                let rightFirst = right.core.firstIndex.rawValue
                let leftLog = left.log
                let rightLog = right.log
                while index >= first, index > .zero {
                    let ours = leftLog[Int(index.rawValue - leftFirst)]
                    let theirs = rightLog[Int(index.rawValue - rightFirst)]
                    if ours.term == theirs.term { agrees = true }
                    guard !agrees || ours == theirs else {
                        throw Violation(description: "logs of \(left.id) and \(right.id) differ at \(index)")
                    }
                    index = index.previous
                }
            }
        }
    }

    private mutating func checkReads(of node: TestNode) throws(Violation) {
        for answer in node.ready {
            readsAnswered += 1
            guard let floor = readFloor[answer.ticket], answer.index >= floor else {
                throw Violation(description: "a read at \(node.id) was answered at \(answer.index), which is stale")
            }
        }
        node.ready = []
    }
}
