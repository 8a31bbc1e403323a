// Pemba: starting and ending simulated nodes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage

extension Simulation {
    /// Bytes of a node's flight recording: some seconds of a busy node.
    private static let recordingBytes = 128 << 10
    /// Room for the state of a node, of some hundred tuples; what is close together costs the system fewer pages.
    private static let capacity = GraphCapacity(
        entities: 1 << 14,
        rowBytes: 1 << 20,
        stringBytes: 1 << 20,
        hugePages: false
    )

    /// A machine whose disk holds a new node of the cluster.
    func makeNode(_ place: Int, _ seed: UInt64) throws -> SimulatedNode {
        let entry = Simulation.firstEntry(options)
        let id = NodeID(UInt64(place) + 1)
        let disk = try makeDisk(of: id, seed: seed, firstEntries: [entry])
        let rate = options.has(.clockDrift) ? 950_000 + random.below(UInt64(100_000)) : 1_000_000
        let clock = SimulatedClock(rate: rate, start: 1_000_000_000 + random.below(UInt64(1) << 40))
        let node = SimulatedNode(id: id, disk: disk, clock: clock)
        node.durable = try DurableLog(of: id, firstEntries: [entry])
        return node
    }

    /// A machine whose disk holds a node that is to join.
    func makeBlankNode(_ random: inout SeededRandom) throws -> SimulatedNode {
        let id = NodeID(UInt64(nodes.count) + 1)
        let disk = try makeDisk(of: id, seed: random.next(), firstEntries: [])
        let clock = SimulatedClock(rate: 1_000_000, start: 1_000_000_000 + random.below(UInt64(1) << 40))
        return SimulatedNode(id: id, disk: disk, clock: clock)
    }

    /// A disk with a node on it that has never run.
    func makeDisk(of id: NodeID, seed: UInt64, firstEntries: [LogEntry]) throws -> SimulatedFileSystem {
        let disk = SimulatedFileSystem(seed: seed)
        try ReplicaStore.initialise(
            SimulatedNode.folder,
            files: disk,
            identity: StoreIdentity(cluster: Simulation.cluster, node: id, epoch: .first),
            hardState: HardState(term: firstEntries.last?.term ?? .zero),
            firstEntries: firstEntries,
            options: storeOptions(options.settings)
        )
        return disk
    }

    /// What every member of the new cluster begins with.
    static func firstEntry(_ options: SimulationOptions) -> LogEntry {
        let members = (1...UInt64(options.nodeCount)).map { NodeID($0) }
        return LogEntry(
            index: LogIndex(1),
            term: .first,
            timestamp: .zero,
            kind: .configuration,
            payload: RaftConfiguration(voters: members, awaited: members).encoded
        )
    }

    func settings(of node: SimulatedNode) -> NodeSettings {
        node.isUpgraded ? options.upgraded : options.settings
    }

    private func storeOptions(_ settings: NodeSettings) -> StoreOptions {
        StoreOptions(
            segmentBytes: settings.segmentPages * 4_096,
            fillStepBytes: min(settings.segmentPages, 4) * 4_096,
            batchBytes: settings.segmentPages * 512,
            snapshotSyncBytes: settings.segmentPages * 2_048,
            ballastBytes: 0
        )
    }

    private func replicaOptions(_ node: SimulatedNode) -> ReplicaOptions {
        let settings = settings(of: node)
        let raft = RaftOptions(
            id: node.id,
            electionTimeout: options.electionTimeout,
            diskStallTimeout: options.electionTimeout * 4,
            heartbeatInterval: options.heartbeatInterval,
            inflightMessagesMax: settings.inflightMessagesMax,
            messageBytesMax: settings.messageBytesMax,
            trailingEntries: settings.trailingEntries,
            snapshotRetention: options.electionTimeout * 20,
            catchUpTimeout: options.electionTimeout * 10
        )
        return ReplicaOptions(
            cluster: Simulation.cluster,
            epoch: .first,
            raft: raft,
            stalenessBound: options.stalenessBound,
            snapshotAfterEntries: settings.snapshotAfterEntries,
            auditInterval: 16,
            snapshotBlockBytes: settings.snapshotBlockBytes,
            transferWindow: settings.transferWindow,
            transferBytesPerSecond: settings.snapshotBlockBytes
                * Int(settings.transferPace * 1_000_000_000 / options.electionTimeout.nanoseconds)
        )
    }

