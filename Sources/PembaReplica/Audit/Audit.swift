// Pemba: comparing the states of replicas through the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// Finds out whether this node's state is that of the others, and who is wrong if it is not.
///
/// Every node notes its hash after every entry whose index is a multiple of the interval. The leader then writes its own
/// into the log. Whoever has another one says so, in the log too. Who differs takes itself for wrong at once, until a
/// majority of the voters has said the same: then it is everybody else, the leader included, who is wrong. As all read the
/// same statements in the same order, all come to the same verdict.
struct Audit {
    /// What nodes have said about one entry.
    private struct Hearing {
        var index: LogIndex
        /// What was said first: by the leader.
        var claim: UInt64
        var dissents: [(node: NodeID, hash: UInt64)] = []
    }

    /// Hashes that are kept: statements come soon after their entry.
    private static let keptMax = 64

    private let interval: UInt64
    /// This node's hashes, ascending by index.
    private var own: [AuditStatement] = []
    private var hearing: Hearing?
    /// Why this node's state is not to be believed; nil: it is.
    private(set) var quarantine: Quarantine?

    /// Audits after every `interval` entries; 0: never.
    init(interval: Int) { self.interval = UInt64(interval) }

    /// Whether the state after `index` is to be noted.
    func isDue(_ index: LogIndex) -> Bool { interval > 0 && index.rawValue % interval == 0 }

    /// Notes this node's state.
    mutating func note(_ statement: AuditStatement) {
        if own.count == Audit.keptMax { own.removeFirst() }
        own.append(statement)
    }

    /// The state is another one: it was loaded from a snapshot.
    mutating func restart() {
        own = []
        hearing = nil
        quarantine = nil
    }

    /// Takes up what `node` said in the log; returns what this node, `id`, has to say against it.
    mutating func hear(
        _ statement: AuditStatement,
        from node: NodeID,
        id: NodeID,
        voters: JointQuorum
    ) -> AuditStatement? {
        if let hearing, statement.index < hearing.index { return nil }
        if hearing?.index != statement.index { hearing = Hearing(index: statement.index, claim: statement.hash) }
        let isKnown = hearing?.dissents.contains { $0.node == node } ?? true
        if statement.hash != hearing?.claim, !isKnown { hearing?.dissents.append((node, statement.hash)) }
        guard let mine = own.last(where: { $0.index == statement.index }), let hearing else { return nil }
        let truth = verdict(hearing, voters)
        let differs = mine.hash != truth
        quarantine = differs ? Quarantine(index: mine.index, own: mine.hash, others: truth) : nil
        let hasSpoken = node == id || hearing.dissents.contains { $0.node == id }
        return mine.hash != hearing.claim && !hasSpoken ? mine : nil
    }

    /// The hash that a majority of the voters has stated against the claim, or else the claim.
    private func verdict(_ hearing: Hearing, _ voters: JointQuorum) -> UInt64 {
        for dissent in hearing.dissents {
            let result = voters.result { voter in
                hearing.dissents.contains { $0.node == voter && $0.hash == dissent.hash } ? true : nil
            }
            if result == .won { return dissent.hash }
        }
        return hearing.claim
    }
}
