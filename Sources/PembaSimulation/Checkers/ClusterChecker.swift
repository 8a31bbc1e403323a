// Pemba: promises that hold after every event.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaService

/// Watches all nodes at once, as nobody in a real cluster can.
///
/// Each promise is checked when something happens that could break it, so that an event costs a bounded time: that of
/// leaders when one is elected, of the log when a disk acknowledges entries, of commitment when it rises.
struct ClusterChecker {
    private struct Seen {
        var boot: UInt64 = 0
        var term: Term = .zero
        var commit: LogIndex = .zero
        var applied: LogIndex = .zero
        var steps = 0
    }

    /// The committed log: what every node applies, entry by entry.
    private(set) var chain: [LogEntry] = []
    /// The terms of what is committed, and those in which it was; this may be ahead of what anybody has applied.
    private var committed: [(term: Term, in: Term)] = []
    /// The entries at each index that some disk has acknowledged, one for each term.
    private var written: [[LogEntry]] = []
    private var stateHashes: [UInt64: UInt64] = [:]
    private var leaders: [Term: NodeID] = [:]
    private var seen: [Seen]

    /// Steps of a node between two looks at all of its log.
    private static let stepsBetweenLooks = 512

    init(placesMax: Int) { seen = Array(repeating: Seen(), count: placesMax) }

    /// The end of what is committed.
    var committedIndex: LogIndex { LogIndex(UInt64(committed.count)) }
    /// How many terms had a leader.
    var electionCount: Int { leaders.count }

    /// One leader a term, and one that has everything that is committed.
    mutating func leadership(_ leadership: RaftLeadership, at place: Int, _ node: SimulatedNode) throws(Violation) {
        guard leadership.role == .leader else { return }
        let other = leaders.updateValue(node.id, forKey: leadership.term)
        if let other, other != node.id {
            throw Violation("nodes \(other) and \(node.id) lead in term \(leadership.term)")
        }
        guard other == nil, let process = node.process else { return }
        // A leader that learns late that it was elected need not have what leaders of later terms have committed.
        guard let place = committed.lastIndex(where: { $0.in < leadership.term }) else { return }
        let index = LogIndex(UInt64(place) + 1)
        let isHeld = process.replica.stateMachine.index >= index
        guard isHeld || process.replica.term(at: index) == committed[place].term else {
            throw Violation("node \(node.id) leads in term \(leadership.term) without the committed entry \(index)")
        }
    }

    /// Nothing goes back, equal logs give equal states, and what is committed is durable.
    mutating func check(_ place: Int, _ replica: borrowing Replica, of nodes: [SimulatedNode]) throws(Violation) {
        let node = nodes[place]
        let (term, commit, applied) = (replica.leadership.term, replica.commit, replica.stateMachine.index)
        var last = seen[place]
        if last.boot != node.boot { last = Seen(boot: node.boot, term: last.term) }
        let isNews = last.steps % ClusterChecker.stepsBetweenLooks == 0 || term != last.term
        replica.checkInvariants(includingLog: isNews)
        guard term >= last.term || term >= node.durable.hardState.term else {
            throw Violation("the term of node \(node.id) falls from \(last.term) to \(term)")
        }
        guard commit >= last.commit, applied >= last.applied, applied <= commit else {
            throw Violation("node \(node.id) has committed \(commit) and applied \(applied) after \(last)")
        }
        if commit.rawValue > UInt64(committed.count) { try noteCommit(of: replica, nodes) }
        if applied != last.applied { try compareState(of: replica.stateMachine, at: node.id) }
        seen[place] = Seen(boot: node.boot, term: term, commit: commit, applied: applied, steps: last.steps + 1)
    }

    /// What is committed is durable on a quorum of the configuration in force.
    private mutating func noteCommit(of replica: borrowing Replica, _ nodes: [SimulatedNode]) throws(Violation) {
        // A leader counts by the latest configuration in its log, and may put the next one in force in the same step.
        let quorums = replica.latestConfigurations.map(\.quorum)
        while UInt64(committed.count) < replica.commit.rawValue {
            let index = LogIndex(UInt64(committed.count) + 1)
            guard let term = replica.term(at: index) else {
                throw Violation("node \(replica.id) alone knows entry \(index) as committed, and has it not")
            }
            let isHeld = quorums.contains { quorum in
                quorum.result { id in nodes.first { $0.id == id }?.holds(index, term: term) == true } == .won
            }
            guard isHeld else {
                let holders = nodes.filter { $0.durable.holds(index, term: term) }.map(\.id)
                throw Violation("entry \(index) of term \(term) is committed and durable on \(holders) only")
            }
            committed.append((term, replica.leadership.term))
        }
    }

    private mutating func compareState(of machine: StateMachine, at node: NodeID) throws(Violation) {
        let hash = machine.stateHash
        if let other = stateHashes.updateValue(hash, forKey: machine.index.rawValue), other != hash {
            throw Violation("node \(node) has another state than others at revision \(machine.revision)")
        }
    }

    /// A node restored the state of a snapshot.
    mutating func noteInstalled(_ machine: StateMachine) throws(Violation) {
        let hash = machine.stateHash
        if let other = stateHashes.updateValue(hash, forKey: machine.index.rawValue), other != hash {
            throw Violation("the snapshot at \(machine.revision) restores another state than was applied")
        }
    }

    /// Entries of one index and one term are the same everywhere, whether they are ever committed or not.
    mutating func noteDurable(_ entries: [LogEntry], at node: NodeID) throws(Violation) {
        for entry in entries {
            let place = Int(entry.index.rawValue) - 1
            while written.count <= place { written.append([]) }
            if let other = written[place].first(where: { $0.term == entry.term }) {
                guard other == entry else {
                    throw Violation("node \(node) has another entry \(entry.index) of term \(entry.term) than others")
                }
            } else {
                written[place].append(entry)
            }
        }
    }

    /// The entries that a node is about to apply are those that all apply.
    mutating func noteEntries(of replica: borrowing Replica, count: Int) throws(Violation) {
        let first = replica.stateMachine.index.next
        let last = LogIndex(first.rawValue + UInt64(count))
        for entry in replica.committedEntries(from: first, upTo: last) {
            let place = Int(entry.index.rawValue) - 1
            if place == chain.count {
                chain.append(entry)
            } else if place > chain.count {
                throw Violation("entry \(entry.index) is committed before entry \(chain.count + 1)")
            } else if chain[place] != entry {
                throw Violation("node \(replica.id) has another entry \(entry.index) than others")
            }
        }
    }

    /// What is acknowledged is committed; commitment is durable (`noteCommit`).
    func checkAcknowledged(_ index: LogIndex) throws(Violation) {
        guard index.rawValue >= 1, index.rawValue <= UInt64(committed.count) else {
            throw Violation("entry \(index) is acknowledged and not committed")
        }
    }
}
