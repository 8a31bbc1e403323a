// Pemba: tests of changing the members from the command line.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaService
import Testing

@testable import PembaTooling

struct MemberTests {
    private func contact(_ node: UInt64, port: UInt16 = 1) -> MemberContact {
        MemberContact(
            node: NodeID(node),
            peer: NetworkAddress(host: "p\(node)", port: port),
            client: NetworkAddress(host: "c\(node)", port: port)
        )
    }

    private func member(_ node: UInt64, _ role: MemberRole = .voter, next: MemberRole? = nil) -> MemberStatus {
        MemberStatus(
            node: NodeID(node),
            role: role,
            next: next,
            clientAddress: "c\(node):1",
            peerAddress: "p\(node):1",
            matchIndex: LogIndex(10),
            isConnected: true
        )
    }

    private func status(_ members: [MemberStatus], isSettled: Bool = true) -> NodeStatus {
        NodeStatus(
            cluster: ClusterID(high: 1, low: 2),
            epoch: .first,
            node: NodeID(1),
            role: .leader,
            term: Term(3),
            leader: NodeID(1),
            lastIndex: LogIndex(10),
            commitIndex: LogIndex(10),
            appliedIndex: LogIndex(10),
            snapshotIndex: .zero,
            history: HistoryStatus(oldest: .zero),
            tupleCount: 0,
            residentBytes: 0,
            stateHash: 0,
            alarms: [],
            membership: MembershipStatus(index: LogIndex(4), isSettled: isSettled),
            members: members,
            version: "0",
            uptimeSeconds: 0
        )
    }

    private func reach(_ voters: [UInt64], _ learners: [UInt64], _ contacts: [MemberContact] = []) -> MembershipChange {
        .reach(voters: voters.map { NodeID($0) }, learners: learners.map { NodeID($0) }, contacts: contacts)
    }

    @Test func anEditNamesTheMembersThatAreWanted() throws {
        let three = status([member(1), member(2), member(3, .learner)])
        let four = contact(4)
        #expect(try MemberEdit.add(four, votes: true).change(from: three) == reach([1, 2, 4], [3], [four]))
        #expect(try MemberEdit.add(four, votes: false).change(from: three) == reach([1, 2], [3, 4], [four]))
        #expect(try MemberEdit.remove(NodeID(2)).change(from: three) == reach([1], [3]))
        #expect(try MemberEdit.replace(NodeID(2), by: four).change(from: three) == reach([1, 4], [3], [four]))
        #expect(try MemberEdit.replace(NodeID(3), by: four).change(from: three) == reach([1, 2], [4], [four]))
        #expect(try MemberEdit.promote(NodeID(3)).change(from: three) == reach([1, 2, 3], []))
        #expect(try MemberEdit.demote(NodeID(2)).change(from: three) == reach([1], [2, 3]))
        #expect(try MemberEdit.relocate(contact(2, port: 9)).change(from: three) == .relocate(contact(2, port: 9)))
    }

    @Test func whatIsMadeOrUnderWayIsNotBegunAgain() throws {
        let done = status([member(1), member(4)])
        for edit in [MemberEdit.add(contact(4), votes: true), .remove(NodeID(2)), .promote(NodeID(4))] {
            #expect(try edit.change(from: done) == nil)
            #expect(edit.isDone(in: done))
        }
        #expect(try MemberEdit.replace(NodeID(2), by: contact(4)).change(from: done) == nil)
        #expect(try MemberEdit.relocate(contact(4)).change(from: done) == nil)
        let coming = status(
            [member(1), member(2, next: .removed), member(4, .learner, next: .voter)],
            isSettled: false
        )
        let edit = MemberEdit.replace(NodeID(2), by: contact(4))
        #expect(try edit.change(from: coming) == nil)
        #expect(!edit.isDone(in: coming))
        // It was given up: the node learns, and is asked for again.
        let abandoned = status([member(1), member(2), member(4, .learner)])
        #expect(!edit.isDone(in: abandoned))
        #expect(try edit.change(from: abandoned) == reach([1, 4], []))
    }

