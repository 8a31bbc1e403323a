// Pemba: the members of a cluster, as its leader knows them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// Who the members are, where they are reached and how far they have got.
package struct MemberReport: Encodable {
    /// One member's row.
    package struct Row: Encodable, Equatable {
        /// The member.
        package let node: UInt64
        /// Whether it leads.
        package let leads: Bool
        /// `voter` or `learner`.
        package let role: String
        /// What it is to become: `voter`, `learner` or `removed`; nil if it stays what it is.
        package let next: String?
        /// Where other nodes reach it.
        package let peer: String
        /// Where clients reach it.
        package let client: String
        /// The last entry that is durable there, as far as the leader knows.
        package let match: UInt64?
        /// Whether the leader is connected to it.
        package let connected: Bool
        /// How it is: `current`, or what it waits for.
        package let state: String
    }

    /// The entry of the configuration.
    package let configuration: UInt64
    /// Whether it is committed, and nothing is left to be done about it.
    package let settled: Bool
    /// How many voters do not take part now.
    package let missing: Int
    /// How many voters more can be lost without the cluster stopping; -1 if it stands still.
    package let tolerates: Int
    /// A row for each member.
    package let members: [Row]

    /// What the leader says.
    package init(_ status: NodeStatus) {
        configuration = status.membership.index.rawValue
        settled = status.membership.isSettled
        let voters = status.members.filter { $0.role == .voter }
        missing = voters.count { $0.node != status.node && (!$0.isConnected || $0.hasLostData) }
        tolerates = max(-1, (voters.count - 1) / 2 - missing)
        members = status.members.map { member in
            Row(
                node: member.node.rawValue,
                leads: member.node == status.leader,
                role: "\(member.role)",
                next: member.next.map { "\($0)" },
                peer: member.peerAddress,
                client: member.clientAddress,
                match: member.matchIndex?.rawValue,
                connected: member.isConnected,
                state: MemberReport.state(of: member, status)
            )
        }
    }

    private static func state(of member: MemberStatus, _ status: NodeStatus) -> String {
        if member.hasLostData {
            return "refused: it lost its data; "
                + (member.role == .voter
                    ? "remove it and add a new node" : "empty its data folder and start it with --join")
        }
        if !member.isConnected { return "not connected" }
        if let snapshot = member.snapshot {
            return "snapshot: \(snapshot.done) of \(snapshot.total == 0 ? "?" : "\(snapshot.total)") blocks"
        }
        let match = member.matchIndex ?? .zero
        if let catchUp = member.catchUp, match < catchUp.target {
            return "catching up: round \(catchUp.round), entry \(match) of \(catchUp.target)"
        }
        let behind = status.lastIndex.rawValue - min(match, status.lastIndex).rawValue
        return behind == 0 ? "current" : "\(behind) entries behind"
    }

    /// A table for people.
    package var text: String {
        var table = Table([
            ("NODE", .right), ("ROLE", .left), ("PEER", .left), ("CLIENT", .left), ("MATCH", .right), ("STATE", .left),
        ])
        for row in members {
            let role = (row.leads ? "\(row.role), leads" : row.role) + (row.next.map { " (to be \($0))" } ?? "")
            table.add([
                "\(row.node)", role, row.peer, row.client, row.match.map { "\($0)" } ?? "-", row.state,
            ])
        }
        let standing = settled ? "settled" : "a change is under way"
        let voters = members.count { $0.role == "voter" }
        let absent = missing == 0 ? "" : "\(missing) of \(voters) voters missing: "
        let outlook = tolerates < 0 ? "no majority is there" : "survives the loss of \(tolerates)"
        return table.text + "configuration \(configuration): \(standing); \(absent)\(outlook)\n"
    }
}
