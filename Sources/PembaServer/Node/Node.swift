// Pemba: one node.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService
package import PembaStorage
import PembaTLS
package import PembaTransport
import PembaWire

/// One node: a replica, driven by a clock, a disk, the other nodes and clients.
///
/// Confined to one event loop.
///
/// A turn of the loop brings inputs: frames of clients (`ClientConnection`) and of nodes (`PeerLink`, `PeerReceiver`),
/// word from the storage thread, time. Each is stepped into the replica as it comes, and what the replica asks for is
/// done at once (`Node+Effects.swift`), except that commands, ReadIndex rounds and the timer are seen to once at the
/// end of the turn (`endTurn`), so that a turn's writes travel together.
///
/// Checks do not go through the replica: a burst of them is evaluated against the graph where it stands
/// (`Node+Checks.swift`). What does not end at once takes turns with others like it, a slice each (`evaluations`).
/// Between slices entries are applied: whoever is under way goes on at its own state, of which the history tells.
/// Evaluations get `turnBudget` of a turn, so that heartbeats are on time whatever is asked.
package final class Node {
    /// How far the node is in its life.
    enum Phase {
        /// It serves.
        case running
        /// It takes no new requests and finishes those it has.
        case draining
        /// It closes its connections and its log.
        case closing
        /// It is gone.
        case stopped
    }

    /// How long evaluations may take in one turn of the loop before others come first.
    static let turnBudget = TimeSpan.milliseconds(4)

    /// Days before the certificate expires from which the log warns.
    private static let certificateDaysMin = 14.0

    let configuration: NodeConfiguration
    let loop: SocketLoop
    /// Evaluations, entries to be applied and snapshots to be written take turns.
    let turns: LoopTurns
    let logs: NodeLogs
    let logger: Logger
    let audit: AuditLog
    let access: NodeAccess
    let storage: StorageThread
    /// Watches the storage thread's calls to the disk.
    let monitor: DiskMonitor
    var replica: Replica
    /// Records what happens to consensus.
    let flight: FlightMemory
    let startedAt: Instant

    var metrics = NodeMetrics()
    var phase = Phase.running
    /// Requests that the replica will answer or release, by the number that the replica knows them by.
    var pending: [RequestID: PendingRequest] = [:]
    var evaluations = EvaluationQueue()
    /// Requests that wait for an answer, and the bytes that were copied for them.
    var inFlight = 0
    var inFlightBytes = 0
    /// The checks of the burst that is being read which are evaluated next.
    let batch = CheckBatch()
    /// When a batch was last evaluated.
    var batchEnd = Instant.zero
    /// Entries wait to be applied.
    var isApplyPending = false
    /// When the entries that wait were announced.
    var applyAnnounced = Instant.zero
    /// A snapshot that is loaded waits for the end of the evaluation under way.
    var arrivedSnapshot: (index: LogIndex, snapshot: LoadedSnapshot)?
    /// The snapshot of this node's state that is being written.
    var ownSnapshot: OwnSnapshot?
    /// Resident memory has reached the limit: writes are refused.
    var isMemoryExhausted = false
    let memoryLimit: UInt64
    /// Resident memory when it was last looked at.
    var residentBytes: UInt64 = 0
    /// Writes that the storage thread has not acknowledged.
    var persistsInFlight = 0
    var disk = DiskState()
    /// Ends the process at once, because the disk does not answer.
    var abort: () -> Void = { _exit(ExitCode.failed.rawValue) }

    var links: [PeerLink] = []
    /// The connection on which each peer talks to this node.
    var receivers: [NodeID: PeerReceiver] = [:]
    /// Nodes that came without the data that they had, and are refused.
    var withoutData: Set<NodeID> = []
    /// Why the others refuse this node; nil if they do not.
    var lostData: String?
    var clients: [ObjectIdentifier: ClientConnection] = [:]
    /// The leader that was last known.
    var knownLeader: NodeID?
    /// How long a stopping leader waits for another.
    var handoverEnds = Instant.zero
    /// Bytes of all streams' parts that wait.
    var streamBytes = 0
    /// All streams, and those among them that tell what changes.
    var streams: [ObjectIdentifier: AnswerStream] = [:]
    var watches: [ObjectIdentifier: AnswerStream] = [:]
    /// Whether streams are looked after once a second.
    var isStreamClockRunning = false
    /// `endTurn` is scheduled.
    private var isTurnEndScheduled = false
    /// A turn of queued evaluations is scheduled.
    var isTurnScheduled = false
    /// How long evaluations of bursts took in this turn, and whether its end forgets it.
    var spentInTurn = TimeSpan.zero
    var isSpentResetScheduled = false
    private var nextRequest: UInt64 = 1
    private var effects: [ReplicaEffect] = []
    private var isPerforming = false
    private var timer: Scheduled<Void>?
    private var timerDeadline = Instant.distantFuture
    /// Called once when the node has stopped.
    var onStopped: (() -> Void)?

    /// Takes over what was recovered.
    ///
    /// On the loop.
    package init(
        configuration: NodeConfiguration,
        boot: NodeBoot,
        access: NodeAccess,
        logs: NodeLogs,
        loop: SocketLoop,
        storage: StorageThread,
        monitor: DiskMonitor
    ) {
        loop.preconditionInEventLoop()
        self.configuration = configuration
        self.loop = loop
        turns = LoopTurns(loop: loop)
        self.logs = logs
        self.access = access
        self.storage = storage
        self.monitor = monitor
        logger = logs.logger("node")
        audit = logs.audit
        memoryLimit = MachineMemory.limitBytes(configured: configuration.limits.memoryBytes)
        startedAt = SystemClock.now()
        flight = FlightMemory(configuration, logger: logger)
        replica = Replica(
            options: ReplicaOptions(configuration),
            boot: boot.takeReplicaBoot(),
            seed: .random(in: .min ... .max),
            time: Node.time(),
            recorder: flight.recorder
        )
    }

    deinit { batch.release() }

    /// Connects to the other nodes and begins to take part.
    ///
    /// On the loop.
    func start() {
        followMembers()
        watchMemory()
        watchDisk()
        watchCertificate()
        endTurn()
    }

    /// Both clocks, read now.
    static func time() -> ReplicaTime { ReplicaTime(now: SystemClock.now(), wall: SystemClock.wall()) }

    /// A number for a request that the replica is to answer.
    func takeRequestID() -> RequestID {
        defer { nextRequest += 1 }
        return RequestID(nextRequest)
    }

    // MARK: - Driving the replica

    /// Steps an input and does what it leads to; the turn's end follows by itself.
    func step(_ input: ReplicaInput) {
        replica.step(input, at: Node.time(), into: &effects)
        perform()
        scheduleTurnEnd()
    }

    /// Runs a call of the replica that appends effects, and does them.
    func drive<Value>(_ body: (inout Replica, ReplicaTime, inout [ReplicaEffect]) -> Value) -> Value {
        let value = body(&replica, Node.time(), &effects)
        perform()
        return value
    }

    /// Sees to what is done once for all inputs of a turn.
    func endTurn() {
        guard phase != .stopped else { return }
        drive { replica, time, effects in replica.flush(at: time, into: &effects) }
        armTimer()
    }

    /// Lets `endTurn` follow when this turn's other events have been handled.
    func scheduleTurnEnd() {
        guard !isTurnEndScheduled, !isPerforming else { return }
        isTurnEndScheduled = true
        loop.assumeIsolated().execute {
            self.isTurnEndScheduled = false
            self.endTurn()
        }
    }

    private func perform() {
        // An effect may lead to a step, whose effects are added behind.
        guard !isPerforming, !effects.isEmpty else { return }
        isPerforming = true
        // Answers are sent when the turn ends, so after the audit events of what they tell.
        audit.together {
            var position = 0
            while position < effects.count {
                let effect = effects[position]
                position += 1
                perform(effect)
            }
        }
        effects.removeAll(keepingCapacity: true)
        isPerforming = false
    }

    private func armTimer() {
        let due = replica.nextDeadline
        // A timer that fires early does no harm, and most deadlines only move away.
        guard due < timerDeadline else { return }
        timer?.cancel()
        timerDeadline = due
        let armed = SystemClock.now()
        let delay = due - armed
        let amount = TimeAmount.nanoseconds(Int64(clamping: delay.nanoseconds))
        timer = loop.assumeIsolated().scheduleTask(in: amount) {
            guard self.phase != .stopped else { return }
            self.timerDeadline = .distantFuture
            // The deadline may have moved away since the timer was set; then this is no deadline's timer.
            let (due, now) = (self.replica.nextDeadline, SystemClock.now())
            // Zero is no moment but "at once": it is late only since somebody asked.
            if due <= now { self.metrics.servedTimer(late: now - (due == .zero ? armed : due)) }
            self.drive { replica, time, effects in replica.step(.tick, at: time, into: &effects) }
            self.endTurn()
        }
    }

    /// Says every day that the certificate is about to expire.
    private func watchCertificate() {
        guard phase != .stopped else { return }
        let days = access.serverContext.certificateDaysLeft(at: SystemClock.wall()) ?? 0
        if days < Node.certificateDaysMin {
            logger.warning(
                "the certificate is about to expire: issue a new one and send SIGHUP",
                metadata: ["certificate.days": .stringConvertible(Int(days.rounded(.down)))]
            )
        }
        loop.assumeIsolated().scheduleTask(in: .hours(24)) { self.watchCertificate() }
    }

    private func watchMemory() {
        guard phase != .stopped else { return }
        residentBytes = MachineMemory.residentBytes()
        let isExhausted = residentBytes >= memoryLimit
        if isExhausted != isMemoryExhausted {
            isMemoryExhausted = isExhausted
            logger.warning(
                isExhausted ? "memory limit reached: writes are refused" : "below the memory limit: writes are taken",
                metadata: [
                    "memory.bytes": .stringConvertible(residentBytes),
                    "memory.limit_bytes": .stringConvertible(memoryLimit),
                ]
            )
        }
        loop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.watchMemory() }
    }

    /// Ends everything that would keep the node alive.
    func stop() {
        phase = .stopped
        flight.forget()
        timer?.cancel()
        turns.cancel()
        let stopped = onStopped
        onStopped = nil
        stopped?()
    }
}

