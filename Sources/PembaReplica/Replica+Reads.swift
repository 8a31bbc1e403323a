// Pemba: which reads may be evaluated now, later, or not here.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaGraph
import PembaRaft
package import PembaService

extension Replica {
    /// Whether a read may be evaluated now, must wait (`.awaitRead`), or is refused.
    package func readiness(_ consistency: Consistency, at now: Instant) -> ReadReadiness {
        if let quarantine { return .refused(.diverged(quarantine)) }
        if let removedAt { return .refused(.removed(id, at: removedAt)) }
        switch consistency {
        case .minimizeLatency:
            return isFresh(at: now) ? .ready : .refused(staleError(at: now))
        case .atTime(let time):
            guard isFresh(at: now) else { return .refused(staleError(at: now)) }
            // What was written until then is all here if something later is; else the leader knows what there is.
            return time < stateMachine.timestamp ? .ready : .wait
        case .atRevision(let revision):
            return readiness(.atLeastAsFresh(zookie(for: revision)), at: now)
        case .atLeastAsFresh(let zookie), .atExactSnapshot(let zookie):
            if let error = refusal(of: zookie) { return .refused(error) }
            guard isFresh(at: now) else { return .refused(staleError(at: now)) }
            return zookie.revision <= stateMachine.revision || planted("answers-below-zookie") ? .ready : .wait
        case .fullyConsistent:
            return planted("answers-full-reads-at-once") ? .ready : .wait
        }
    }

    /// The zookie of the applied state, for answers.
    package var zookie: Zookie { zookie(for: stateMachine.revision) }

    /// The zookie of a revision of this cluster.
    package func zookie(for revision: Revision) -> Zookie {
        Zookie(cluster: options.cluster, epoch: options.epoch, revision: revision)
    }

    /// Lets a read wait, or answers it at once.
    mutating func awaitRead(
        _ id: RequestID,
        _ consistency: Consistency,
        deadline: Instant,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        switch readiness(consistency, at: time.now) {
        case .ready:
            effects.append(.readReady(id))
            return
        case .refused(let error):
            effects.append(.readFailed(id, error))
            return
        case .wait: break
        }
        guard reads.count < options.waitingReadsMax else {
            effects.append(
                .readFailed(id, .overloaded("too many reads wait at this node", limit: options.waitingReadsMax))
            )
            return
        }
        switch consistency {
        case .atLeastAsFresh(let zookie), .atExactSnapshot(let zookie):
            awaitRevision(id, zookie.revision, deadline: deadline)
        case .atRevision(let revision): awaitRevision(id, revision, deadline: deadline)
        case .atTime(let moment): awaitMoment(id, moment, deadline: deadline, at: time, into: &effects)
        case .fullyConsistent, .minimizeLatency: reads.awaitRound(id, deadline: deadline)
        }
    }

    /// Lets a read wait until its moment has come, and then for what was written until then.
    ///
    /// A caller's clock may be a little ahead of this node's. What will be written before a later moment nobody knows.
    private mutating func awaitMoment(
        _ id: RequestID,
        _ moment: Timestamp,
        deadline: Instant,
        at time: ReplicaTime,
        into effects: inout [ReplicaEffect]
    ) {
        let present = max(stateMachine.timestamp, time.wall)
        guard moment > present else { return reads.awaitRound(id, deadline: deadline) }
        let ahead = TimeSpan(nanoseconds: UInt64(bitPattern: moment.nanoseconds &- present.nanoseconds))
        guard ahead <= Limits.clockSkew, time.now + ahead < deadline else {
            effects.append(.readFailed(id, .momentToCome(moment, reached: stateMachine.revision, at: present)))
            return
        }
        reads.awaitMoment(id, due: time.now + ahead, deadline: deadline)
    }

    /// Lets a read wait for a revision that the node has not applied.
    private mutating func awaitRevision(_ id: RequestID, _ revision: Revision, deadline: Instant) {
        if revision.index <= commit {
            reads.awaitRevision(id, revision, deadline: deadline)
        } else {
            reads.awaitVerdict(id, on: revision, deadline: deadline)
        }
    }

    /// Asks for a ReadIndex round if reads wait for one and none is in flight.
    mutating func startRound(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard reads.wantsRound(at: time.now) else { return }
        let ticket = takeTicket()
        reads.startRound(ticket: ticket, lostAt: time.now + options.raft.electionTimeout)
        stepRaft(.read(ticket: ticket), at: time, into: &effects)
    }

    /// Whether the applied state is provably recent enough to answer from.
    @inline(__always)
    package func isFresh(at now: Instant) -> Bool {
        if planted("never-stale") { return true }
        return freshness.isWithin(options.stalenessBound, at: now) && quarantine == nil && removedAt == nil
    }

    private func staleError(at now: Instant) -> ServiceError {
        .stale(freshness.staleness(at: now), bound: options.stalenessBound, reached: stateMachine.revision)
    }

    /// What is wrong with a zookie, whatever its revision.
    private func refusal(of zookie: Zookie) -> ServiceError? {
        guard zookie.clusterPrefix == options.cluster.prefix || planted("takes-any-cluster") else {
            return ServiceError(.foreignZookie, "the zookie was issued by another cluster")
        }
        guard zookie.epoch == options.epoch || planted("takes-any-epoch") else {
            let isOlder = zookie.epoch < options.epoch
            return ServiceError(
                isOlder ? .expiredZookie : .futureZookie,
                "the zookie is of epoch \(zookie.epoch), and the cluster's is \(options.epoch): "
                    + (isOlder ? "history was restored since; ask without it" : "this node has missed a restore")
            )
        }
        return nil
    }

    /// The state of this replica.
    package func status(at time: ReplicaTime) -> ReplicaStatus {
        let status = raft.status()
        return ReplicaStatus(
            leadership: leadership,
            debt: status.debt,
            votesFrom: raft.votesFrom,
            isDiskStalled: raft.isDiskStalled,
            lastIndex: status.last,
            commitIndex: commit,
            appliedIndex: stateMachine.index,
            snapshotIndex: snapshots.index,
            tupleCount: stateMachine.graph.tupleCount,
            sessionCount: stateMachine.sessions.count,
            stateHash: stateMachine.stateHash,
            staleness: freshness.staleness(at: time.now),
            isFresh: isFresh(at: time.now),
            pendingCommands: commands.count,
            waitingReads: reads.count,
            snapshotProgress: receiver.map { .init(done: $0.stored, total: $0.total) },
            membership: .init(
                index: status.configurationIndex,
                isCommitted: status.configurationIndex <= commit,
                configuration: status.configuration,
                abandoned: status.abandoned,
                removedAt: removedAt
            ),
            members: status.configuration.members.map { self.status(of: $0, status) }
        )
    }

    private func status(of member: NodeID, _ status: RaftStatus) -> ReplicaStatus.Member {
        let isThis = member == id
        let peer = status.peers.first { $0.id == member }
        var result = ReplicaStatus.Member(
            node: member,
            votes: status.configuration.quorum.contains(member),
            isConnected: isThis || connected.contains(member)
        )
        guard leadership.role == .leader else { return result }
        result.match = peer?.match ?? (isThis ? status.durable : nil)
        result.catchUp = status.catchingUp.first { $0.node == member }
        result.hasLostData = peer?.hasLostData ?? false
        if case .snapshot = peer?.state { result.snapshot = snapshots.progress(of: member) }
        return result
    }
}
