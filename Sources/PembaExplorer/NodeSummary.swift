// Pemba: what the checks ask about a node.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// What invariants and the choice of events need to know about a node, worked out once.
struct NodeSummary {
    let term: Term
    let role: RaftRole
    let commit: Int
    /// The terms of the log's entries.
    let terms: [UInt64]
    /// Hashes of the log up to each entry: equal ones mean equal logs up to there.
    let log: [UInt64]
    /// The same of the log on disk.
    let stored: [UInt64]
    /// The term on disk.
    let storedTerm: Term
    let writeCount: Int
    /// How far it has got: all that it does later takes it further, but for crashes and entries that are replaced.
    let progress: Int
    /// Whether silence would change anything.
    let canFallSilent: Bool
    /// Whether it takes another node for one that has lost its data.
    let missesData: Bool
    /// Rounds of heartbeats that it has begun since it started.
    let roundCount: Int
    /// Reads that wait there, a repeated one as often as it was asked for.
    let waitingReadCount: Int
    /// The configurations in the log.
    let configurations: [RaftConfiguration]

    init(_ node: ExploredNode) {
        let entries = node.core.logEntries
        let status = node.core.status()
        term = status.leadership.term
        role = status.leadership.role
        commit = Int(status.commit.rawValue)
        terms = entries.map(\.term.rawValue)
        log = NodeSummary.chain(entries)
        stored = NodeSummary.chain(node.disk.entries)
        storedTerm = node.disk.hardState.term
        progress = Int(term.rawValue + storedTerm.rawValue) + log.count + stored.count + commit
        writeCount = node.writes.count
        canFallSilent = role == .leader || (role == .follower && status.leadership.leader != nil)
        missesData = status.peers.contains(where: \.hasLostData)
        roundCount = node.core.roundCount
        waitingReadCount = node.core.waitingReadCount
        configurations = entries.compactMap { entry in
            entry.kind == .configuration ? try? RaftConfiguration(payload: entry.payload) : nil
        }
    }

    /// Whether its log is at least as far as another's, so that it would get that node's vote.
    func isUpToDate(with other: NodeSummary) -> Bool {
        let (mine, theirs) = (terms.last ?? 0, other.terms.last ?? 0)
        return mine > theirs || (mine == theirs && terms.count >= other.terms.count)
    }

    private static func chain(_ entries: [LogEntry]) -> [UInt64] {
        var hash: UInt64 = 0
        return entries.map { entry in
            hash = SeededRandom.mix(hash &+ entry.digest { $0.rawValue })
            return hash
        }
    }
}