    /// Starts a node from its disk, unless it runs.
    func start(_ place: Int) throws(Violation) {
        let node = nodes[place]
        guard node.process == nil else { return }
        node.boot += 1
        node.pausedUntil = 0
        node.timerDue = .max
        node.timerGeneration += 1
        note(3, UInt64(place), node.boot)
        if node.boot > 1 { counts.restarts += 1 }
        node.applyBatchMax = settings(of: node).applyBatchMax
        guard let (store, machine) = try recover(node) else {
            scheduleStart(place)
            return
        }
        let recovered = store.recovered
        let isDamaged =
            recovered.damage != nil || recovered.snapshotLoss != nil || recovered.hardState.debt != nil
        guard !isDamaged || node.isRotten else {
            throw Violation("node \(node.id) takes a crash for damage: \(recovered)")
        }
        try node.durable.recover(recovered, of: node.id, mayLack: node.isRotten)
        if isDamaged { counts.damagesHealed += 1 }
        let boot = ReplicaBoot(
            hardState: recovered.hardState,
            stateMachine: machine,
            snapshotBlockCount: recovered.snapshot?.blockCount ?? 0,
            entries: recovered.entries
        )
        let found = recovered.entries
        narrate(
            "node \(node.id) starts with term \(recovered.hardState.term), the snapshot at \(machine.index), and entries "
                + "\(found.first?.index ?? .zero) to \(found.last?.index ?? .zero) of term \(found.last?.term ?? .zero)"
        )
        store.releaseRecovered()
        let recorder = FlightRecorder(bytes: Simulation.recordingBytes)
        let replica = Replica(
            options: replicaOptions(node),
            boot: boot,
            seed: random.next(),
            time: node.clock.read(at: now),
            recorder: recorder
        )
        node.process = SimulatedNode.Process(store: store, replica: replica, recorder: recorder)
        for peer in nodes.indices where peer != place && nodes[peer].process != nil { connect(place, peer) }
        try wake(place, .timer(node: place, generation: node.timerGeneration)) { _, _, _ in }
    }

    /// The node's store; nil if the machine fails meanwhile, its disk does not sync, or is full.
    private func openStore(_ node: SimulatedNode) throws(Violation) -> ReplicaStore<SimulatedFileSystem>? {
        do throws(StorageError) {
            return try ReplicaStore(
                opening: SimulatedNode.folder,
                files: node.disk,
                expecting: StoreIdentity(cluster: Simulation.cluster, node: node.id, epoch: .first),
                options: storeOptions(settings(of: node))
            )
        } catch {
            switch error.code {
            case .machineStopped, .syncFailed: node.disk.crash()
            case .noSpace: node.disk.kill()
            default: throw Violation("node \(node.id) does not start from its own disk: \(error)")
            }
            return nil
        }
    }

    /// The node's store and state; nil if its disk fails meanwhile.
    ///
    /// A damaged snapshot is set aside, and what is left is looked at anew.
    private func recover(
        _ node: SimulatedNode
    ) throws(Violation) -> (ReplicaStore<SimulatedFileSystem>, StateMachine)? {
        while let store = try openStore(node) {
            if let machine = try loadSnapshot(store, of: node) { return (store, machine) }
            do throws(StorageError) {
                try store.setSnapshotAside()
                store.close()
            } catch {
                node.disk.crash()
                return nil
            }
        }
        return nil
    }

    /// The state of the store's snapshot, an empty one if there is none; nil if it is damaged.
    func loadSnapshot(
        _ store: ReplicaStore<SimulatedFileSystem>,
        of node: SimulatedNode
    ) throws(Violation) -> StateMachine? {
        guard let manifest = store.snapshot else {
            return StateMachine(capacity: Simulation.capacity, hashSeed: random.next())
        }
        var loader = SnapshotLoader(capacity: Simulation.capacity, hashSeed: random.next())
        do {
            for number in 1...max(1, manifest.blockCount) {
                let block = try store.snapshotPayload(number)
                try block.withUnsafeBytes { try loader.load($0) }
            }
            return try loader.finish()
        } catch {
            if node.isRotten, (error as? StorageError)?.code == .snapshotDamaged { return nil }
            throw Violation("the snapshot at \(manifest.point.lastIndex) cannot be loaded: \(error)")
        }
    }

    /// Ends a node's process.
    ///
    /// With the power gone, what was not synced is decided by the disk.
    func stop(_ place: Int, losingPower: Bool) {
        let node = nodes[place]
        guard node.process != nil else { return }
        note(4, UInt64(place), losingPower ? 1 : 0)
        narrate("node \(node.id) \(losingPower ? "loses power" : "dies")")
        endWatches(at: place)
        node.process = nil
        node.boot += 1
        if losingPower { node.disk.crash() } else { node.disk.kill() }
        for peer in nodes.indices where peer != place { disconnect(place, peer) }
        scheduleStart(place)
    }

    private func scheduleStart(_ place: Int) {
        // Now and then long enough for the log to be compacted past what the node has.
        let timeout = options.electionTimeout.nanoseconds
        let downTime = isHealing ? 5_000_000 : random.chance(1, in: 3) ? timeout * 30 : timeout * 6
        schedule(.start(node: place), after: 1_000_000 + random.below(downTime))
    }

    /// Breaks the connection of two nodes.
    ///
    /// Each learns of it after a while.
    func disconnect(_ left: Int, _ right: Int) {
        network.disconnect(left, right)
        for (node, peer) in [(left, right), (right, left)] where nodes[node].process != nil {
            let event = SimulationEvent.link(node: node, boot: nodes[node].boot, peer: peer, isUp: false)
            schedule(event, after: random.below(UInt64(20_000_000)))
        }
    }

    /// Makes a connection between two nodes that run.
    func connect(_ left: Int, _ right: Int) {
        for (node, peer) in [(left, right), (right, left)] where nodes[node].process != nil {
            let event = SimulationEvent.link(node: node, boot: nodes[node].boot, peer: peer, isUp: true)
            schedule(event, after: 20_000_000 + random.below(UInt64(5_000_000)))
        }
    }
}
