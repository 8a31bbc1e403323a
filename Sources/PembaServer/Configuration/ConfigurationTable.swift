// Pemba: every key of the node's configuration.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// The one table that the file, the environment, the flags, the errors and the reference are made of.
package enum ConfigurationTable {
    /// Every key, in the order of the reference.
    package static let keys: [ConfigurationKey] =
        identity + network + consensus + storage + history + limits + operations

    private static let identity: [ConfigurationKey] = [
        ConfigurationKey(
            "cluster.id",
            .clusterID,
            default: .required,
            "The cluster that the node belongs to, as `clusterctl init` chose it."
        ),
        ConfigurationKey(
            "cluster.epoch",
            .integer(1...Int(UInt32.max), unit: ""),
            default: .text("1"),
            "The cluster's epoch: it rises at restore and recovery, and older zookies expire."
        ),
        ConfigurationKey(
            "node.id",
            .integer(1...Int.max, unit: ""),
            default: .required,
            "The node's permanent number; it stands in its certificate too."
        ),
        ConfigurationKey(
            "node.data",
            .path,
            default: .required,
            "The folder of log and snapshots, owned by this node alone."
        ),
        ConfigurationKey(
            "members",
            .members,
            default: .required,
            """
            The members that the node begins with, itself included: of a new cluster its first voters, of a node that \
            joins whom it knows of the cluster. From then on the cluster's own configuration says who is a member and \
            where it is reached (`clusterctl member`). In a variable or flag: `1=HOST:PORT/HOST:PORT,2=…`, the peer \
            address before the slash, the client address after it.
            """
        ),
    ]

    private static let network: [ConfigurationKey] = [
        ConfigurationKey(
            "listen.client",
            .address(canBeOff: false),
            default: .required,
            "Where clients are accepted, with TLS."
        ),
        ConfigurationKey(
            "listen.peer",
            .address(canBeOff: false),
            default: .required,
            "Where the other nodes are accepted, with TLS."
        ),
        ConfigurationKey(
            "listen.http",
            .address(canBeOff: true),
            default: .text("127.0.0.1:7201"),
            "Where `/livez`, `/readyz` and `/metrics` are answered, without TLS or credentials: keep it private."
        ),
        ConfigurationKey(
            "tls.ca",
            .path,
            default: .required,
            reload: .contentAtSIGHUP,
            "The certificates of the authorities that may sign nodes and clients (PEM)."
        ),
        ConfigurationKey(
            "tls.certificate",
            .path,
            default: .required,
            reload: .contentAtSIGHUP,
            "The node's certificate and its chain (PEM)."
        ),
        ConfigurationKey(
            "tls.key",
            .path,
            default: .required,
            reload: .contentAtSIGHUP,
            "The node's private key (PEM), readable by its owner alone (mode 0600 or 0400)."
        ),
        ConfigurationKey(
            "credentials",
            .path,
            default: .none,
            reload: .contentAtSIGHUP,
            """
            A YAML list of bearer keys: `[{name: ci, roles: read+write, sha256: <64 hexadecimal digits>}]`. \
            Without it, only client certificates are accepted.
            """
        ),
    ]

    private static let consensus: [ConfigurationKey] = [
        ConfigurationKey(
            "raft.election_timeout_ms",
            .integer(50...60_000, unit: "ms"),
            default: .text("500"),
            """
            A follower that hears nothing from a leader for this long, up to twice as long by chance, stands for \
            election. At least twice the heartbeat interval; the same on every node.
            """
        ),
        ConfigurationKey(
            "raft.heartbeat_interval_ms",
            .integer(5...10_000, unit: "ms"),
            default: .text("100"),
            "How often a leader says that it lives."
        ),
        ConfigurationKey(
            "raft.inflight_messages",
            .integer(1...65_536, unit: ""),
            default: .text("256"),
            "Unacknowledged replication messages to one follower."
        ),
        ConfigurationKey(
            "raft.inflight_bytes",
            .integer(65_536...1 << 30, unit: "bytes"),
            default: .text("\(8 << 20)"),
            "Unacknowledged bytes of entries to one follower."
        ),
        ConfigurationKey(
            "raft.message_bytes",
            .integer(4_096...2 << 20, unit: "bytes"),
            default: .text("\(1 << 20)"),
            "Bytes of entries in one replication message; a single larger entry travels alone."
        ),
        ConfigurationKey(
            "raft.uncommitted_bytes",
            .integer(1 << 20...1 << 32, unit: "bytes"),
            default: .text("\(64 << 20)"),
            "Bytes of proposals that a leader takes on before they are committed; beyond it writes are overloaded."
        ),
        ConfigurationKey(
            "raft.election_priority",
            .integer(0...RaftOptions.electionPriorityMax, unit: ""),
            default: .text("\(RaftOptions.electionPriorityMax)"),
            """
            How willing the node is to lead: for each step less it waits for another election timeout before it stands \
            for election, so that it leads only if no more willing node does.
            """
        ),
        ConfigurationKey(
            "raft.catch_up_timeout_ms",
            .integer(1_000...86_400_000, unit: "ms"),
            default: .text("60000"),
            """
            A node that is to vote may be silent, or get no further, for so long before its addition is given up; it \
            then stays a learner. A snapshot that is on its way does not count.
            """
        ),
        ConfigurationKey(
            "raft.catch_up_rounds",
            .integer(1...1_000, unit: ""),
            default: .text("10"),
            """
            In how many rounds a node that is to vote must have caught up: each brings what was written during the one \
            before, and the last takes no longer than an election timeout.
            """
        ),
        ConfigurationKey(
            "staleness_bound_ms",
            .integer(100...3_600_000, unit: "ms"),
            default: .text("5000"),
            """
            A node that has been out of touch with the leader for longer answers no reads. At least twice the \
            election timeout.
            """
        ),
        ConfigurationKey(
            "snapshot.log_bytes",
            .integer(1 << 16...1 << 40, unit: "bytes"),
            default: .text("\(256 << 20)"),
            """
            A snapshot is written when the log since the last one is as long as that one, and at least 16 MiB; at the \
            latest when it has grown by this much, or by `snapshot.log_entries`.
            """
        ),
        ConfigurationKey(
            "snapshot.log_entries",
            .integer(16...1 << 40, unit: "entries"),
            default: .text("1000000"),
            "A snapshot is written at the latest when the log has grown by this many entries since the last one."
        ),
        ConfigurationKey(
            "snapshot.trailing_entries",
            .integer(0...1 << 32, unit: "entries"),
            default: .text("50000"),
            "Entries before a snapshot that are kept for followers that lag a little."
        ),
        ConfigurationKey(
            "snapshot.transfer_bytes_per_second",
            .integer(65_536...1 << 40, unit: "bytes"),
            default: .text("\(128 << 20)"),
            "How much of its snapshots a node sends to others, so that replication and clients keep their share."
        ),
    ]

    private static let storage: [ConfigurationKey] = [
        ConfigurationKey(
            "storage.stall_timeout_ms",
            .integer(100...60_000, unit: "ms"),
            default: .text("1500"),
            """
            A leader whose disk has not completed a write for this long, or for five heartbeats if that is longer, hands \
            over to a node whose disk works.
            """
        ),
        ConfigurationKey(
            "storage.abort_timeout_ms",
            .integer(1_000...3_600_000, unit: "ms"),
            default: .text("10000"),
            "A node whose disk has not completed one call for this long ends. At least twice `storage.stall_timeout_ms`."
        ),
        ConfigurationKey(
            "storage.low_space_bytes",
            .integer(0...1 << 50, unit: "bytes"),
            default: .text("\(512 << 20)"),
            """
            With less free on its disk a node writes a snapshot and deletes the log before it. At least twice \
            `storage.critical_space_bytes`.
            """
        ),
        ConfigurationKey(
            "storage.critical_space_bytes",
            .integer(0...1 << 50, unit: "bytes"),
            default: .text("\(128 << 20)"),
            "With less free on its disk a leader hands over, and refuses writes if no other node takes its place."
        ),
        ConfigurationKey(
            "storage.scrub_bytes_per_second",
            .integer(0...1 << 30, unit: "bytes"),
            default: .text("\(4 << 20)"),
            "How fast the stored log and snapshot are read again to find rot while it can be mended. 0: never."
        ),
    ]

    private static let history: [ConfigurationKey] = [
        ConfigurationKey(
            "history.changes",
            .integer(0...100_000_000, unit: "changes"),
            default: .text("1000000"),
            """
            Changes of tuples that are kept in memory for exact snapshots and watches, about 128 bytes each; older \
            revisions are refused, naming the oldest that is kept. 0: none.
            """
        ),
        ConfigurationKey(
            "history.bytes",
            .integer(16 << 20...1 << 40, unit: "bytes"),
            default: .text("\(Limits.historyBytes)"),
            """
            Memory that those changes may take with what belongs to them: the contexts of their caveats, the metadata of \
            their writes, and the schemas before the present one. The oldest go first.
            """
        ),
        ConfigurationKey(
            "history.seconds",
            .integer(1...31_536_000, unit: "s"),
            default: .text("86400"),
            "How long a change is kept, by the log's time, if `history.changes` and `history.bytes` allow."
        ),
    ]

    private static let limits: [ConfigurationKey] = [
        ConfigurationKey(
            "limits.connections",
            .integer(1...1_000_000, unit: ""),
            default: .text("10000"),
            "Client connections; further ones are closed at once."
        ),
        ConfigurationKey(
            "limits.requests_per_connection",
            .integer(1...1_000_000, unit: ""),
            default: .text("4096"),
            "Requests of one connection that wait for an answer; further ones are overloaded."
        ),
        ConfigurationKey(
            "limits.requests",
            .integer(1...10_000_000, unit: ""),
            default: .text("65536"),
            "Requests of all connections that wait for an answer; further ones are overloaded."
        ),
        ConfigurationKey(
            "limits.output_bytes",
            .integer(1 << 16...1 << 32, unit: "bytes"),
            default: .text("\(16 << 20)"),
            "Unsent answers of one connection; a client that reads more slowly is cut off."
        ),
        ConfigurationKey(
            "limits.memory_bytes",
            .integer(0...1 << 50, unit: "bytes"),
            default: .text("0"),
            """
            Resident memory at which writes are refused as overloaded. 0: 85 % of what the machine or the control \
            group gives.
            """
        ),
        ConfigurationKey(
            "limits.evaluation_visits",
            .integer(1_000...1_000_000_000, unit: "visits"),
            default: .text("\(Limits.evaluationVisits)"),
            """
            Entities that one check may visit before it ends with an error; \(Limits.conditionStepsPerVisit) steps of \
            conditions count as one.
            """
        ),
        ConfigurationKey(
            "limits.evaluation_slice_visits",
            .integer(64...1_000_000, unit: "visits"),
            default: .text("4096"),
            "Visits after which a check makes room for other work and goes on later."
        ),
        ConfigurationKey(
            "limits.request_deadline_ms",
            .integer(1...600_000, unit: "ms"),
            default: .text("5000"),
            "The deadline of a request that brings none."
        ),
        ConfigurationKey(
            "limits.request_deadline_max_ms",
            .integer(1...3_600_000, unit: "ms"),
            default: .text("60000"),
            "The longest deadline that a request may bring; longer ones are shortened to it."
        ),
        ConfigurationKey(
            "limits.handshake_timeout_ms",
            .integer(10...600_000, unit: "ms"),
            default: .text("5000"),
            "How long a TLS handshake and the first frame may take."
        ),
        ConfigurationKey(
            "limits.idle_timeout_ms",
            .integer(100...86_400_000, unit: "ms"),
            default: .text("300000"),
            """
            A client connection on which nothing arrives for this long is closed; a streamed answer of which nothing is \
            taken for this long ends with an error.
            """
        ),
    ]

    private static let operations: [ConfigurationKey] = [
        ConfigurationKey(
            "shutdown_timeout_ms",
            .integer(0...600_000, unit: "ms"),
            default: .text("10000"),
            "How long SIGTERM waits for leadership to be handed over and for requests in flight."
        ),
        ConfigurationKey(
            "log.level",
            .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            default: .text("info"),
            "The least important messages that are logged. Audit events are always logged."
        ),
        ConfigurationKey(
            "log.format",
            .choice(["text", "json"]),
            default: .text("text"),
            "Lines for people, or one JSON object a line. Both go to standard error."
        ),
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: keys.map { ($0.name, $0) })
    private static let byVariable = Dictionary(uniqueKeysWithValues: keys.map { ($0.environmentVariable, $0) })

    /// The key called `name`.
    package static func key(named name: String) -> ConfigurationKey? { byName[name] }

    /// The key that the environment variable `variable` stands for.
    package static func key(ofVariable variable: String) -> ConfigurationKey? { byVariable[variable] }

    /// The key whose name is nearest to `name`, if one is near.
    static func nearest(to name: String) -> String? {
        let ranked = keys.map { key in
            // `timeout_ms` alone means the key that ends with it, however far the section's name is away.
            let last = key.name.split(separator: ".").last.map(String.init) ?? key.name
            return (key.name, min(EditDistance.between(name, key.name), 1 + EditDistance.between(name, last)))
        }
        guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(2, name.count / 3) else { return nil }
        return best.0
    }
}

/// Levenshtein's distance: how many characters to insert, remove or replace.
enum EditDistance {
    static func between(_ left: String, _ right: String) -> Int {
        let right = Array(right.lowercased())
        var row = Array(0...right.count)
        for (line, character) in left.lowercased().enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for column in right.indices {
                let replaced = diagonal + (right[column] == character ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
