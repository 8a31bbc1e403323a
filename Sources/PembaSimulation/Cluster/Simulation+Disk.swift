// Pemba: the disks of simulated nodes.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaRaft
import PembaReplica
import PembaStorage

/// Does what the storage thread of a node does, and ends the process where that would.
extension Simulation {
    /// What the disk has done.
    private struct Done {
        var inputs: [ReplicaInput] = []
        /// Writes of the log that are durable.
        var persisted: [PersistRequest] = []
        /// A snapshot of the node's own that is durable.
        var written: SnapshotManifest?
        /// A snapshot of another node that is durable and current.
        var installed: SnapshotManifest?
    }

    /// Gives work to a node's disk.
    func enqueue(_ job: SimulatedNode.DiskJob, at place: Int) {
        guard let process = nodes[place].process else { return }
        process.jobs.append(job)
        if !process.isDiskBusy { startDisk(place) }
    }

    /// Lets the disk begin with what waits; what it had begun and hangs begins again.
    func startDisk(_ place: Int) {
        let node = nodes[place]
        guard let process = node.process, !process.jobs.isEmpty else { return }
        let latency = options.diskMin.nanoseconds + random.below(options.diskSpread.nanoseconds + 1)
        process.isDiskBusy = true
        node.diskWork += 1
        let event = SimulationEvent.disk(node: place, boot: node.boot, work: node.diskWork)
        schedule(event, at: max(now, node.diskHungUntil) + latency)
    }

    /// Does the disk's next work; as the storage thread does, all writes of the log that wait together.
    func finishDiskJob(_ place: Int, work: UInt64, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard node.diskWork == work else { return }
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let process = node.process, let job = process.jobs.popFirst() else { return }
        var done = Done()
        do throws(StorageError) {
            try run(job, node, process, &done)
        } catch {
            try storageFailed(error, at: place)
            return
        }
        process.isDiskBusy = false
        try note(done, at: node)
        var machine: StateMachine?
        if done.installed != nil {
            machine = try loadSnapshot(process.store, of: node)
            // There is no way back to the state before.
            guard machine != nil else { return stop(place, losingPower: false) }
            if options.isChecked {
                if let machine { try checker.noteInstalled(machine) }
                try checkContinuation(at: place, done.installed)
            }
        }
        try wake(place, event) { replica, time, effects in
            for input in done.inputs { replica.step(input, at: time, into: &effects) }
            if let machine, let blockCount = done.installed?.blockCount {
                replica.install(machine, blockCount: blockCount, at: time, into: &effects)
            }
        }
        if machine != nil { tellWatchers(at: place) }
        startDisk(place)
    }

    /// Remembers what may not be lost any more.
    private func note(_ done: Done, at node: SimulatedNode) throws(Violation) {
        for request in done.persisted {
            try node.durable.append(request, of: node.id)
            if options.isChecked { try checker.noteDurable(request.entries, at: node.id) }
        }
        if let written = done.written { node.durable.write(snapshot: written.point.lastIndex) }
        if let installed = done.installed {
            node.durable.install(snapshot: installed.point.lastIndex, term: installed.point.lastTerm)
            counts.snapshotsInstalled += 1
        }
    }

    /// Ends the process where the storage thread of a node would.
    private func storageFailed(_ error: StorageError, at place: Int) throws(Violation) {
        switch error.code {
        case .machineStopped: stop(place, losingPower: true)
        case .syncFailed, .unusable: stop(place, losingPower: random.chance(1, in: 2))
        case .noSpace: stop(place, losingPower: false)
        // A received snapshot rotted before it was installed: the node starts again, and gets another.
        case .snapshotDamaged where nodes[place].isRotten: stop(place, losingPower: false)
        default: throw Violation("the disk of node \(nodes[place].id) refuses: \(error)")
        }
    }