    @Test func whatMakesNoSenseIsRefused() {
        let two = status([member(1), member(2)])
        let senseless: [(MemberEdit, String)] = [
            (.add(contact(2, port: 9), votes: true), "update-address"), (.promote(NodeID(7)), "no member"),
            (.relocate(contact(7)), "no member"), (.replace(NodeID(2), by: contact(2)), "a new id"),
            (.replace(NodeID(7), by: contact(4)), "node 7 is no member"),
            (.add(contact(2), votes: false), "member demote"),
        ]
        for (edit, reason) in senseless {
            let error = #expect(throws: ToolError.self) { try edit.change(from: two) }
            #expect("\(String(describing: error))".contains(reason))
        }
        #expect(throws: ToolError.self) { try MemberEdit.remove(NodeID(1)).change(from: self.status([self.member(1)])) }
        // An id that nobody ever had is a slip; one that was removed is gone, as was asked.
        var known = two
        known.membership.highestNode = NodeID(5)
        #expect(throws: ToolError.self) { try MemberEdit.remove(NodeID(6)).change(from: known) }
        #expect(throws: Never.self) { try MemberEdit.remove(NodeID(5)).change(from: known) }
        var lost = member(2)
        lost.hasLostData = true
        for edit in [MemberEdit.demote(NodeID(2)), .promote(NodeID(2))] {
            let error = #expect(throws: ToolError.self) { try edit.change(from: self.status([self.member(1), lost])) }
            #expect("\(String(describing: error))".contains("lost its data"))
            #expect("\(String(describing: error))".contains("replace or remove it"))
        }
        lost.role = .learner
        let error = #expect(throws: ToolError.self) {
            try MemberEdit.promote(NodeID(2)).change(from: self.status([self.member(1), lost]))
        }
        #expect("\(String(describing: error))".contains("start it with --join first"))
    }

    /// A certificate of another authority is refused by every node: before anything is written.
    @Test func aNodeIsPreparedByTheAuthorityOfItsCluster() throws {
        let root = NSTemporaryDirectory() + "pemba-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for name in ["own", "other"] {
            let plan = try ClusterPlan(local: 1, clientPort: 7001, peerPort: 7101, httpPort: 7201)
            _ = try ClusterFiles.create(plan, in: "\(root)/\(name)", contextPath: "\(root)/\(name)/cluster.yaml")
        }
        let node = try ClusterPlan.Node(new: 2, host: "b.example", clientPort: 1, peerPort: 2, httpPort: 3)
        func prepare(in folder: String, knownBy authorities: String) throws {
            let status = self.status([self.member(1)])
            _ = try ClusterFiles.prepare(node, for: status, knownBy: authorities, in: folder)
        }
        #expect { try prepare(in: root + "/other", knownBy: root + "/own/ca.pem") } throws: {
            "\($0)".contains("/other/ca.pem is the certificate authority of another cluster")
        }
        #expect(!FileManager.default.fileExists(atPath: root + "/other/node-2"))
        // While authorities are exchanged there are two of them.
        let both = try TextFile.read(root + "/other/ca.pem") + TextFile.read(root + "/own/ca.pem")
        try TextFile.write(both, to: root + "/both.pem")
        try prepare(in: root + "/own", knownBy: root + "/both.pem")
        #expect(FileManager.default.fileExists(atPath: root + "/own/node-2/node.pem"))
    }

    @Test func anEvenNumberOfVotersIsOdd() {
        #expect(MembershipRun.warning(about: status([member(1), member(2), member(3)])) == nil)
        #expect(MembershipRun.warning(about: status([member(1)])) == nil)
        let four = MembershipRun.warning(
            about: status([member(1), member(2), member(3), member(4, .learner, next: .voter)])
        )
        #expect(four?.contains("4 voters survive the loss of 1, as 3 do") == true)
    }

    @Test func progressSaysWhatIsLeft() {
        var learner = member(4, .learner, next: .voter)
        learner.catchUp = .init(round: 1, target: LogIndex(1_000))
        var progress = MembershipProgress()
        let start = ContinuousClock.now
        func line(_ seconds: Int) -> String? {
            progress.line(status([member(1), learner], isSettled: false), now: start + .seconds(seconds))
        }
        learner.snapshot = .init(done: 100, total: 1_000)
        #expect(line(0) == "node 4: 100 of 1000 blocks of a snapshot")
        #expect(line(0) == nil)
        learner.snapshot?.done = 300
        #expect(line(2) == "node 4: 300 of 1000 blocks of a snapshot, 7 s left")
        learner.snapshot = nil
        learner.matchIndex = LogIndex(500)
        #expect(line(4) == "node 4: entry 500 of 1000, round 1")
        learner.matchIndex = LogIndex(750)
        #expect(line(5) == "node 4: entry 750 of 1000, round 1, 1 s left")
        learner.matchIndex = LogIndex(1_000)
        #expect(line(7) == "node 4: caught up, round 1")
    }

    @Test func aReportHasARowForEachMember() throws {
        var behind = member(2)
        behind.matchIndex = LogIndex(8)
        var lost = member(3)
        lost.hasLostData = true
        let report = MemberReport(status([member(1), behind, lost]))
        #expect(
            report.members.map(\.state) == [
                "current", "2 entries behind", "refused: it lost its data; remove it and add a new node",
            ]
        )
        #expect(report.tolerates == 0 && report.missing == 1 && report.members[0].leads)
        lost.role = .learner
        let learning = MemberReport(status([member(1), lost])).members.last
        #expect(learning?.state == "refused: it lost its data; empty its data folder and start it with --join")
        lost.role = .voter
        #expect(
            report.text.hasSuffix("configuration 4: settled; 1 of 3 voters missing: survives the loss of 0\n")
        )
        let whole = MemberReport(status([member(1), behind, member(3)]))
        #expect(whole.text.hasSuffix("configuration 4: settled; survives the loss of 1\n"))
        var away = member(2)
        away.isConnected = false
        #expect(
            MemberReport(status([member(1), away, lost])).text.hasSuffix(
                "2 of 3 voters missing: no majority is there\n"
            )
        )
        #expect(report.text.contains("   1  voter, leads  p1:1  c1:1       10  current\n"))
    }
}
