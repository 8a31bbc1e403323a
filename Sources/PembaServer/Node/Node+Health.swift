// Pemba: what a node says of itself.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaReplica
import PembaService
import PembaTLS
import PembaTransport

extension Node {
    /// Committed entries that a ready node may have yet to apply.
    private static let readyLagMax: UInt64 = 10_000

    /// Why the node is not ready, in sentences; empty if it is.
    func alarms(_ status: ReplicaStatus) -> [String] {
        if let index = status.membership.removedAt {
            return ["this node was removed from the cluster by entry \(index): stop it, its id never comes back"]
        }
        var alarms: [String] = []
        // A leader that is heard has accepted it since.
        if let lostData, status.leadership.leader == nil { alarms.append("the others refuse this node: \(lostData)") }
        // Leaders write to members only: whoever hears one was added, and fetches what it is to have.
        if replica.logContent == .empty, status.leadership.leader == nil {
            alarms.append("waiting to be added to the cluster (clusterctl member add \(configuration.node))")
        }
        if phase != .running { alarms.append("the node is shutting down") }
        if status.leadership.leader == nil { alarms.append("no leader is known") }
        if !status.isFresh {
            alarms.append("the node has not been in touch with a leader for longer than the staleness bound")
        }
        let lag = status.commitIndex.rawValue - min(status.commitIndex, status.appliedIndex).rawValue
        if lag > Node.readyLagMax { alarms.append("\(lag) committed entries are still to be applied") }
        if let progress = status.snapshotProgress {
            let total = progress.total == 0 ? "an unknown number" : "\(progress.total)"
            alarms.append("receiving a snapshot: \(progress.done) of \(total) blocks")
        }
        if let debt = status.debt { alarms.append(debt.explanation) }
        if let index = status.votesFrom {
            alarms.append(
                "the node held nothing and is given the log: it does not vote before it has entry \(index), and has \(status.lastIndex)"
            )
        }
        if let quarantine = replica.quarantine {
            alarms.append(
                "the state of this node was not that of the others after entry \(quarantine.index): restart it with "
                    + "--discard-state"
            )
        }
        if status.isDiskStalled { alarms.append("the disk completes nothing: no writes are taken here until it does") }
        alarms += diskAlarms
        if isMemoryExhausted { alarms.append("the memory limit is reached: writes are refused") }
        return alarms
    }

    /// The node's status, as clients, `/readyz` and the metrics report it.
    func status() -> NodeStatus {
        let status = replica.status(at: Node.time())
        return NodeStatus(
            cluster: configuration.cluster,
            epoch: configuration.epoch,
            node: configuration.node,
            role: NodeRole(status.leadership.role),
            term: status.leadership.term,
            leader: status.leadership.leader,
            lastIndex: status.lastIndex,
            commitIndex: status.commitIndex,
            appliedIndex: status.appliedIndex,
            snapshotIndex: status.snapshotIndex,
            history: replica.stateMachine.graph.historyStatus,
            tupleCount: UInt64(status.tupleCount),
            residentBytes: residentBytes,
            stateHash: status.stateHash,
            alarms: alarms(status),
            membership: MembershipStatus(status.membership),
            members: status.members.map { member in
                let addresses = addresses(of: member.node)
                return MemberStatus(
                    node: member.node,
                    role: member.votes ? .voter : .learner,
                    next: status.membership.configuration.next(of: member.node),
                    clientAddress: addresses?.client.description ?? "",
                    peerAddress: addresses?.peer.description ?? "",
                    matchIndex: member.match,
                    isConnected: member.isConnected,
                    catchUp: member.catchUp.map { .init(round: UInt32(clamping: $0.round), target: $0.target) },
                    snapshot: member.snapshot.map { .init(done: $0.done, total: $0.total) },
                    hasLostData: member.hasLostData || withoutData.contains(member.node)
                )
            },
            version: PembaVersion.current,
            uptimeSeconds: (SystemClock.now() - startedAt).nanoseconds / 1_000_000_000
        )
    }

    /// Everything that `/metrics` answers.
    func metricsText(clients: TransportCounters, peers: TransportCounters) -> String {
        var gauges = NodeGauges(status: status())
        gauges.clientConnections = clients.open
        gauges.peerConnections = peers.open
        gauges.clientConnectionsAccepted = clients.accepted
        for cause in CloseCause.allCases {
            gauges.connectionEnds.append((cause.rawValue, clients: clients.closed(cause), peers: peers.closed(cause)))
        }
        gauges.requestsInFlight = inFlight
        gauges.evaluationsQueued = evaluations.count
        gauges.loopTurns = loop.turns
        gauges.persistsQueued = persistsInFlight
        gauges.isQuarantined = replica.quarantine != nil
        gauges.diskFreeBytes = disk.freeBytes
        gauges.diskSpace = disk.space.rawValue
        gauges.storageFindings = disk.findings
        gauges.debt = replica.debt?.kind.rawValue ?? 0
        gauges.certificateDays = access.serverContext.certificateDaysLeft(at: SystemClock.wall()) ?? 0
        gauges.memoryLimitBytes = memoryLimit
        gauges.isReady = gauges.status.alarms.isEmpty
        return metrics.text(gauges)
    }
}

extension NodeRole {
    /// The role as clients see it.
    init(_ role: RaftRole) {
        self =
            switch role {
            case .follower: .follower
            case .preCandidate: .preCandidate
            case .candidate: .candidate
            case .leader: .leader
            }
    }
}

extension MembershipStatus {
    /// The membership as clients see it.
    init(_ membership: ReplicaStatus.Membership) {
        let configuration = membership.configuration
        self.init(
            index: membership.index,
            isSettled: membership.isCommitted && !configuration.isJoint && configuration.goal == nil,
            abandoned: membership.abandoned.map { change in
                Abandoned(
                    node: change.node,
                    reason: change.failure == .silent ? .silent : .tooSlow,
                    index: change.index
                )
            },
            removedAt: membership.removedAt,
            highestNode: (configuration.members + configuration.removed).max()
        )
    }
}

extension RaftConfiguration {
    /// What a member is to become; nil: it stays what it is.
    fileprivate func next(of node: NodeID) -> MemberRole? {
        if isJoint {
            guard outgoingVoters.contains(node), !voters.contains(node) else { return nil }
            return nextLearners.contains(node) ? .learner : .removed
        }
        guard let goal else { return nil }
        let isVoter = voters.contains(node)
        if goal.voters.contains(node) { return isVoter ? nil : .voter }
        if goal.learners.contains(node) { return isVoter ? .learner : nil }
        return .removed
    }
}
