// Pemba: the state of a whole cluster.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// What every node of a cluster says of itself, and what that means together.
package struct ClusterReport: Encodable {
    /// One node's row.
    package struct Row: Encodable, Equatable {
        /// The address that was asked.
        package let endpoint: String
        /// The node's number; nil if it did not answer.
        package let node: UInt64?
        /// What part it plays in consensus.
        package let role: String?
        /// What the cluster has it for, and on the way to what it is; nil if it is no member, or nobody knows.
        package let member: String?
        /// Whether it is a member; nil if nobody who answers knows.
        package let isMember: Bool?
        /// Its term.
        package let term: UInt64?
        /// The last index that it knows to be committed.
        package let commit: UInt64?
        /// The last index that it has applied.
        package let applied: UInt64?
        /// Entries that the cluster has committed, as far as any node knows, and this one has not applied.
        package let lag: UInt64?
        /// The leader it knows.
        package let leader: UInt64?
        /// The oldest revision that it can be asked for exactly.
        package let oldest: UInt64?
        /// How far back that is, and what bounds it.
        package let history: History?
        /// Its tuples.
        package let tuples: UInt64?
        /// The hash of its state, in hexadecimal.
        package let stateHash: String?
        /// `healthy`, or why not.
        package let health: String
    }

    /// How far back a node can be asked, and what bounds that.
    package struct History: Encodable, Equatable {
        /// The log's time at the oldest revision (RFC 3339).
        package let oldestTime: String
        /// Changes that are kept, and the most that may be.
        package let changes: UInt64
        package let changesMax: UInt64
        /// Memory that they take, and the most that they may.
        package let bytes: UInt64
        package let bytesMax: UInt64
        /// For how long a change is kept at most.
        package let secondsMax: UInt64

        init(_ status: HistoryStatus) {
            oldestTime = status.oldestTime.rfc3339
            changes = status.changes
            changesMax = status.changesMax
            bytes = status.bytes
            bytesMax = status.bytesMax
            secondsMax = status.secondsMax
        }

        /// A sentence for people.
        var text: String {
            guard changesMax > 0 else { return "no history is kept" }
            return
                "back to \(oldestTime): \(changes) of \(changesMax) changes, \(bytes >> 20) of \(bytesMax >> 20) MiB, "
                + "at most \(secondsMax) s"
        }
    }

    /// The cluster's id, as the nodes say.
    package let cluster: String?
    /// The leader of the highest term that a node knows; nil if none.
    package let leader: UInt64?
    /// Whether every node answers, is healthy, agrees on the leader and has applied all that is committed.
    package let caughtUp: Bool
    /// A row for each endpoint and for each other member.
    package let nodes: [Row]
    private let memberCount: Int

    private enum CodingKeys: String, CodingKey {
        case cluster
        case leader
        case caughtUp
        case nodes
    }

    /// What the answers of `endpoints` mean together; an error is why a node did not answer.
    package init(_ answers: [(endpoint: String, status: Result<NodeStatus, ToolError>)]) {
        let statuses = answers.compactMap { try? $0.status.get() }
        let commit = statuses.map(\.commitIndex).max() ?? .zero
        let members = ClusterReport.members(in: statuses)
        nodes = answers.map { ClusterReport.row($0.endpoint, $0.status, commit: commit, members: members) }
        memberCount = members.count
        cluster = statuses.first?.cluster.description
        leader = statuses.filter { $0.leader != nil }.max { $0.term < $1.term }?.leader?.rawValue
        caughtUp =
            statuses.count == answers.count && leader != nil
            && statuses.allSatisfy {
                $0.alarms.isEmpty && $0.appliedIndex >= commit && $0.leader == statuses.first?.leader
            }
    }

    /// The members, as the one says who knows best: the leader, who also knows how far each is, or else whoever has the
    /// newest configuration.
    static func members(in statuses: [NodeStatus]) -> [MemberStatus] {
        let leading = statuses.filter { $0.role == .leader }.max { $0.term < $1.term }
        return (leading ?? statuses.max { $0.membership.index < $1.membership.index })?.members ?? []
    }

    private static func row(
        _ endpoint: String,
        _ answer: Result<NodeStatus, ToolError>,
        commit: LogIndex,
        members: [MemberStatus]
    ) -> Row {
        switch answer {
        case .failure(let error):
            let member = members.first { $0.clientAddress == endpoint }
            let isMember = members.isEmpty ? nil : member != nil
            return Row(
                endpoint: endpoint,
                node: nil,
                role: nil,
                member: member.map(ClusterReport.text),
                isMember: isMember,
                term: nil,
                commit: nil,
                applied: nil,
                lag: nil,
                leader: nil,
                oldest: nil,
                history: nil,
                tuples: nil,
                stateHash: nil,
                health: (isMember == false ? "no member is reached here any more; " : "") + "unreachable: \(error)"
            )
        case .success(let status):
            let lag =
                commit.rawValue > status.appliedIndex.rawValue ? commit.rawValue - status.appliedIndex.rawValue : 0
            let hash = String(status.stateHash, radix: 16)
            let member = members.first { $0.node == status.node }
            return Row(
                endpoint: endpoint,
                node: status.node.rawValue,
                role: "\(status.role)",
                member: member.map(ClusterReport.text),
                isMember: members.isEmpty ? nil : member != nil,
                term: status.term.rawValue,
                commit: status.commitIndex.rawValue,
                applied: status.appliedIndex.rawValue,
                lag: lag,
                leader: status.leader?.rawValue,
                oldest: status.history.oldest.rawValue,
                history: History(status.history),
                tuples: status.tupleCount,
                stateHash: String(repeating: "0", count: 16 - hash.count) + hash,
                health: status.alarms.isEmpty ? "healthy" : status.alarms.joined(separator: "; ")
            )
        }
    }

    /// What the cluster has a member for, and on the way to what it is.
    private static func text(_ member: MemberStatus) -> String {
        var text = "\(member.role)" + (member.next.map { ", to be \($0)" } ?? "")
        if let snapshot = member.snapshot, snapshot.total > 0 {
            text += ", snapshot \(Int(snapshot.done) * 100 / Int(snapshot.total)) %"
        } else if let catchUp = member.catchUp {
            text += ", round \(catchUp.round), entry \(member.matchIndex ?? .zero) of \(catchUp.target)"
        }
        return member.hasLostData ? text + ", refused without its data" : text
    }

    /// Whether every node answers, whatever it says.
    package var isComplete: Bool { nodes.allSatisfy { $0.node != nil } }

    /// Whether there is a leader and every member answers and is healthy; what is no member does not count.
    package var isHealthy: Bool {
        let members = nodes.filter { $0.member != nil }
        let counted = members.count < memberCount || members.isEmpty ? nodes : members
        return leader != nil && counted.allSatisfy { $0.health == "healthy" }
    }

    /// A table for people.
    package var text: String {
        var table = Table([
            ("NODE", .right), ("ENDPOINT", .left), ("ROLE", .left), ("MEMBER", .left), ("TERM", .right),
            ("COMMIT", .right),
            ("APPLIED", .right), ("LAG", .right), ("LEADER", .right), ("OLDEST", .right),
            ("TUPLES", .right), ("HEALTH", .left),
        ])
        func number(_ value: UInt64?) -> String { value.map { String($0) } ?? "-" }
        for row in nodes {
            table.add([
                number(row.node), row.endpoint, row.role ?? "-",
                row.member ?? (row.isMember == false ? "no member" : "-"), number(row.term),
                number(row.commit),
                number(row.applied), number(row.lag), number(row.leader), number(row.oldest), number(row.tuples),
                row.health,
            ])
        }
        let histories = nodes.map { row in
            row.history.map { "history of node \(number(row.node)): \($0.text)\n" } ?? ""
        }
        return table.text + histories.joined() + (leader == nil ? "no leader is known\n" : "")
    }
}