    private func run(
        _ job: SimulatedNode.DiskJob,
        _ node: SimulatedNode,
        _ process: SimulatedNode.Process,
        _ done: inout Done
    ) throws(StorageError) {
        let store = process.store
        switch job {
        case .persist(let request):
            var requests = [request]
            while case .persist(let next)? = process.jobs.first {
                process.jobs.removeFirst()
                requests.append(next)
            }
            try store.append(requests)
            done.persisted = requests
            if process.jobs.isEmpty { try prepare(store) }
            for request in requests {
                done.inputs.append(
                    .persisted(sequence: request.sequence, lastIndex: request.lastIndex, lastTerm: request.lastTerm)
                )
            }
        case .readBlocks(let peer, let index, let from, let count):
            let blocks = try unlessDamaged(node) { () throws(StorageError) in
                try store.readSnapshotBlocks(index, from: from, count: count)
            }
            done.inputs.append(.snapshotBlocksRead(for: peer, index: index, from: from, blocks: blocks))
        case .storeBlock(let index, let number, let bytes):
            let isStored =
                try unlessRefused { () throws(StorageError) in
                    try store.storeReceivedBlock(index, number: number, bytes: bytes)
                } ?? false
            if number == 0, isStored, store.firstMissingBlock(index) != 1 { counts.transfersResumed += 1 }
            let next = number == 0 ? store.firstMissingBlock(index) ?? .max : number + 1
            done.inputs.append(.snapshotBlockStored(index: index, number: number, missing: isStored ? next : nil))
        case .install(let index):
            done.installed = try unlessRefused { () throws(StorageError) in try store.installReceived(index) }
            if done.installed == nil { done.inputs.append(.snapshotInstallFailed(index: index)) }
        case .compact(let index): try store.compact(upTo: index)
        case .beginSnapshot, .writeSnapshotBlock, .finishSnapshot: try writeSnapshot(job, node, process, &done)
        }
    }

    /// Gets the disk ready for what comes, as the storage thread does while nothing waits.
    private func prepare(_ store: ReplicaStore<SimulatedFileSystem>) throws(StorageError) {
        for _ in 0..<4 {
            // Without room nothing is prepared; the append that needs the room says so.
            guard try unlessRefused({ () throws(StorageError) in try store.prepare() }) == true else { return }
        }
    }

    private func writeSnapshot(
        _ job: SimulatedNode.DiskJob,
        _ node: SimulatedNode,
        _ process: SimulatedNode.Process,
        _ done: inout Done
    ) throws(StorageError) {
        if case .beginSnapshot = job { process.isWritingSnapshot = true }
        guard process.isWritingSnapshot else { return }
        let store = process.store
        let isDone: Void? = try unlessRefused { () throws(StorageError) in
            switch job {
            case .beginSnapshot(let point): try store.beginSnapshot(point)
            case .writeSnapshotBlock(let block): try store.writeSnapshotBlock(block)
            default:
                let manifest = try store.finishSnapshot()
                process.isWritingSnapshot = false
                done.written = manifest
                narrate("node \(node.id) has written its snapshot at \(manifest.point.lastIndex)")
                counts.snapshotsWritten += 1
                done.inputs.append(
                    .snapshotWritten(
                        index: manifest.point.lastIndex,
                        term: manifest.point.lastTerm,
                        blockCount: manifest.blockCount
                    )
                )
            }
        }
        guard isDone == nil else { return }
        // What is still on its way for it is dropped; it is tried again later.
        process.isWritingSnapshot = false
        process.replica.abandonSnapshot()
        try store.abortSnapshot()
        done.inputs.append(.snapshotNotWritten)
    }

    /// Blocks for a peer; nil if they have rotted, which harms only the peer.
    private func unlessDamaged(
        _ node: SimulatedNode,
        _ body: () throws(StorageError) -> [[UInt8]]?
    ) throws(StorageError) -> [[UInt8]]? {
        do throws(StorageError) {
            return try body()
        } catch {
            guard error.code == .snapshotDamaged, node.isRotten else { throw error }
            return nil
        }
    }

    /// The outcome; nil where there is no room or the store refuses a snapshot, which harms nobody.
    private func unlessRefused<Value>(_ body: () throws(StorageError) -> Value) throws(StorageError) -> Value? {
        do throws(StorageError) {
            return try body()
        } catch {
            guard error.code == .noSpace || error.code == .snapshotRefused else { throw error }
            return nil
        }
    }
}
