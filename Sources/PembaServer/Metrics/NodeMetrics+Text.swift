// Pemba: the names of the node's metrics.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

extension NodeMetrics {
    /// All metrics as `/metrics` answers them.
    package func text(_ gauges: NodeGauges) -> String {
        var output = PrometheusText()
        addNode(gauges, to: &output)
        addRaft(gauges, to: &output)
        addStorage(gauges, to: &output)
        addRequests(gauges, to: &output)
        addConnections(gauges, to: &output)
        return output.text
    }

    private func addNode(_ gauges: NodeGauges, to output: inout PrometheusText) {
        let status = gauges.status
        output.family("pemba_node_info", .gauge, "Who this is; always 1.")
        output.sample(
            "pemba_node_info",
            labels: [
                ("cluster", status.cluster.description), ("node", status.node.description),
                ("version", status.version), ("epoch", status.epoch.description),
            ],
            1
        )
        output.single(
            "pemba_node_ready",
            .gauge,
            "1 while the node is caught up and has no alarm.",
            gauges.isReady ? 1 : 0
        )
        output.single("pemba_node_uptime_seconds", .gauge, "Seconds since the node started.", status.uptimeSeconds)
        output.single("pemba_node_memory_bytes", .gauge, "Resident memory of the process.", status.residentBytes)
        output.single(
            "pemba_node_memory_limit_bytes",
            .gauge,
            "Resident memory at which writes are refused.",
            gauges.memoryLimitBytes
        )
        output.single("pemba_graph_tuples", .gauge, "Stored relation tuples.", status.tupleCount)
        output.single(
            "pemba_node_reloads_total",
            .counter,
            "Times certificates and credentials were read again.",
            reloads
        )
        output.single(
            "pemba_node_reload_failures_total",
            .counter,
            "Times reading them again failed and the old ones stayed.",
            reloadFailures
        )
        output.single(
            "pemba_tls_certificate_days",
            .gauge,
            "Days until the node's certificate expires.",
            gauges.certificateDays
        )
    }

    private func addRaft(_ gauges: NodeGauges, to output: inout PrometheusText) {
        let status = gauges.status
        output.family("pemba_raft_role", .gauge, "1 for the role that the node has, 0 for the others.")
        for role in NodeRole.allCases {
            output.sample("pemba_raft_role", labels: [("role", "\(role)")], role == status.role ? 1 : 0)
        }
        output.single("pemba_raft_term", .gauge, "The current term.", status.term)
        output.single(
            "pemba_raft_leader",
            .gauge,
            "The known leader's id, 0 if there is none.",
            status.leader?.rawValue ?? 0
        )
        output.single("pemba_raft_leader_changes_total", .counter, "Times the known leader changed.", leaderChanges)
        output.single("pemba_raft_last_index", .gauge, "The last index in the log.", status.lastIndex)
        output.single("pemba_raft_commit_index", .gauge, "The last index known to be committed.", status.commitIndex)
        output.single("pemba_raft_applied_index", .gauge, "The last applied index.", status.appliedIndex)
        output.single("pemba_raft_snapshot_index", .gauge, "The index of the newest snapshot.", status.snapshotIndex)
        let lag = status.commitIndex.rawValue - min(status.commitIndex, status.appliedIndex).rawValue
        output.single("pemba_raft_apply_lag_entries", .gauge, "Committed entries that are not applied yet.", lag)
        output.family("pemba_raft_peer_match_index", .gauge, "At the leader: the last index durable at a member.")
        for member in status.members {
            guard let match = member.matchIndex else { continue }
            output.sample("pemba_raft_peer_match_index", labels: [("node", member.node.description)], match)
        }
        output.single("pemba_raft_entries_applied_total", .counter, "Entries applied.", entriesApplied)
        output.family("pemba_raft_apply_seconds", .histogram, "From learning of a commit to having applied it.")
        output.histogram("pemba_raft_apply_seconds", applyLatency)
        output.family("pemba_raft_timer_late_seconds", .histogram, "How late heartbeats and elections were served.")
        output.histogram("pemba_raft_timer_late_seconds", timerLateness)
        output.single(
            "pemba_raft_timer_late_max_seconds",
            .gauge,
            "The latest of them since the start.",
            PrometheusText.seconds(timerLatenessMax.nanoseconds)
        )
        output.single(
            "pemba_raft_messages_dropped_total",
            .counter,
            "Messages to peers dropped on a full or broken link.",
            peerMessagesDropped
        )
    }

