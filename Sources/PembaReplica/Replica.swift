// Pemba: one whole replica without I/O.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaGraph
package import PembaRaft
import PembaService

/// Consensus, the state machine, and what stands between them and clients: inputs in, ordered effects out.
///
/// The shell (the node, or the simulator) steps inputs in the order in which they happen, calls `flush` after each burst,
/// and then performs the effects in their order. Same inputs, same effects.
///
/// A value with one owner: it cannot be copied, so that its parts are changed and asked where they are.
///
/// - Commands wait in `commands` until the log answers them or their deadline comes; the answer at a deadline says whether
///   the outcome is known (`Replica+Commands.swift`).
/// - Reads wait in `reads` until the applied state is one that they may see (`Replica+Reads.swift`).
/// - Snapshots are written, served, fetched and installed in `Replica+Snapshots.swift`.
package struct Replica: ~Copyable {
    /// The settings.
    package let options: ReplicaOptions
    /// The applied state; replaced as a whole when a snapshot is installed.
    package internal(set) var stateMachine: StateMachine
    /// Consensus.
    var raft: RaftCore
    /// The last known role, term and leader.
    package internal(set) var leadership: RaftLeadership
    /// Entries up to here are known to be committed; never less than what is applied.
    package internal(set) var commit: LogIndex
    var commands: PendingCommands
    var foreign = ForwardedProposals()
    var reads = ReadGate()
    var freshness = Freshness()
    var snapshots: SnapshotKeeper
    var pace: TransferPace
    var receiver: SnapshotReceiver?
    /// The configuration that the shell was told of.
    package internal(set) var configuration: RaftConfiguration
    /// The entry of the configuration that removed this node; nil while it is not known to be removed.
    package internal(set) var removedAt: LogIndex?
    /// Nodes to which the link is up, ascending.
    var connected: [NodeID] = []
    /// Since when no leader can be reached; nil while one can.
    var leaderlessSince: Instant?
    /// Whether the shell has been told that entries wait to be applied.
    var hasAnnouncedApply = false
    /// The last entry that was appended to let time pass, while it is not applied.
    var timeEntry: LogIndex = .zero
    /// When to look again whether a tuple has fallen due.
    var timeEntryDue: Instant = .zero
    /// Whether this node's state is that of the others.
    var audit: Audit
    /// What this node has to say about that and has not said yet.
    var auditToState: AuditStatement?
    /// How much room the disk has.
    var diskSpace = DiskSpace.ample
    /// When a leader without room hands over next.
    var nextHandover: Instant = .zero
    /// Records what happens to `raft`.
    private let recorder: FlightRecorder?
    private var nextTicket: UInt64 = 1
    private var raftEffects: [RaftEffect] = []
    /// An empty array whose memory is used again.
    private var spareEffects: [RaftEffect] = []

    /// Starts with what storage held.
    ///
    /// `seed` is random for each start: it makes elections unlike and request numbers new. What happens to consensus
    /// from now on is recorded by `recorder`, if there is one.
    package init(
        options: ReplicaOptions,
        boot: ReplicaBoot,
        seed: UInt64,
        time: ReplicaTime,
        recorder: FlightRecorder? = nil
    ) {
        var random = SeededRandom(seed: seed)
        self.options = options
        self.recorder = recorder
        stateMachine = boot.stateMachine
        let raftBoot = RaftBoot(hardState: boot.hardState, snapshot: boot.stateMachine.point, entries: boot.entries)
        raft = RaftCore(options: options.raft, boot: raftBoot, seed: random.next(), now: time.now)
        leadership = raft.leadership
        configuration = raft.currentConfiguration
        commit = boot.stateMachine.index
        audit = Audit(interval: options.auditInterval)
        commands = PendingCommands(boot: UInt32(truncatingIfNeeded: random.next()))
        snapshots = SnapshotKeeper(
            index: boot.stateMachine.index,
            blockCount: boot.snapshotBlockCount,
            options: options
        )
        pace = TransferPace(bytesPerSecond: options.transferBytesPerSecond)
        leaderlessSince = time.now
    }

    /// This node.
    package var id: NodeID { options.raft.id }

    /// What this node's disk has lost of what it may have acknowledged; nil: nothing.
    package var debt: LogDebt? { raft.debt }

    /// When `.tick` is due at the latest.
    package var nextDeadline: Instant {
        var next = min(raft.nextDeadline, commands.nextDeadline, reads.nextDeadline, snapshots.nextDeadline)
        if let receiver { next = min(next, receiver.retryAt) }
        next = min(next, nextTimeEntry, nextRelief, pace.nextDeadline)
        if let leaderlessSince, commands.hasQueued { next = min(next, leaderlessSince + options.leaderlessPatience) }
        return next
    }

    /// Takes one input.
    package mutating func step(_ input: ReplicaInput, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        switch input {
        case .tick: stepRaft(.tick, at: time, into: &effects)
        case .peer(let peer, let message): receive(message, from: peer, at: time, into: &effects)
        case .called(let peer):
            if let notice = raft.notice(for: peer) { effects.append(.send(to: peer, .raft(notice))) }
        case .linkUp(let peer): linkUp(peer, at: time, into: &effects)
        case .linkDown(let peer): linkDown(peer, at: time, into: &effects)
        case .submit(let id, let command, let deadline):
            submit(id, command, deadline: deadline, at: time, into: &effects)
        case .awaitRead(let id, let consistency, let deadline):
            awaitRead(id, consistency, deadline: deadline, at: time, into: &effects)
        case .persisted(let sequence, let index, let term):
            stepRaft(.persisted(sequence: sequence, lastIndex: index, lastTerm: term), at: time, into: &effects)
        case .snapshotBlocksRead(let peer, let index, let from, let blocks):
            sendBlocks(to: peer, index: index, from: from, blocks: blocks, into: &effects)
        case .snapshotBlockStored(let index, let number, let missing):
            blockStored(index: index, number: number, missing: missing, at: time, into: &effects)
        case .snapshotInstallFailed(let index): installFailed(index, at: time, into: &effects)
        case .snapshotWritten(let index, _, let blockCount):
            snapshotWritten(index: index, blockCount: blockCount, at: time, into: &effects)
        case .snapshotNotWritten: snapshotNotWritten(at: time, into: &effects)
        case .diskSpace(let space): diskSpaceChanged(space, at: time, into: &effects)
        case .storageDamaged: storageDamaged(at: time, into: &effects)
        case .transferLeadership(let target): stepRaft(.transferLeadership(to: target), at: time, into: &effects)
        }
        runTimers(at: time, into: &effects)
    }

    /// Ends a burst of inputs: what they queued is appended or forwarded together, and one ReadIndex round serves them all.
    package mutating func flush(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        flushCommands(at: time, into: &effects)
        startRound(at: time, into: &effects)
    }

    /// Applies committed entries, at most so many of at most so many bytes but for the first; true if more wait.
    ///
    /// None is applied by a call that only gets the next one ready (`StateMachine.prepare`). Not to be called while an evaluation is suspended.
    package mutating func applyCommitted(
        maxEntries: Int,
        maxBytes: Int = ReplicaOptions.batchBytesMax,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) -> Bool {
        guard receiver?.isInstalling != true else { return false }
        if stateMachine.index < commit {
            let end = min(commit, LogIndex(stateMachine.index.rawValue + UInt64(maxEntries)))
            let entries = raft.entries(from: stateMachine.index.next, upTo: end, maxBytes: maxBytes)
            precondition(!entries.isEmpty, "committed entry \(stateMachine.index.next) is not in memory")
            for entry in entries {
                guard stateMachine.prepare(entry) else { break }
                apply(entry, into: &effects)
            }
        }
        finishApplying(at: time, into: &effects)
        hasAnnouncedApply = stateMachine.index < commit
        return hasAnnouncedApply
    }

    private mutating func apply(_ entry: LogEntry, into effects: inout [ReplicaEffect]) {
        snapshots.applied(payloadBytes: entry.payload.count)
        let applied = stateMachine.apply(entry)
        auditApplied(entry, into: &effects)
        guard let applied, applied.origin == id else { return }
        if let request = commands.answer(applied.request) { effects.append(.reply(request, applied.result)) }
    }

    private mutating func finishApplying(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        let index = stateMachine.index
        commands.settle(applied: index, term: stateMachine.term)
        freshness.apply(index)
        stepRaft(.applied(index), at: time, into: &effects)
        reads.release(applied: Revision(index), into: &effects)
        writeSnapshotIfDue(at: time, into: &effects)
        state(at: time, into: &effects)
        flush(at: time, into: &effects)
    }

    // MARK: - Raft

    /// A number for the next ReadIndex round.
    mutating func takeTicket() -> UInt64 {
        defer { nextTicket += 1 }
        return nextTicket
    }

    /// Steps Raft and passes its effects on.
    mutating func stepRaft(_ input: RaftInput, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        record(.step(input), at: time)
        raft.step(input, now: time.now, wall: time.wall, into: &raftEffects)
        recorder?.conclude(raftEffects)
        passRaftEffects(at: time, into: &effects)
    }

    private func record(_ input: @autoclosure () -> FlightInput, at time: ReplicaTime) {
        guard let recorder else { return }
        let input = input()
        // The state is handed over only when it is needed: it is large.
        if recorder.record(input, now: time.now, wall: time.wall) { return }
        recorder.begin(with: raft, then: input, now: time.now, wall: time.wall)
    }

    /// Appends commands if this node leads.
    mutating func propose(
        _ payloads: [[UInt8]],
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) -> ProposalOutcome {
        record(.propose(payloads), at: time)
        let outcome = raft.propose(payloads, now: time.now, wall: time.wall, into: &raftEffects)
        recorder?.conclude(raftEffects, outcome)
        passRaftEffects(at: time, into: &effects)
        return outcome
    }

    private mutating func passRaftEffects(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        while !raftEffects.isEmpty {
            // What is passed on may step Raft again, so that each round has an array of its own; one is kept.
            var batch = spareEffects
            spareEffects = []
            swap(&batch, &raftEffects)
            for effect in batch { pass(effect, at: time, into: &effects) }
            batch.removeAll(keepingCapacity: true)
            spareEffects = batch
        }
        noteMembership(into: &effects)
        freshness.learn(raft.freshness.known, applied: stateMachine.index)
    }

    /// Begins to change the membership if this node leads (`RaftCore.changeMembership`).
    package mutating func changeMembership(
        _ request: MembershipRequest,
        ifConfigurationIsAt expected: LogIndex,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) -> MembershipOutcome {
        record(.changeMembership(request, expected: expected), at: time)
        let outcome = raft.changeMembership(
            request,
            ifConfigurationIsAt: expected,
            now: time.now,
            wall: time.wall,
            into: &raftEffects
        )
        recorder?.conclude(raftEffects, outcome)
        passRaftEffects(at: time, into: &effects)
        return outcome
    }

    private mutating func pass(_ effect: RaftEffect, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        switch effect {
        case .persist(let request): effects.append(.persist(request))
        case .send(let message): effects.append(.send(to: message.to, .raft(message)))
        case .commit(let index): committed(index, into: &effects)
        case .readReady(let ticket, let index):
            reads.completeRound(
                ticket: ticket,
                index: index,
                applied: stateMachine.revision,
                into: &effects
            )
        case .readFailed(let ticket):
            reads.failRound(ticket: ticket, retry: time.now + options.raft.heartbeatInterval)
        case .leadership(let leadership): leadershipChanged(leadership, at: time, into: &effects)
        case .sendSnapshot(let peer, let index, _): snapshots.question(from: peer, index: index, at: time.now)
        case .receiveSnapshot(let peer, let index, let term):
            receiveSnapshot(from: peer, index: index, term: term, at: time, into: &effects)
        }
    }

    mutating func committed(_ index: LogIndex, into effects: inout [ReplicaEffect]) {
        guard commit < index else { return }
        commit = index
        guard !hasAnnouncedApply else { return }
        hasAnnouncedApply = true
        effects.append(.applyPending)
    }

    private mutating func leadershipChanged(
        _ new: RaftLeadership,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        let old = leadership
        leadership = new
        effects.append(.leadership(new))
        // What was sent to the leader of one term is appended in that term or not at all.
        if old.role == .leader, new.role != .leader || old.term != new.term { refuseForeign(into: &effects) }
        if new.role == .leader, old.role != .leader || old.term != new.term {
            foreign.begin(term: new.term)
            timeEntry = .zero
        }
        guard old.leader != new.leader || old.term != new.term else { return }
        noteReachability(at: time.now)
        endTransferOfFormerLeader(at: time, into: &effects)
        if new.leader != nil {
            commands.retryKeyed()
            reads.retryRound()
        }
    }

    // MARK: - Messages and links

    private mutating func receive(
        _ message: PeerMessage,
        from peer: NodeID,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        switch message {
        case .raft(let message): receive(message, from: peer, at: time, into: &effects)
        case .forwardProposals(let term, let payloads): takeForwarded(payloads, term: term, from: peer, into: &effects)
        case .proposalRefused(let request, let error):
            if let (id, answer) = commands.refused(request, error) { effects.append(.reply(id, .failure(answer))) }
        case .fetchSnapshot(let index, let from, let count):
            let question = TransferPace.Question(peer: peer, index: index, from: from, count: count)
            if pace.ask(question, now: time.now) { serve(question, at: time, into: &effects) }
        case .snapshotBlock(let index, let number, let total, let bytes):
            guard receiver?.source == peer, receiver?.index == index else { return }
            let actions = receiver?.receive(number: number, total: total, bytes: bytes, now: time.now) ?? []
            perform(actions, at: time, into: &effects)
        case .snapshotUnavailable(let index):
            guard let receiver, receiver.source == peer, receiver.index == index, !receiver.isInstalling else { return }
            endTransfer(failed: true, at: time, into: &effects)
        }
    }

    private mutating func receive(
        _ message: RaftMessage,
        from peer: NodeID,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        guard message.from == peer, message.to == id else { return }
        // What is being installed cannot give way any more. Whoever offers another snapshot offers it again.
        if case .installSnapshot = message.body, receiver?.isInstalling == true { return }
        // Nobody waits any more before the next snapshot is written; Raft may have another offered at once.
        if case .snapshotResponse(let index, _) = message.body { snapshots.ended(for: peer, index: index) }
        stepRaft(.message(message), at: time, into: &effects)
    }

    private mutating func linkUp(_ peer: NodeID, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard !connected.contains(peer) else { return }
        connected.insert(peer, at: connected.firstIndex { peer < $0 } ?? connected.count)
        if leadership.leader == peer { noteReachability(at: time.now) }
        if receiver?.source == peer { perform(receiver?.retry(now: time.now) ?? [], at: time, into: &effects) }
    }

    private mutating func linkDown(_ peer: NodeID, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        connected.removeAll { $0 == peer }
        if leadership.leader == peer {
            noteReachability(at: time.now)
            commands.retryKeyed()
        }
        stepRaft(.unreachable(peer), at: time, into: &effects)
    }

    /// Whether commands can be appended here or sent to a leader.
    var canReachLeader: Bool {
        guard let leader = leadership.leader else { return false }
        return leader == id || connected.contains(leader)
    }

    private mutating func noteReachability(at now: Instant) {
        leaderlessSince = canReachLeader ? nil : leaderlessSince ?? now
    }

    // MARK: - Time

    private mutating func runTimers(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        let now = time.now
        expireCommands(at: now, into: &effects)
        turnWritesAway(into: &effects)
        reads.reach(now)
        reads.expire(
            at: now,
            applied: stateMachine.revision,
            hasLeader: leadership.leader != nil,
            into: &effects
        )
        runTransferTimers(at: time, into: &effects)
        passTime(at: time, into: &effects)
        relieve(at: time, into: &effects)
    }
}
