// Pemba: doing what simulated replicas ask for.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaStorage
import PembaWire

extension Simulation {
    /// Performs the effects of a node in their order.
    func perform(_ effects: [ReplicaEffect], at place: Int) throws(Violation) {
        let node = nodes[place]
        for effect in effects {
            guard node.process != nil else { return }
            switch effect {
            case .persist(let request): enqueue(.persist(request), at: place)
            case .send(let peer, let message): send(message, from: place, to: peer)
            case .reply(let id, let result): try reply(id, result, at: place)
            case .readReady(let id): try evaluateWaiting(id, at: place)
            case .readFailed(let id, let error):
                guard let request = node.process?.waiting.removeValue(forKey: id) else { continue }
                answer(request, .check(.failure(error)))
            case .leadership(let leadership): try checker.leadership(leadership, of: node.id)
            case .applyPending: scheduleApply(place)
            case .readSnapshotBlocks(let peer, let index, let from, let count):
                enqueue(.readBlocks(peer: peer, index: index, from: from, count: count), at: place)
            case .storeSnapshotBlock(let index, let number, let bytes):
                enqueue(.storeBlock(index: index, number: number, bytes: bytes), at: place)
            case .installSnapshot(let index): enqueue(.install(index), at: place)
            case .writeSnapshot: beginSnapshot(place)
            case .compactLog(let index): enqueue(.compact(index), at: place)
            }
        }
    }

    private func send(_ message: PeerMessage, from: Int, to peer: NodeID) {
        guard let to = nodes.firstIndex(where: { $0.id == peer }) else { return }
        counts.messages += 1
        var writer = ByteWriter()
        message.encode(into: &writer)
        let connection = network.connection(from, to)
        for delay in network.delays(from: from, to: to) {
            schedule(.deliver(from: from, to: to, connection: connection, bytes: writer.bytes), after: delay)
        }
    }

    private func scheduleApply(_ place: Int) {
        let node = nodes[place]
        guard node.process?.isApplying == false else { return }
        node.process?.isApplying = true
        schedule(.apply(node: place, boot: node.boot), after: random.below(UInt64(200_000)))
    }

    /// Applies some of what is committed.
    func apply(_ place: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard let replica = node.process?.replica else { return }
        if node.pausedUntil <= now {
            node.process?.isApplying = false
            try checker.noteEntries(of: replica, count: options.applyBatchMax)
        }
        var isMore = false
        try wake(place, event) { replica, time, effects in
            isMore = replica.applyCommitted(maxEntries: options.applyBatchMax, at: time, into: &effects)
        }
        note(5, UInt64(place), replica.stateMachine.index.rawValue)
        if isMore { scheduleApply(place) }
    }

    // MARK: - Snapshots

    private func beginSnapshot(_ place: Int) {
        let node = nodes[place]
        guard let replica = node.process?.replica else { return }
        let header = replica.beginSnapshot()
        let point = SnapshotPoint(
            lastIndex: header.point.index,
            lastTerm: header.point.term,
            timestamp: header.point.timestamp,
            configuration: header.point.configuration,
            stateHash: header.stateHash
        )
        enqueue(.beginSnapshot(point), at: place)
        schedule(.snapshotSlice(node: place, boot: node.boot), after: 50_000)
    }

    /// Takes the next block of the state, while others are being applied.
    func writeSnapshotSlice(_ place: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let block = node.process?.replica.nextSnapshotBlock() else {
            enqueue(.finishSnapshot, at: place)
            return
        }
        enqueue(.writeSnapshotBlock(block), at: place)
        schedule(.snapshotSlice(node: place, boot: node.boot), after: random.below(UInt64(2_000_000)))
    }

    // MARK: - The disk

    private func enqueue(_ job: SimulatedNode.DiskJob, at place: Int) {
        nodes[place].process?.jobs.append(job)
        startDisk(place)
    }

