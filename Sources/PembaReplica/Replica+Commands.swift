// Pemba: commands of clients on their way into the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService

extension Replica {
    /// Queues a command, or refuses it at once: then nothing was done.
    mutating func submit(
        _ id: RequestID,
        _ command: ClientCommand,
        deadline: Instant,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        do throws(ServiceError) {
            if let quarantine { throw .diverged(quarantine) }
            if let removedAt { throw .removed(self.id, at: removedAt) }
            if turnsWritesAway { throw .diskStalled(self.id) }
            try command.checkShape()
            let payload = Proposal(origin: self.id, request: 0, command: command).encode()
            try checkRoom(for: payload)
            // A session that is opened twice is one that nobody uses: it may be asked for again like a write with a key.
            let isRepeatable = command.idempotencyKey != nil || command == .openSession
            commands.add(id, payload: payload, hasKey: isRepeatable, deadline: deadline)
        } catch {
            effects.append(.reply(id, .failure(error)))
        }
    }

    private func checkRoom(for payload: [UInt8]) throws(ServiceError) {
        guard payload.count <= ReplicaOptions.proposalBytesMax else {
            throw ServiceError(
                .limitExceeded,
                "a write has at most \(ReplicaOptions.proposalBytesMax) bytes in the log, this one has \(payload.count)"
            )
        }
        guard commands.count < options.pendingCommandsMax else {
            throw .overloaded("too many writes wait at this node", limit: options.pendingCommandsMax)
        }
        guard commands.bytes + payload.count <= options.pendingBytesMax else {
            throw .overloaded("too many bytes of writes wait at this node", limit: options.pendingBytesMax)
        }
    }

    /// Appends or forwards what is queued; without a leader in reach it waits.
    mutating func flushCommands(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard leadership.role == .leader else {
            if commands.hasQueued { forwardQueued(into: &effects) }
            return
        }
        if lacksRoom {
            for item in foreign.takeAll() { refuse(item, .noRoom, into: &effects) }
            replyFailed(commands.failQueued(.noRoom), into: &effects)
            return
        }
        appendForeign(at: time, into: &effects)
        appendQueued(at: time, into: &effects)
    }

    private mutating func appendQueued(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        while commands.hasQueued {
            let batch = commands.takeBatch(maxBytes: ReplicaOptions.batchBytesMax)
            guard !batch.isEmpty else { return }
            switch propose(batch.map(\.payload), at: time, into: &effects) {
            case .appended(let first, _):
                commands.appended(batch[...], first: first)
            case .overloaded:
                commands.putBack(batch[...])
                let error = ServiceError.overloaded(
                    "too many bytes of writes wait for a quorum",
                    limit: options.raft.uncommittedBytesMax
                )
                replyFailed(commands.failQueued(error), into: &effects)
                return
            case .notLeader, .transferring:
                commands.putBack(batch[...])
                return
            }
        }
    }

    private mutating func forwardQueued(into effects: inout [ReplicaEffect]) {
        guard let leader = leadership.leader, leader != id, connected.contains(leader) else { return }
        while commands.hasQueued {
            let batch = commands.takeBatch(maxBytes: ReplicaOptions.batchBytesMax)
            guard !batch.isEmpty else { return }
            commands.forwarded(batch, term: leadership.term)
            effects.append(.send(to: leader, .forwardProposals(term: leadership.term, batch.map(\.payload))))
        }
    }

    // MARK: - Other nodes' proposals

    /// Queues proposals of the member `peer` to be appended by the next flush, or refuses them.
    mutating func takeForwarded(
        _ payloads: [[UInt8]],
        term: Term,
        from peer: NodeID,
        into effects: inout [ReplicaEffect]
    ) {
        guard configuration.members.contains(peer) else { return }
        for payload in payloads {
            // What cannot be read must not get into the log, where it would stop every node.
            guard payload.count <= ReplicaOptions.proposalBytesMax, let proposal = try? Proposal(decoding: payload),
                proposal.origin == peer
            else { continue }
            let item = ForwardedProposals.Item(origin: peer, request: proposal.request, payload: payload)
            guard case .new = foreign.note(origin: peer, request: item.request, term: term) else { continue }
            guard leadership.role == .leader, leadership.term == term else {
                refuse(item, .noLeader, into: &effects)
                continue
            }
            guard commands.bytes + foreign.bytes + payload.count <= options.pendingBytesMax else {
                refuse(
                    item,
                    .overloaded("too many bytes of writes wait at the leader", limit: options.pendingBytesMax),
                    into: &effects
                )
                continue
            }
            foreign.add(item)
        }
    }

    private mutating func appendForeign(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        var rest = foreign.takeAll()[...]
        while !rest.isEmpty {
            var size = 0
            let batch = rest.prefix { item in
                let isFirst = size == 0
                size += item.payload.count
                return isFirst || size <= ReplicaOptions.batchBytesMax
            }
            switch propose(batch.map(\.payload), at: time, into: &effects) {
            case .appended: rest = rest.dropFirst(batch.count)
            case .notLeader, .transferring:
                for item in rest { refuse(item, .noLeader, into: &effects) }
                return
            case .overloaded:
                let error = ServiceError.overloaded(
                    "too many bytes of writes wait for a quorum",
                    limit: options.raft.uncommittedBytesMax
                )
                for item in rest { refuse(item, error, into: &effects) }
                return
            }
        }
    }

    /// Leadership ended before the queued proposals were appended.
    mutating func refuseForeign(into effects: inout [ReplicaEffect]) {
        for item in foreign.takeAll() { refuse(item, .noLeader, into: &effects) }
    }

    private func refuse(_ item: ForwardedProposals.Item, _ error: ServiceError, into effects: inout [ReplicaEffect]) {
        effects.append(.send(to: item.origin, .proposalRefused(request: item.request, error: error)))
    }

    // MARK: - Time

    /// Answers the commands that have run out of time, and those that have waited too long for a leader.
    mutating func expireCommands(at now: Instant, into effects: inout [ReplicaEffect]) {
        replyFailed(commands.expire(at: now, hasLeader: leadership.leader != nil), into: &effects)
        if let leaderlessSince, commands.hasQueued, leaderlessSince + options.leaderlessPatience <= now {
            replyFailed(commands.failQueued(.noLeader), into: &effects)
        }
    }

    func replyFailed(_ failed: [(RequestID, ServiceError)], into effects: inout [ReplicaEffect]) {
        for (id, error) in failed { effects.append(.reply(id, .failure(error))) }
    }
}
