// Pemba: writing, serving, fetching and installing snapshots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

extension Replica {
    // MARK: - Writing this node's own

    /// Fixes the state for the snapshot that `writeSnapshot` asked for; says what its manifest has to say of it.
    package mutating func beginSnapshot() -> SnapshotHeader {
        snapshots.fixed()
        let header = SnapshotHeader(point: stateMachine.point, stateHash: stateMachine.stateHashBytes)
        stateMachine.beginSnapshot(blockBytes: options.snapshotBlockBytes)
        return header
    }

    /// The next raw block of the snapshot, of at most `Limits.snapshotBlockBytes`; nil: that was all.
    package func nextSnapshotBlock() -> [UInt8]? { stateMachine.nextSnapshotBlock() }

    /// Gives the snapshot up; then `.snapshotNotWritten` is to be stepped.
    package func abandonSnapshot() { stateMachine.endSnapshot() }

    mutating func writeSnapshotIfDue(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard receiver == nil, quarantine == nil, snapshots.beginIfDue(at: time.now) else { return }
        effects.append(.writeSnapshot)
    }

    mutating func snapshotWritten(
        index: LogIndex,
        blockCount: UInt32,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        let isDemanded = snapshots.isDemanded
        snapshots.replace(index: index, blockCount: blockCount)
        stepRaft(.compact(index), at: time, into: &effects)
        if isDemanded || diskSpace > .ample {
            // Nothing before the snapshot stays on the disk; what followers may still need stays in memory.
            effects.append(.compactLog(upTo: index))
        } else {
            compactLog(into: &effects)
        }
        installIfComplete(at: time, into: &effects)
    }

    mutating func snapshotNotWritten(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        snapshots.failed(retry: time.now + options.transferTimeout)
        installIfComplete(at: time, into: &effects)
    }

    /// Storage keeps as much as memory does: what Raft has forgotten, it may delete.
    private func compactLog(into effects: inout [ReplicaEffect]) {
        let first = raft.firstIndex
        if first > .zero.next { effects.append(.compactLog(upTo: first.previous)) }
    }

    // MARK: - Serving

    /// Answers a question for blocks.
    mutating func serve(_ question: TransferPace.Question, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        let (peer, index, from) = (question.peer, question.index, question.from)
        guard index == snapshots.index, index > .zero, from < snapshots.total, quarantine == nil,
            configuration.members.contains(peer)
        else {
            effects.append(.send(to: peer, .snapshotUnavailable(index: index)))
            return
        }
        let count = min(question.count, UInt32(ReplicaOptions.transferWindowMax), snapshots.total - from)
        snapshots.question(from: peer, index: index, asked: from + count, at: time.now)
        // Paid for when it is asked for: until the disk has read it others may ask, too.
        pace.sent(bytes: Int(count) * options.snapshotBlockBytes, now: time.now)
        effects.append(.readSnapshotBlocks(for: peer, index: index, from: from, count: count))
    }

    func sendBlocks(
        to peer: NodeID,
        index: LogIndex,
        from: UInt32,
        blocks: [[UInt8]]?,
        into effects: inout [ReplicaEffect]
    ) {
        guard let blocks, index == snapshots.index else {
            effects.append(.send(to: peer, .snapshotUnavailable(index: index)))
            return
        }
        var number = from
        for block in blocks {
            let message = PeerMessage.snapshotBlock(index: index, number: number, total: snapshots.total, bytes: block)
            effects.append(.send(to: peer, message))
            number += 1
        }
    }

    // MARK: - Fetching

    /// The leader offers a snapshot: fetch it, unless that is being done.
    mutating func receiveSnapshot(
        from peer: NodeID,
        index: LogIndex,
        term: Term,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        if let receiver, receiver.isInstalling || (receiver.source == peer && receiver.index == index) { return }
        // Another node's snapshot of the same index may have other blocks: a new source begins with the manifest, by
        // which storage tells whether it is the same one, of which some blocks are there.
        var new = SnapshotReceiver(
            source: peer,
            index: index,
            term: term,
            window: options.transferWindow,
            latency: options.raft.heartbeatInterval,
            timeout: options.transferTimeout,
            now: time.now
        )
        let first = new.start()
        receiver = new
        perform([first], at: time, into: &effects)
    }

