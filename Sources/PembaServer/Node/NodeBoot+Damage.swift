// Pemba: starting from a data folder that has lost something.
// SPDX-License-Identifier: Apache-2.0

import Logging
import PembaCore
import PembaRaft
import PembaStorage

extension NodeBoot {
    /// Says what the disk has lost and what the node does about it.
    static func reportDamage(_ recovered: RecoveredState, logger: Logger) {
        if let damage = recovered.damage {
            logger.error(
                "the data folder is damaged; that is set aside, and the node gets what it lacks from the others",
                metadata: ["damage": "\(damage)"]
            )
        } else if let loss = recovered.snapshotLoss {
            logger.error(
                "the snapshot was damaged and is set aside; the log has everything",
                metadata: ["error": "\(loss)"]
            )
        }
        if let debt = recovered.hardState.debt {
            logger.warning("\(debt.explanation)", metadata: ["raft.debt_term": .stringConvertible(debt.term.rawValue)])
        }
    }

    /// Sets aside the whole state of a node, so that it gets a new one from the others; says that it has done so.
    package static func discardState(_ configuration: NodeConfiguration) throws(StartupError) -> String {
        do throws(StorageError) {
            let store = try open(configuration)
            if try isSoleVoter(store, configuration.node) {
                throw StorageError(
                    .notInitialised,
                    path: configuration.dataFolder,
                    operation: "set aside the state in",
                    reason:
                        "node \(configuration.node) alone votes in its cluster, so that no other could give it another",
                    remedy: "copy the data folder, and add other nodes first"
                )
            }
            try store.setAllAside()
            store.close()
            // Opening it again notes what the node owes.
            try open(configuration).close()
            return "the state of node \(configuration.node) is set aside: it gets another at its next start"
        } catch {
            throw StartupError(error)
        }
    }

    /// Whether nobody else votes in the last configuration that the folder holds.
    private static func isSoleVoter(
        _ store: ReplicaStore<POSIXFileSystem>,
        _ node: NodeID
    ) throws(StorageError) -> Bool {
        let last = store.recovered.entries.last { $0.kind == .configuration }
        let stored = last.flatMap { try? RaftConfiguration(payload: $0.payload) }
        guard let latest = stored ?? store.snapshot?.point.configuration else { return false }
        return latest.voters == [node] && latest.outgoingVoters.isEmpty
    }

    private static func open(
        _ configuration: NodeConfiguration
    ) throws(StorageError) -> ReplicaStore<POSIXFileSystem> {
        let identity = StoreIdentity(
            cluster: configuration.cluster,
            node: configuration.node,
            epoch: configuration.epoch
        )
        return try ReplicaStore(opening: configuration.dataFolder, files: POSIXFileSystem(), expecting: identity)
    }

    /// Takes what a node has lost for lost for good, as an operator has decided, and says what that was.
    package static func forgiveDebt(_ configuration: NodeConfiguration) throws(StartupError) -> String {
        do throws(StorageError) {
            let store = try open(configuration)
            defer { store.close() }
            guard store.recovered.hardState.debt != nil else {
                return "node \(configuration.node) has lost nothing: nothing was changed"
            }
            try store.forgiveDebt()
            let last = store.recovered.entries.last?.index ?? store.snapshot?.point.lastIndex ?? .zero
            return
                "node \(configuration.node) counts as whole, with its log up to entry \(last), from now on"
        } catch {
            throw StartupError(error)
        }
    }
}

extension LogDebt {
    /// What it means, for alarms and logs.
    var explanation: String {
        switch kind {
        case .tail:
            "the end of the log was damaged: until a leader has replaced it, this vote counts only if all voters agree"
        case .range:
            "the log or the snapshot was damaged: until this node has everything again from a leader, it does not vote"
        }
    }
}
