// Pemba: what a node finds in its data folder when it starts.
// SPDX-License-Identifier: Apache-2.0

import Logging
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaStorage
import Synchronization

/// What is made of an empty data folder.
package enum FolderSetup: Sendable {
    /// Nothing: it is an error.
    case none
    /// A member of a new cluster, which has what every member begins with.
    case initialize
    /// A new node of a cluster, which is given everything when it is added.
    case join
}

/// How far a start has come, for `/readyz`.
package final class StartupProgress: Sendable {
    private let text = Mutex("starting")

    package init() {}

    /// What the node is doing.
    package var description: String { text.withLock { $0 } }

    func report(_ sentence: String) { text.withLock { $0 = sentence } }
}

/// The recovered state of a node, on its way from the thread that recovers to the loop that serves.
///
/// `@unchecked Sendable`: the state machine in it is confined to one thread at a time. It is made and filled before the
/// loop knows of it, and taken once.
package final class NodeBoot: @unchecked Sendable {
    private let boot: ReplicaBoot

    private init(_ boot: ReplicaBoot) { self.boot = boot }

    /// The state, for the loop.
    func takeReplicaBoot() -> ReplicaBoot { boot }

    /// Opens the data folder, making a new node of it if it is empty and that was asked for, and loads its snapshot.
    static func open<Files: FileSystem>(
        _ configuration: NodeConfiguration,
        setup: FolderSetup,
        files: Files,
        logger: Logger,
        progress: StartupProgress
    ) throws(StartupError) -> (NodeBoot, ReplicaStore<Files>) {
        do throws(StorageError) {
            progress.report("opening the data folder")
            var store = try openStore(configuration, setup: setup, files: files, logger: logger)
            let snapshot = try loadSnapshot(of: &store, configuration, files: files, logger: logger, progress: progress)
            let recovered = store.recovered
            reportDamage(recovered, logger: logger)
            if let truncation = recovered.truncation {
                logger.notice(
                    "the end of the log was torn by a crash and cut off",
                    metadata: ["reason": "\(truncation)"]
                )
            }
            let boot = ReplicaBoot(
                hardState: recovered.hardState,
                stateMachine: snapshot?.take() ?? emptyState(),
                snapshotBlockCount: snapshot?.blockCount ?? 0,
                entries: recovered.entries
            )
            boot.stateMachine.graph.keepHistory(configuration.history)
            store.releaseRecovered()
            logger.info(
                "recovered",
                metadata: [
                    "raft.term": .stringConvertible(recovered.hardState.term.rawValue),
                    "raft.snapshot_index": .stringConvertible(boot.stateMachine.index.rawValue),
                    "raft.last_index": .stringConvertible(
                        (boot.entries.last?.index ?? boot.stateMachine.index).rawValue
                    ),
                    "graph.tuples": .stringConvertible(boot.stateMachine.graph.tupleCount),
                ]
            )
            return (NodeBoot(boot), store)
        } catch {
            throw StartupError(error)
        }
    }

    private static func emptyState() -> StateMachine {
        StateMachine(capacity: .standard, hashSeed: .random(in: .min ... .max))
    }

    private static func openStore<Files: FileSystem>(
        _ configuration: NodeConfiguration,
        setup: FolderSetup,
        files: Files,
        logger: Logger
    ) throws(StorageError) -> ReplicaStore<Files> {
        let folder = configuration.dataFolder
        let identity = StoreIdentity(
            cluster: configuration.cluster,
            node: configuration.node,
            epoch: configuration.epoch
        )
        if try ReplicaStore.folderState(folder, files: files) == .empty {
            let first: [LogEntry]
            switch setup {
            case .none:
                throw StorageError(
                    .notInitialised,
                    path: folder,
                    operation: "start a node from",
                    reason: "it is empty",
                    remedy:
                        "start with --initialize if this is a new cluster, with --join if this is a node of one that is "
                        + "new or does not vote; otherwise check node.data: a voter that lost its data must not start with nothing"
                )
            case .initialize: first = [firstEntry(configuration)]
            case .join: first = []
            }
            logger.notice("making a new node", metadata: ["folder": "\(folder)", "setup": "\(setup)"])
            try ReplicaStore.initialise(
                folder,
                files: files,
                identity: identity,
                hardState: HardState(term: first.last?.term ?? .zero),
                firstEntries: first
            )
        }
        return try ReplicaStore(opening: folder, files: files, expecting: identity)
    }

    /// Every member of a new cluster begins with the same entry, so that they agree on who votes before anybody leads.
    private static func firstEntry(_ configuration: NodeConfiguration) -> LogEntry {
        let voters = configuration.members.map(\.id)
        let first = RaftConfiguration(
            voters: voters,
            awaited: voters,
            addresses: configuration.members.map { MemberAddresses(node: $0.id, peer: $0.peer, client: $0.client) }
        )
        return LogEntry(
            index: LogIndex(1),
            term: .first,
            timestamp: .zero,
            kind: .configuration,
            payload: first.encoded
        )
    }

    /// Loads the snapshot; if a block of it turns out to be damaged, goes on with what is left without it.
    private static func loadSnapshot<Files: FileSystem>(
        of store: inout ReplicaStore<Files>,
        _ configuration: NodeConfiguration,
        files: Files,
        logger: Logger,
        progress: StartupProgress
    ) throws(StorageError) -> LoadedSnapshot? {
        do throws(StorageError) {
            return try loadSnapshot(of: store, store.snapshot, logger: logger, progress: progress)
        } catch {
            guard error.code == .snapshotDamaged || error.code == .deviceFailed else { throw error }
            logger.error("the snapshot is damaged and is set aside", metadata: ["error": "\(error)"])
            try store.setSnapshotAside()
            store.close()
            store = try openStore(configuration, setup: .none, files: files, logger: logger)
            return try loadSnapshot(of: store, store.snapshot, logger: logger, progress: progress)
        }
    }

    private static func loadSnapshot<Files: FileSystem>(
        of store: ReplicaStore<Files>,
        _ manifest: SnapshotManifest?,
        logger: Logger,
        progress: StartupProgress
    ) throws(StorageError) -> LoadedSnapshot? {
        guard let manifest else { return nil }
        var loading = SnapshotLoading(manifest)
        var reported = SystemClock.now()
        do throws(SnapshotLoadingError) {
            while try loading.loadNext(from: store) {
                let (loaded, total) = (loading.loadedBlocks, loading.blockCount)
                progress.report("loading the snapshot: \(loaded) of \(total) blocks")
                guard SystemClock.now() - reported >= .seconds(1) else { continue }
                reported = SystemClock.now()
                logger.info(
                    "loading the snapshot",
                    metadata: [
                        "snapshot.loaded": .stringConvertible(loaded), "snapshot.blocks": .stringConvertible(total),
                    ]
                )
            }
            return try loading.finish()
        } catch {
            if case .storage(let error) = error { throw error }
            // Its checksums are right: another version of the program, or a fault in it, has written that.
            throw StorageError(
                .unsupportedVersion,
                path: "\(store)",
                operation: "load the snapshot of",
                reason: error.description,
                remedy: "start the version of the program that wrote it, or replace the node by a new one"
            )
        }
    }
}

extension StartupError {
    /// What a data folder that cannot be used means for the process.
    init(_ error: StorageError) {
        let code: ExitCode =
            switch error.code {
            case .notFound, .alreadyExists, .permissionDenied, .readOnly, .inUse, .wrongKind, .notInitialised,
                .alreadyInitialised, .foreignFolder, .foreignCluster, .foreignNode, .foreignEpoch:
                .folderUnusable
            default: .storageFailed
            }
        self.init(code, error.description)
    }
}
