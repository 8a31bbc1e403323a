// Pemba: how far an exploration goes.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
internal import PembaRaft

/// What may happen, and how often.
///
/// Messages may be lost, delayed, repeated and overtaken without limit, and elections begun at any time; everything
/// else has a bound, or there would be no end.
package struct ExplorationBounds: Sendable, Hashable {
    /// Nodes that vote from the first entry on.
    package var voters = 3
    /// Nodes that learn from the first entry on.
    package var learners = 0
    /// Terms after that of the first entry.
    package var terms = 2
    /// Commands that are proposed, each to any leader.
    package var entries = 1
    /// Crashes, each of any node, with any number of its outstanding writes done.
    package var crashes = 0
    /// Requests for the membership `goal`, each to any leader.
    package var reconfigurations = 0
    /// The voters that are asked for.
    package var goal: [NodeID] = []
    /// Rounds of heartbeats beyond the one that begins a leadership.
    package var heartbeats = 0
    /// Linearizable reads, each at any node.
    package var reads = 0
    /// Whether heartbeats arrive that confirm reads; otherwise only a leader that needs nobody else answers any.
    package var confirmsReads = true
    /// Whether writes take time, so that other things happen meanwhile; otherwise they are durable at once.
    package var delaysWrites = false
    /// Whether nodes ask whether they could win before they campaign, as they do in a cluster.
    package var usesPreVote = true
    /// Whether nodes refuse votes while they hear from a leader, and leaders step down without a quorum, as they do in a
    /// cluster.
    ///
    /// Without it more can happen.
    package var checksQuorum = true
    /// Whether a message carries one entry at most, so that a log may end between any two of a leader's entries.
    package var sendsOneByOne = false
    /// Bytes that the exploration may take, as far as they are counted; at the bound it ends unfinished.
    package var memoryMax = 4 << 30
    /// States that it may find; at the bound it ends unfinished.
    package var statesMax = Int.max

    package init() {}

    /// The nodes, from 1.
    var nodes: [NodeID] { (1...UInt64(voters + learners)).map { NodeID($0) } }

    /// Whether it makes no difference if each node has the place of another, `names` by node: voters begin as voters, and
    /// whoever is asked for as a voter still is.
    func areAlike(_ names: [UInt64]) -> Bool {
        zip(nodes, names).allSatisfy { node, name in
            (node.rawValue <= voters) == (name <= voters) && goal.contains(node) == goal.contains(NodeID(name))
        }
    }

    /// The settings of a node, whose deadlines pass when the exploration says so.
    func options(of node: NodeID) -> RaftOptions {
        RaftOptions(
            id: node,
            electionTimeout: .seconds(1_000),
            usesPreVote: usesPreVote,
            checksQuorum: checksQuorum,
            diskStallTimeout: .seconds(1 << 30),
            heartbeatInterval: .seconds(1),
            messageBytesMax: sendsOneByOne ? 1 : 1 << 20,
            catchUpTimeout: .seconds(1 << 30)
        )
    }

    /// The entry that every node begins with.
    var firstEntry: LogEntry {
        let configuration = RaftConfiguration(
            voters: Array(nodes.prefix(voters)),
            learners: Array(nodes.dropFirst(voters))
        )
        return LogEntry(
            index: LogIndex(1),
            term: .first,
            timestamp: .zero,
            kind: .configuration,
            payload: configuration.encoded
        )
    }

    /// Rounds of heartbeats that one process may begin: a read that is repeated asks for one each time, and its repetitions
    /// have no end.
    var roundsMax: Int { terms + heartbeats + reads }

    /// Reads that may wait at one node, for the same reason.
    var waitingReadsMax: Int { 2 * reads }

    /// The last term.
    var lastTerm: Term { Term(1 + UInt64(terms)) }
}
