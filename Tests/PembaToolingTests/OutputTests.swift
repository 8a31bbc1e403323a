// Pemba: tests of what tools print.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaTooling

struct TableTests {
    @Test func columnsAreAsWideAsTheirWidestCell() {
        var table = Table([("NODE", .right), ("ROLE", .left), ("LAG", .right)])
        table.add(["1", "leader", "0"])
        table.add(["12", "-", "1000"])
        #expect(table.text == "NODE  ROLE     LAG\n   1  leader     0\n  12  -       1000\n")
    }
}

struct ProgressTests {
    @Test func aLineSaysHowFarHowFastAndHowLong() {
        #expect(Progress.line(label: "importing", done: 0, total: 10, elapsed: .zero) == "importing: 0 of 10 (0 %)")
        let line = Progress.line(label: "importing", done: 250, total: 1_000, elapsed: .seconds(2))
        #expect(line == "importing: 250 of 1000 (25 %), 125/s, 6 s left")
        #expect(Progress.line(label: "x", done: 0, total: 0, elapsed: .seconds(2)) == "x: 0 of 0 (100 %)")
    }
}

struct ClusterReportTests {
    private func status(
        _ node: UInt64,
        role: NodeRole,
        applied: UInt64,
        leader: UInt64?,
        alarms: [String] = []
    ) -> NodeStatus {
        NodeStatus(
            cluster: ClusterID(high: 1, low: 2),
            epoch: .first,
            node: NodeID(node),
            role: role,
            term: Term(3),
            leader: leader.map { NodeID($0) },
            lastIndex: LogIndex(10),
            commitIndex: LogIndex(applied),
            appliedIndex: LogIndex(applied),
            snapshotIndex: .zero,
            history: HistoryStatus(oldest: Revision(3)),
            tupleCount: 5,
            residentBytes: 6,
            stateHash: 0xAB,
            alarms: alarms,
            members: [],
            version: "x",
            uptimeSeconds: 1
        )
    }

    @Test func lagIsCountedFromTheHighestCommit() throws {
        let report = ClusterReport([
            ("a:1", .success(status(1, role: .leader, applied: 10, leader: 1))),
            ("b:1", .success(status(2, role: .follower, applied: 7, leader: 1))),
        ])
        #expect(report.leader == 1)
        #expect(!report.caughtUp)
        #expect(report.isHealthy)
        let row = "   2  b:1       follower  -          3       7        7    3       1       3       5  healthy"
        #expect(report.text.contains(row))
        #expect(try JSONText.encode(report).contains("\"leader\" : 1,\n"))
    }

    @Test func anUnreachableNodeIsNotHealthy() {
        let report = ClusterReport([
            ("a:1", .success(status(1, role: .leader, applied: 10, leader: 1))),
            ("b:1", .failure(ToolError("refused"))),
        ])
        #expect(!report.isHealthy)
        #expect(!report.caughtUp)
        #expect(report.text.contains("unreachable: refused"))
    }

    /// A node that was removed, or an address that leads nowhere any more, does not make a cluster sick.
    @Test func onlyMembersCountAndTheLeaderSaysHowFarTheyAre() {
        var leader = status(1, role: .leader, applied: 10, leader: 1)
        var learner = MemberStatus(
            node: NodeID(4),
            role: .learner,
            next: .voter,
            clientAddress: "d:1",
            matchIndex: LogIndex(3),
            isConnected: true,
            catchUp: .init(round: 1, target: LogIndex(9))
        )
        learner.snapshot = .init(done: 1, total: 4)
        leader.members = [
            MemberStatus(node: NodeID(1), clientAddress: "a:1", matchIndex: LogIndex(10), isConnected: true), learner,
        ]
        let removed = status(3, role: .follower, applied: 7, leader: nil, alarms: ["was removed"])
        let report = ClusterReport([
            ("a:1", .success(leader)), ("c:1", .success(removed)), ("old:1", .failure(ToolError("refused"))),
            ("d:1", .success(status(4, role: .follower, applied: 3, leader: 1))),
        ])
        #expect(report.isHealthy)
        #expect(report.nodes.map(\.member) == ["voter", nil, nil, "learner, to be voter, snapshot 25 %"])
        #expect(report.nodes.map(\.isMember) == [true, false, false, true])
        #expect(report.text.contains("follower  no member"), "\(report.text)")
        #expect(report.text.contains("no member is reached here any more; unreachable: refused\n"), "\(report.text)")
        let isAway = ClusterReport([("a:1", .success(leader)), ("d:1", .failure(ToolError("refused")))])
        #expect(!isAway.isHealthy && isAway.nodes[1].member == "learner, to be voter, snapshot 25 %")
    }

    /// Without a leader whoever has the newest configuration is asked who belongs to the cluster.
    @Test func anyNodeThatAnswersKnowsTheMembers() {
        func follower(_ node: UInt64, _ index: UInt64, _ members: [UInt64]) -> NodeStatus {
            var status = status(node, role: .follower, applied: 10, leader: nil)
            status.membership = MembershipStatus(index: LogIndex(index), isSettled: true)
            status.members = members.map {
                MemberStatus(node: NodeID($0), clientAddress: "c\($0):1", matchIndex: nil, isConnected: false)
            }
            return status
        }
        let statuses = [follower(1, 4, [1, 2, 3]), follower(2, 9, [1, 2, 4])]
        #expect(ClusterReport.members(in: statuses).map(\.node.rawValue) == [1, 2, 4])
        let report = ClusterReport([
            ("c1:1", .success(statuses[0])), ("c2:1", .success(statuses[1])), ("c3:1", .failure(ToolError("refused"))),
        ])
        #expect(report.nodes.map(\.isMember) == [true, true, false])
    }

    @Test func alarmsAndAMissingLeaderAreNotHealthy() {
        #expect(
            !ClusterReport([("a:1", .success(status(1, role: .leader, applied: 1, leader: 1, alarms: ["disk full"])))])
                .isHealthy
        )
        let leaderless = ClusterReport([("a:1", .success(status(1, role: .candidate, applied: 1, leader: nil)))])
        #expect(!leaderless.isHealthy)
        #expect(leaderless.text.hasSuffix("no leader is known\n"))
        // Who belongs to the cluster nobody knows.
        #expect(leaderless.nodes.map(\.isMember) == [nil])
    }
}