    private func addStorage(_ gauges: NodeGauges, to output: inout PrometheusText) {
        output.family(
            "pemba_storage_persist_seconds",
            .histogram,
            "From handing a write to the storage thread to its being durable."
        )
        output.histogram("pemba_storage_persist_seconds", persistLatency)
        output.family("pemba_storage_sync_seconds", .histogram, "Writing and syncing one group of entries.")
        output.histogram("pemba_storage_sync_seconds", syncLatency)
        output.single("pemba_storage_queue_requests", .gauge, "Writes that are not durable yet.", gauges.persistsQueued)
        output.single(
            "pemba_node_quarantined",
            .gauge,
            "1 while the state is known not to be that of the others.",
            gauges.isQuarantined ? 1 : 0
        )
        output.single("pemba_storage_free_bytes", .gauge, "Bytes free on the disk.", gauges.diskFreeBytes)
        output.single(
            "pemba_storage_space",
            .gauge,
            "Room on the disk: 0 enough, 1 little, 2 next to none: writes are refused while this node leads.",
            gauges.diskSpace
        )
        output.single(
            "pemba_storage_findings_total",
            .counter,
            "Times something stored was found rotten.",
            gauges.storageFindings
        )
        output.single(
            "pemba_storage_debt",
            .gauge,
            "What the disk has lost and the node has not got back: 0 nothing, 1 the end of the log, 2 more.",
            gauges.debt
        )
        output.single("pemba_storage_snapshots_written_total", .counter, "Snapshots written.", snapshotsWritten)
        output.single(
            "pemba_storage_snapshots_installed_total",
            .counter,
            "Snapshots received from a leader and installed.",
            snapshotsInstalled
        )
        output.single(
            "pemba_storage_snapshot_blocks_sent_total",
            .counter,
            "Blocks of snapshots sent to other nodes.",
            snapshotBlocksSent
        )
    }

    private func addRequests(_ gauges: NodeGauges, to output: inout PrometheusText) {
        output.family("pemba_requests_total", .counter, "Requests answered, errors included.")
        for kind in RequestKind.allCases {
            output.sample("pemba_requests_total", labels: [("kind", kind.name)], requests[kind.rawValue])
        }
        output.family("pemba_request_seconds", .histogram, "From a request's arrival to its answer.")
        for kind in RequestKind.allCases {
            output.histogram("pemba_request_seconds", labels: [("kind", kind.name)], latencies[kind.rawValue])
        }
        output.family("pemba_request_errors_total", .counter, "Error answers by code.")
        for (code, count) in zip(ErrorCode.allCases, errors) {
            output.sample("pemba_request_errors_total", labels: [("code", "\(code)")], count)
        }
        output.single("pemba_requests_in_flight", .gauge, "Requests that wait for an answer.", gauges.requestsInFlight)
        output.single(
            "pemba_evaluations_queued",
            .gauge,
            "Evaluations that wait for their turn.",
            gauges.evaluationsQueued
        )
        output.single(
            "pemba_evaluations_suspended_total",
            .counter,
            "Evaluations that took more than a slice.",
            evaluationsSuspended
        )
        output.single("pemba_loop_turns_total", .counter, "Looks of the event loop at its sockets.", gauges.loopTurns)
        output.single(
            "pemba_loop_turns_exhausted_total",
            .counter,
            "Turns of the loop that ended with work left.",
            turnsExhausted
        )
    }

    private func addConnections(_ gauges: NodeGauges, to output: inout PrometheusText) {
        output.family("pemba_connections", .gauge, "Open connections, those in the handshake included.")
        output.sample("pemba_connections", labels: [("with", "clients")], gauges.clientConnections)
        output.sample("pemba_connections", labels: [("with", "peers")], gauges.peerConnections)
        output.single(
            "pemba_connections_accepted_total",
            .counter,
            "Client connections accepted.",
            gauges.clientConnectionsAccepted
        )
        output.single(
            "pemba_authentications_refused_total",
            .counter,
            "Client connections whose credential was refused.",
            authenticationsRefused
        )
        output.family(
            "pemba_connection_ends_total",
            .counter,
            "Ended connections by cause, failed handshakes included."
        )
        for end in gauges.connectionEnds {
            output.sample(
                "pemba_connection_ends_total",
                labels: [("with", "clients"), ("cause", end.cause)],
                end.clients
            )
            output.sample("pemba_connection_ends_total", labels: [("with", "peers"), ("cause", end.cause)], end.peers)
        }
    }
}
