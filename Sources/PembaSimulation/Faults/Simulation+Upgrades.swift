// Pemba: nodes of a new version, and entries that the old one does not know.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica

extension Simulation {
    /// The kind of entries that the new version brings: none that any version has.
    private static let newKind: UInt8 = 0xEE

    /// Stops the next node of the old version; it starts again as one of the new version.
    ///
    /// One at a time, as an operator does it: the next when the one before has come back.
    func upgradeNext() {
        guard nodes.allSatisfy({ $0.process != nil || !$0.isUpgraded }) else { return }
        guard let place = nodes.indices.first(where: { !nodes[$0].isUpgraded && nodes[$0].process != nil }) else {
            return
        }
        upgrade(place)
    }

    private func upgrade(_ place: Int) {
        nodes[place].isUpgraded = true
        counts.upgrades += 1
        stop(place, losingPower: false)
    }

    /// A node leads: in every other run one of the new version writes entries of a new kind, whoever else is of the old one.
    func noteVersion(of leader: SimulatedNode, in term: Term) {
        if leader.isUpgraded, options.seed % 2 == 0 { termsOfNewKind.insert(term) }
    }

    /// A message as the version of its receiver reads it; nil: that version does not know all that is in it, and the node is
    /// given the new one.
    func read(_ message: PeerMessage, at place: Int) -> PeerMessage? {
        let node = nodes[place]
        guard !termsOfNewKind.isEmpty, !node.isUpgraded, node.process != nil, node.pausedUntil <= now,
            case .raft(var raft) = message,
            case .appendEntries(let previousIndex, let previousTerm, var entries, let commit) = raft.body
        else { return message }
        do throws(ByteError) {
            for place in entries.indices where isOfNewKind(entries[place]) {
                entries[place] = try asOldVersionReads(entries[place])
            }
        } catch {
            narrate("node \(node.id) cannot read what node \(raft.from) sends (\(error)), and is upgraded")
            counts.messagesUnreadable += 1
            upgrade(place)
            return nil
        }
        raft.body = .appendEntries(
            previousIndex: previousIndex,
            previousTerm: previousTerm,
            entries: entries,
            commit: commit
        )
        return .raft(raft)
    }

    /// Every eighth command of a leader that writes them.
    private func isOfNewKind(_ entry: LogEntry) -> Bool {
        entry.kind == .command && entry.index.rawValue % 8 == 0 && termsOfNewKind.contains(entry.term)
    }

    private func asOldVersionReads(_ entry: LogEntry) throws(ByteError) -> LogEntry {
        var writer = ByteWriter()
        entry.encode(into: &writer)
        writer.bytes[LogEntry.fixedBytes - 1] = Simulation.newKind
        return try writer.bytes.withUnsafeBufferPointer { bytes throws(ByteError) in
            var reader = ByteReader(UnsafeRawBufferPointer(bytes))
            return try LogEntry(decoding: &reader)
        }
    }
}