    private func startDisk(_ place: Int) {
        let node = nodes[place]
        guard let process = node.process, !process.isDiskBusy, !process.jobs.isEmpty else { return }
        node.process?.isDiskBusy = true
        let latency = options.diskMin.nanoseconds + random.below(options.diskSpread.nanoseconds + 1)
        schedule(.disk(node: place, boot: node.boot), after: latency)
    }

    /// Does the disk's next work; as the storage thread does, all writes of the log that wait together.
    func finishDiskJob(_ place: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let job = node.process?.jobs.popFirst(), let store = node.process?.store else { return }
        var inputs: [ReplicaInput] = []
        var installed: (StateMachine, UInt32)?
        do throws(StorageError) {
            if case .install(let index) = job {
                installed = try install(index, node, store, &inputs)
            } else {
                try run(job, node, store, &inputs)
            }
        } catch {
            switch error.code {
            case .machineStopped: stop(place, losingPower: true)
            case .syncFailed, .unusable: stop(place, losingPower: random.chance(1, in: 2))
            default: throw Violation("the disk of node \(node.id) refuses: \(error)")
            }
            return
        }
        node.process?.isDiskBusy = false
        var machine: (StateMachine, UInt32)?
        if installed != nil { machine = (try loadSnapshot(store), installed?.1 ?? 0) }
        if let machine { try checker.noteInstalled(machine.0) }
        try wake(place, event) { replica, time, effects in
            for input in inputs { replica.step(input, at: time, into: &effects) }
            if let machine { replica.install(machine.0, blockCount: machine.1, at: time, into: &effects) }
        }
        startDisk(place)
    }

    private func install(
        _ index: LogIndex,
        _ node: SimulatedNode,
        _ store: ReplicaStore<SimulatedFileSystem>,
        _ inputs: inout [ReplicaInput]
    ) throws(StorageError) -> (StateMachine, UInt32)? {
        do throws(StorageError) {
            let manifest = try store.installReceived(index)
            node.durable.install(index, isInstalled: true)
            counts.snapshotsInstalled += 1
            return (StateMachine(capacity: .small, hashSeed: 0), manifest.blockCount)
        } catch {
            guard error.code == .snapshotRefused else { throw error }
            inputs.append(.snapshotInstallFailed(index: index))
            return nil
        }
    }

    private func run(
        _ job: SimulatedNode.DiskJob,
        _ node: SimulatedNode,
        _ store: ReplicaStore<SimulatedFileSystem>,
        _ inputs: inout [ReplicaInput]
    ) throws(StorageError) {
        switch job {
        case .persist(let request):
            var requests = [request]
            while case .persist(let next)? = node.process?.jobs.first {
                node.process?.jobs.removeFirst()
                requests.append(next)
            }
            try store.append(requests)
            for request in requests {
                node.durable.append(request)
                inputs.append(
                    .persisted(sequence: request.sequence, lastIndex: request.lastIndex, lastTerm: request.lastTerm)
                )
            }
        case .readBlocks(let peer, let index, let from, let count):
            let blocks = try store.readSnapshotBlocks(index, from: from, count: count)
            inputs.append(.snapshotBlocksRead(for: peer, index: index, from: from, blocks: blocks))
        case .storeBlock(let index, let number, let bytes):
            let succeeded = try store.storeReceivedBlock(index, number: number, bytes: bytes)
            inputs.append(.snapshotBlockStored(index: index, number: number, succeeded: succeeded))
        case .install: break
        case .compact(let index): try store.compact(upTo: index)
        case .beginSnapshot(let point): try store.beginSnapshot(point)
        case .writeSnapshotBlock(let block): try store.writeSnapshotBlock(block)
        case .finishSnapshot:
            let manifest = try store.finishSnapshot()
            node.durable.install(manifest.point.lastIndex, isInstalled: false)
            counts.snapshotsWritten += 1
            inputs.append(
                .snapshotWritten(
                    index: manifest.point.lastIndex,
                    term: manifest.point.lastTerm,
                    blockCount: manifest.blockCount
                )
            )
        }
    }
}
