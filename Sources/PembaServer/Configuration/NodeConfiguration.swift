// Pemba: the configuration of a node, checked.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaGraph

/// Everything a node is told before it starts.
///
/// Each field is described once, in `ConfigurationTable`.
package struct NodeConfiguration: Sendable, Equatable {
    package var cluster: ClusterID
    package var epoch: Epoch
    package var node: NodeID
    package var dataFolder: String
    /// Whom the node begins with, ascending by id; `node` is among them.
    package var members: [MemberConfiguration]
    package var listen: Listen
    package var tls: TLSFiles
    /// The file of bearer keys, if any.
    package var credentialsFile: String?
    package var raft: Raft
    package var stalenessBound: TimeSpan
    package var snapshot: Snapshot
    package var storage: Storage
    /// How much of the past can be asked for.
    package var history: HistoryLimits
    package var limits: NodeLimits
    package var shutdownTimeout: TimeSpan
    package var log: Log

    /// Where the node listens.
    package struct Listen: Sendable, Equatable {
        package var client: NetworkAddress
        package var peer: NetworkAddress
        /// Nil: there is no HTTP port.
        package var http: NetworkAddress?
    }

    /// The node's PEM files.
    package struct TLSFiles: Sendable, Equatable {
        package var ca: String
        package var certificate: String
        package var key: String
    }

    /// Consensus.
    package struct Raft: Sendable, Equatable {
        package var electionTimeout: TimeSpan
        package var heartbeatInterval: TimeSpan
        package var inflightMessages: Int
        package var inflightBytes: Int
        package var messageBytes: Int
        package var uncommittedBytes: Int
        package var electionPriority: Int
        package var catchUpTimeout: TimeSpan
        package var catchUpRounds: Int
    }

    /// When snapshots are written and what is kept before them.
    package struct Snapshot: Sendable, Equatable {
        package var logBytes: Int
        package var logEntries: Int
        package var trailingEntries: Int
        package var transferBytesPerSecond: Int
    }

    /// The disk.
    package struct Storage: Sendable, Equatable {
        package var stallTimeout: TimeSpan
        package var abortTimeout: TimeSpan
        package var lowSpaceBytes: Int
        package var criticalSpaceBytes: Int
        package var scrubBytesPerSecond: Int
    }

    /// What clients may ask for at most.
    package struct NodeLimits: Sendable, Equatable {
        package var connections: Int
        package var requestsPerConnection: Int
        package var requests: Int
        package var outputBytes: Int
        /// 0: derived from what the machine or the control group gives.
        package var memoryBytes: Int
        package var evaluationVisits: Int
        package var evaluationSliceVisits: Int
        package var requestDeadline: TimeSpan
        package var requestDeadlineMax: TimeSpan
        package var handshakeTimeout: TimeSpan
        package var idleTimeout: TimeSpan
    }

    /// What is logged and how.
    package struct Log: Sendable, Equatable {
        package var level: String
        package var format: String
    }

    /// Reads and checks all three sources; `folder` is where relative paths start.
    package init(_ values: ConfigurationValues, relativeTo folder: String) throws(ConfigurationError) {
        func path(_ name: String) -> String? {
            values.text(name).map { $0.hasPrefix("/") || folder.isEmpty ? $0 : "\(folder)/\($0)" }
        }
        func milliseconds(_ name: String) -> TimeSpan { .milliseconds(UInt64(values.integer(name))) }
        guard case .clusterID(let cluster)? = values["cluster.id"]?.value,
            case .members(let members)? = values["members"]?.value,
            let data = path("node.data"), let client = values.address("listen.client"),
            let peer = values.address("listen.peer"), let ca = path("tls.ca"),
            let certificate = path("tls.certificate"), let key = path("tls.key"),
            let level = values.text("log.level"), let format = values.text("log.format")
        else { preconditionFailure("a required key has no value after the sources were read") }
        self.cluster = cluster
        epoch = Epoch(UInt32(values.integer("cluster.epoch")))
        node = NodeID(UInt64(values.integer("node.id")))
        dataFolder = data
        self.members = members.sorted { $0.id < $1.id }
        listen = Listen(client: client, peer: peer, http: values.address("listen.http"))
        tls = TLSFiles(ca: ca, certificate: certificate, key: key)
        credentialsFile = path("credentials")
        raft = Raft(
            electionTimeout: milliseconds("raft.election_timeout_ms"),
            heartbeatInterval: milliseconds("raft.heartbeat_interval_ms"),
            inflightMessages: values.integer("raft.inflight_messages"),
            inflightBytes: values.integer("raft.inflight_bytes"),
            messageBytes: values.integer("raft.message_bytes"),
            uncommittedBytes: values.integer("raft.uncommitted_bytes"),
            electionPriority: values.integer("raft.election_priority"),
            catchUpTimeout: milliseconds("raft.catch_up_timeout_ms"),
            catchUpRounds: values.integer("raft.catch_up_rounds")
        )
        stalenessBound = milliseconds("staleness_bound_ms")
        snapshot = Snapshot(
            logBytes: values.integer("snapshot.log_bytes"),
            logEntries: values.integer("snapshot.log_entries"),
            trailingEntries: values.integer("snapshot.trailing_entries"),
            transferBytesPerSecond: values.integer("snapshot.transfer_bytes_per_second")
        )
        storage = Storage(
            stallTimeout: milliseconds("storage.stall_timeout_ms"),
            abortTimeout: milliseconds("storage.abort_timeout_ms"),
            lowSpaceBytes: values.integer("storage.low_space_bytes"),
            criticalSpaceBytes: values.integer("storage.critical_space_bytes"),
            scrubBytesPerSecond: values.integer("storage.scrub_bytes_per_second")
        )
        history = HistoryLimits(
            changes: values.integer("history.changes"),
            bytes: values.integer("history.bytes"),
            span: .seconds(UInt64(values.integer("history.seconds")))
        )
        limits = NodeLimits(
            connections: values.integer("limits.connections"),
            requestsPerConnection: values.integer("limits.requests_per_connection"),
            requests: values.integer("limits.requests"),
            outputBytes: values.integer("limits.output_bytes"),
            memoryBytes: values.integer("limits.memory_bytes"),
            evaluationVisits: values.integer("limits.evaluation_visits"),
            evaluationSliceVisits: values.integer("limits.evaluation_slice_visits"),
            requestDeadline: milliseconds("limits.request_deadline_ms"),
            requestDeadlineMax: milliseconds("limits.request_deadline_max_ms"),
            handshakeTimeout: milliseconds("limits.handshake_timeout_ms"),
            idleTimeout: milliseconds("limits.idle_timeout_ms")
        )
        shutdownTimeout = milliseconds("shutdown_timeout_ms")
        log = Log(level: level, format: format)
        try checkMembers(values)
        try checkTimes(values)
    }

    private func checkMembers(_ values: ConfigurationValues) throws(ConfigurationError) {
        func refuse(_ message: String) -> ConfigurationError {
            ConfigurationError(source: values.source(of: "members"), message: message)
        }
        for (member, next) in zip(members, members.dropFirst()) where member.id == next.id {
            throw refuse("members names node \(member.id) twice; every member has its own id")
        }
        guard members.contains(where: { $0.id == node }) else {
            let named = members.map(\.id.description).joined(separator: ", ")
            throw refuse(
                "members names node \(named), and not node \(node), which node.id (\(values.source(of: "node.id"))) says this is"
            )
        }
        guard members.count <= NodeConfiguration.membersMax else {
            throw refuse("members names \(members.count) nodes; at most \(NodeConfiguration.membersMax) are possible")
        }
    }

    /// More voters make writes slower and nothing safer.
    package static let membersMax = 15

    private func checkTimes(_ values: ConfigurationValues) throws(ConfigurationError) {
        try values.require("raft.election_timeout_ms", isAtLeast: "raft.heartbeat_interval_ms", twice: true)
        try values.require("staleness_bound_ms", isAtLeast: "raft.election_timeout_ms", twice: true)
        try values.require("storage.abort_timeout_ms", isAtLeast: "storage.stall_timeout_ms", twice: true)
        try values.require("storage.low_space_bytes", isAtLeast: "storage.critical_space_bytes", twice: true)
        try values.require("limits.request_deadline_max_ms", isAtLeast: "limits.request_deadline_ms")
    }
}