extension ReplicaOptions {
    /// The settings of a node's replica.
    init(_ configuration: NodeConfiguration) {
        let raft = RaftOptions(
            id: configuration.node,
            electionTimeout: configuration.raft.electionTimeout,
            diskStallTimeout: max(configuration.storage.stallTimeout, configuration.raft.heartbeatInterval * 5),
            heartbeatInterval: configuration.raft.heartbeatInterval,
            inflightMessagesMax: configuration.raft.inflightMessages,
            inflightBytesMax: configuration.raft.inflightBytes,
            messageBytesMax: configuration.raft.messageBytes,
            uncommittedBytesMax: configuration.raft.uncommittedBytes,
            trailingEntries: configuration.snapshot.trailingEntries,
            electionPriority: configuration.raft.electionPriority,
            catchUpTimeout: configuration.raft.catchUpTimeout,
            catchUpRoundsMax: configuration.raft.catchUpRounds
        )
        self.init(
            cluster: configuration.cluster,
            epoch: configuration.epoch,
            raft: raft,
            stalenessBound: configuration.stalenessBound,
            pendingCommandsMax: configuration.limits.requests,
            waitingReadsMax: configuration.limits.requests,
            snapshotAfterBytes: configuration.snapshot.logBytes,
            snapshotAfterEntries: configuration.snapshot.logEntries,
            transferBytesPerSecond: configuration.snapshot.transferBytesPerSecond
        )
    }
}