    mutating func blockStored(
        index: LogIndex,
        number: UInt32,
        missing: UInt32?,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        guard receiver?.index == index else { return }
        let actions = receiver?.blockStored(number: number, missing: missing, now: time.now) ?? []
        perform(actions, at: time, into: &effects)
    }

    mutating func perform(
        _ actions: [SnapshotReceiver.Action],
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        for action in actions {
            guard let receiver else { return }
            switch action {
            case .fetch(let from, let count):
                let question = PeerMessage.fetchSnapshot(index: receiver.index, from: from, count: count)
                effects.append(.send(to: receiver.source, question))
            case .store(let number, let bytes):
                effects.append(.storeSnapshotBlock(index: receiver.index, number: number, bytes: bytes))
            case .complete: installIfComplete(at: time, into: &effects)
            case .fail: endTransfer(failed: true, at: time, into: &effects)
            }
        }
    }

    /// Installs a snapshot that is complete, unless this node has meanwhile got further, or is still writing its own.
    private mutating func installIfComplete(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard let receiver, receiver.isInstalling, !snapshots.isWriting || planted("installs-while-writing") else {
            return
        }
        guard commit < receiver.index else {
            endTransfer(failed: true, at: time, into: &effects)
            return
        }
        effects.append(.installSnapshot(index: receiver.index))
    }

    /// A snapshot is only fetched from the leader: until Raft hears that this one cannot be had, it takes no entries from
    /// anybody else.
    mutating func endTransferOfFormerLeader(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard let receiver, !receiver.isInstalling, let leader = leadership.leader, leader != receiver.source,
            !planted("waits-for-former-leader")
        else { return }
        endTransfer(failed: true, at: time, into: &effects)
    }

    mutating func endTransfer(failed: Bool, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard let ended = receiver else { return }
        receiver = nil
        if failed { stepRaft(.snapshotFailed(index: ended.index), at: time, into: &effects) }
        announceApply(into: &effects)
    }

    mutating func installFailed(_ index: LogIndex, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard receiver?.index == index else { return }
        endTransfer(failed: true, at: time, into: &effects)
    }

    /// Replaces the state by that of a received snapshot, which is durable and current.
    package mutating func install(
        _ machine: StateMachine,
        blockCount: UInt32,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        let index = machine.index
        precondition(
            receiver?.isInstalling == true && receiver?.index == index,
            "snapshot \(index) was not being installed"
        )
        precondition(commit < index, "an installed snapshot would take the state back")
        precondition(!snapshots.isWriting, "a snapshot was installed in place of a state that is being written")
        if planted("install-keeps-sessions") { machine.sessions = stateMachine.sessions }
        stateMachine = machine
        audit.restart()
        auditToState = nil
        commit = index
        snapshots.replace(index: index, blockCount: blockCount)
        snapshots.fixed()
        replyFailed(commands.jumped(to: machine.term), into: &effects)
        stepRaft(.snapshotInstalled(machine.point), at: time, into: &effects)
        endTransfer(failed: false, at: time, into: &effects)
        freshness.apply(index)
        reads.release(applied: machine.revision, into: &effects)
        flush(at: time, into: &effects)
    }

    /// Nothing was applied while a snapshot was installed, so that what was announced before counts no more.
    private mutating func announceApply(into effects: inout [ReplicaEffect]) {
        hasAnnouncedApply = stateMachine.index < commit
        if hasAnnouncedApply { effects.append(.applyPending) }
    }

    // MARK: - Time

    mutating func runTransferTimers(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        if let receiver, receiver.retryAt <= time.now {
            perform(self.receiver?.retry(now: time.now) ?? [], at: time, into: &effects)
        }
        while let question = pace.next(now: time.now) { serve(question, at: time, into: &effects) }
        for broken in snapshots.takeBroken(at: time.now) {
            let input = RaftInput.snapshotSent(to: broken.peer, index: broken.index, succeeded: false)
            stepRaft(input, at: time, into: &effects)
        }
    }
}
