// Pemba: promises that hold after every event.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage

/// Watches all nodes at once, as nobody in a real cluster can.
struct ClusterChecker {
    private struct Seen {
        var boot: UInt64 = 0
        var term: Term = .zero
        var commit: LogIndex = .zero
        var applied: LogIndex = .zero
    }

    /// The committed log: what every node applies, entry by entry.
    private(set) var chain: [LogEntry] = []
    private var stateHashes: [UInt64: UInt64] = [:]
    private var leaders: [Term: NodeID] = [:]
    private var seen: [Seen]

    init(nodeCount: Int) { seen = Array(repeating: Seen(), count: nodeCount) }

    /// How many terms had a leader.
    var electionCount: Int { leaders.count }

    /// One leader a term.
    mutating func leadership(_ leadership: RaftLeadership, of node: NodeID) throws(Violation) {
        guard leadership.role == .leader else { return }
        if let other = leaders[leadership.term], other != node {
            throw Violation("nodes \(other) and \(node) lead in term \(leadership.term)")
        }
        leaders[leadership.term] = node
    }

    /// Nothing goes back, and equal logs give equal states.
    mutating func check(
        _ place: Int,
        _ node: SimulatedNode,
        _ replica: Replica,
        at time: ReplicaTime
    ) throws(Violation) {
        replica.checkInvariants()
        let (term, applied) = (replica.leadership.term, replica.stateMachine.index)
        if seen[place].boot != node.boot {
            seen[place] = Seen(boot: node.boot, term: seen[place].term)
        }
        let last = seen[place]
        guard term >= last.term || term >= node.durable.hardState.term else {
            throw Violation("the term of node \(node.id) falls from \(last.term) to \(term)")
        }
        guard replica.commit >= last.commit, applied >= last.applied, applied <= replica.commit else {
            throw Violation("node \(node.id) has committed \(replica.commit) and applied \(applied) after \(last)")
        }
        if applied != last.applied { try compareState(of: replica.stateMachine, at: node.id) }
        seen[place].term = term
        seen[place].commit = replica.commit
        seen[place].applied = applied
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

    /// The entries that a node is about to apply are those that all apply.
    mutating func noteEntries(of replica: Replica, count: Int) throws(Violation) {
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

    /// What is acknowledged is durable on a majority.
    func checkDurability(_ index: LogIndex, nodes: [SimulatedNode]) throws(Violation) {
        guard index.rawValue >= 1, index.rawValue <= UInt64(chain.count) else {
            throw Violation("entry \(index) is acknowledged before anybody applied it")
        }
        let term = chain[Int(index.rawValue) - 1].term
        let holders = nodes.filter { $0.durable.holds(index, term: term) }
        guard holders.count * 2 > nodes.count else {
            throw Violation("entry \(index) is acknowledged and durable on \(holders.map(\.id)) only")
        }
    }

    /// A node finds its term and vote again.
    func checkRecovery(_ node: SimulatedNode, recovered: RecoveredState) throws(Violation) {
        let (was, found) = (node.durable.hardState, recovered.hardState)
        guard found.term > was.term || found == was || (found.term == was.term && was.vote == nil) else {
            throw Violation("node \(node.id) had \(was) on disk and finds \(found)")
        }
    }
}
