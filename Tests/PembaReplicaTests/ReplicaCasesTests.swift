// Pemba: published cases of snapshots, reads and removals that a whole replica decides.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaService
import PembaTestSupport
import Testing

@testable import PembaReplica

/// The cases R2, R9, S5, S6 and S9 of the reliability checklist as a replica has them, and C11 for what a removed node serves;
/// the core's part in S5 and S6 is in `PembaRaftTests`.
@Suite struct ReplicaCasesTests {
    private func touch(_ text: String) throws -> ClientCommand {
        .write(WriteRequest(updates: [TupleUpdate(.touch, try RelationTuple(parsing: text))]))
    }

    /// A trio with a leader, a schema and a follower that is cut off and has missed more than the log holds.
    private func behind() throws -> (trio: ReplicaTrio, leader: Int, follower: Int) {
        let trio = ReplicaTrio(snapshotAfterEntries: 10, trailingEntries: 2)
        let leader = trio.elect()
        _ = trio.submit(leader, .writeSchema(source: MachineDriver.schema))
        _ = trio.pass(.milliseconds(300))
        let follower = (leader + 1) % 3
        trio.isolated = [follower]
        _ = trio.submit(leader, .openSession)
        try write(60, trio, leader)
        return (trio, leader, follower)
    }

    private func write(_ count: Int, _ trio: ReplicaTrio, _ leader: Int, prefix: String = "d") throws {
        for number in 0..<count {
            _ = trio.submit(leader, try touch("document:\(prefix)\(number)#viewer@user:a"))
            trio.settle()
        }
    }

    // MARK: S5, S9 Transfer and its result

    /// Blocks that are lost, come twice or come late make a transfer longer, never another one; the state afterwards is
    /// the one that was sent.
    @Test func s5s9BlocksAreLostRepeatedAndLate() throws {
        for seed in Seeds(short: 20, full: 500) {
            let (trio, _, follower) = try behind()
            var random = SeededRandom(seed: seed)
            var late: [(Int, Int, PeerMessage)] = []
            trio.filter = { from, to, message in
                guard case .snapshotBlock = message else { return true }
                switch random.below(5) {
                case 0: return false
                case 1:
                    late.append((from, to, message))
                    return true
                case 2:
                    late.append((from, to, message))
                    return false
                default: return true
                }
            }
            trio.isolated = []
            let isDone = trio.pass(.seconds(60)) {
                let sent = late
                late = []
                for (from, to, message) in sent { trio.deliver(message, from: from, to: to) }
                return Set(trio.nodes.map { $0.replica.stateMachine.index }).count == 1 && trio.installs > 0
            }
            let replay = Seeds.replay(seed, "ReplicaCasesTests")
            #expect(isDone, "node \(follower + 1) did not catch up; \(replay)")
            #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1, "\(replay)")
        }
    }

    /// The leader fails while its snapshot is on its way: the next one gives its own.
    @Test func s5TheSenderFailsMidway() throws {
        let (trio, leader, follower) = try behind()
        var blocks = 0
        trio.filter = { from, _, message in
            guard from == leader, case .snapshotBlock = message else { return true }
            blocks += 1
            return blocks == 1
        }
        trio.isolated = []
        #expect(trio.pass(.seconds(5)) { blocks > 1 })
        trio.isolated = [leader]
        let others = [0, 1, 2].filter { $0 != leader }
        #expect(
            trio.pass(.seconds(30)) {
                trio.installs == 1 && Set(others.map { trio.nodes[$0].replica.stateMachine.index }).count == 1
            }
        )
        #expect(Set(others.map { trio.nodes[$0].replica.stateMachine.stateHash }).count == 1)
        #expect(trio.nodes[follower].replica.status(at: trio.time).snapshotProgress == nil)
    }

    // MARK: S6 What the receiver will need

    /// While a node fetches a snapshot, others are written to all the time: what it needs after the snapshot is kept, so
    /// that it goes on from there and does not fetch one snapshot after the other.
    @Test func s6WritesDuringATransferDoNotStartItAnew() throws {
        let (trio, leader, follower) = try behind()
        var number = 0
        var offered: Set<LogIndex> = []
        trio.filter = { _, to, message in
            if to == follower, case .raft(let raft) = message, case .installSnapshot(let index, _) = raft.body {
                offered.insert(index)
            }
            return true
        }
        trio.isolated = []
        let isDone = trio.pass(.seconds(20)) {
            number += 1
            // More than fit the log that is kept without a transfer.
            try? write(5, trio, leader, prefix: "during\(number)-")
            return trio.installs > 0
        }
        #expect(isDone && trio.installs == 1 && offered.count == 1, "\(offered)")
        #expect(trio.pass(.seconds(5)) { Set(trio.nodes.map { $0.replica.stateMachine.index }).count == 1 })
    }

    /// A node that has got its snapshot is not waited for any more: the next one is written when it is due.
    @Test func s6WhoHasInstalledHoldsUpNoSnapshot() throws {
        let (trio, leader, _) = try behind()
        trio.isolated = []
        #expect(
            trio.pass(.seconds(5)) {
                trio.installs == 1 && Set(trio.nodes.map { $0.replica.stateMachine.index }).count == 1
            }
        )
        let index = trio.nodes[leader].replica.status(at: trio.time).snapshotIndex
        try write(20, trio, leader, prefix: "after")
        #expect(trio.nodes[leader].replica.status(at: trio.time).snapshotIndex > index)
    }

    // MARK: R2, R9 Reads at a follower that lags

    /// A trio with a follower whom heartbeats reach, but not the entry of the last write, which has the revision.
    private func lagging() throws -> (trio: ReplicaTrio, leader: Int, follower: Int, revision: Revision) {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        _ = trio.submit(leader, .writeSchema(source: MachineDriver.schema))
        _ = trio.pass(.milliseconds(300))
        let follower = (leader + 1) % 3
        trio.filter = { _, to, message in
            guard to == follower, case .raft(let raft) = message, case .appendEntries = raft.body else { return true }
            return false
        }
        let write = trio.submit(leader, try touch("document:x#viewer@user:a"))
        trio.settle()
        var acknowledged: Revision?
        if case .success(.written(let revision, _))? = trio.answers[write] { acknowledged = revision }
        return (trio, leader, follower, try #require(acknowledged, "\(String(describing: trio.answers[write]))"))
    }

    /// The leader has confirmed a read; it waits all the same until what was committed then is applied here.
    @Test func r2ConfirmedReadWaitsUntilItsIndexIsApplied() throws {
        let (trio, _, follower, revision) = try lagging()
        let read = trio.read(follower, .fullyConsistent, patience: .seconds(10))
        let recent = trio.read(follower, .minimizeLatency, patience: .seconds(10))
        _ = trio.pass(.milliseconds(400))
        #expect(trio.reads[recent] == .some(nil))
        #expect(trio.reads[read] == nil && trio.nodes[follower].replica.stateMachine.revision < revision)
        trio.filter = { _, _, _ in true }
        #expect(trio.pass(.seconds(5)) { trio.reads[read] != nil })
        #expect(trio.reads[read] == .some(nil) && trio.nodes[follower].replica.stateMachine.revision >= revision)
    }

    /// A follower that has not reached a token waits for it, or says how far it is; it never answers from less.
    @Test func r9TokenReadWaitsAndNeverAnswersFromLess() throws {
        let (trio, leader, follower, revision) = try lagging()
        let zookie = trio.nodes[leader].replica.zookie(for: revision)
        let impatient = trio.read(follower, .atLeastAsFresh(zookie), patience: .milliseconds(200))
        let patient = trio.read(follower, .atLeastAsFresh(zookie), patience: .seconds(10))
        let exact = trio.read(follower, .atExactSnapshot(zookie), patience: .seconds(10))
        _ = trio.pass(.milliseconds(400))
        #expect(trio.reads[impatient]??.code == .revisionNotReached)
        #expect(trio.reads[patient] == nil && trio.reads[exact] == nil)
        #expect(trio.nodes[follower].replica.stateMachine.revision < revision)
        trio.filter = { _, _, _ in true }
        #expect(trio.pass(.seconds(5)) { trio.reads[patient] != nil && trio.reads[exact] != nil })
        #expect(trio.reads[patient] == .some(nil) && trio.reads[exact] == .some(nil))
        #expect(trio.nodes[follower].replica.stateMachine.revision >= revision)
    }

    /// What was written until a time may not be here yet, unless something later is.
    @Test func readAtATimeWaitsForWhatWasWrittenUntilThen() throws {
        let (trio, leader, follower, revision) = try lagging()
        let written = trio.nodes[leader].replica.stateMachine.timestamp
        let reached = trio.nodes[follower].replica.stateMachine.timestamp
        #expect(reached < written)
        let past = trio.read(follower, .atTime(Timestamp(nanoseconds: reached.nanoseconds - 1)), patience: .seconds(10))
        let reads = [reached, written].map { trio.read(follower, .atTime($0), patience: .seconds(10)) }
        _ = trio.pass(.milliseconds(400))
        #expect(trio.reads[past] == .some(nil))
        #expect(reads.allSatisfy { trio.reads[$0] == nil })
        trio.filter = { _, _, _ in true }
        #expect(trio.pass(.seconds(5)) { reads.allSatisfy { trio.reads[$0] == .some(nil) } })
        #expect(trio.nodes[follower].replica.stateMachine.revision >= revision)
    }

    /// A caller's clock may be a little ahead; what lies further ahead nobody knows.
    @Test func readAtATimeThatIsAlmostNowWaitsForIt() throws {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        let node = (leader + 1) % 3
        func moment(_ span: TimeSpan) -> Timestamp {
            Timestamp(nanoseconds: trio.time.wall.nanoseconds + Int64(span.nanoseconds))
        }
        let soon = trio.read(node, .atTime(moment(.milliseconds(600))), patience: .seconds(10))
        _ = trio.pass(.milliseconds(500))
        #expect(trio.reads[soon] == nil)
        #expect(trio.pass(.milliseconds(200)) { trio.reads[soon] == .some(nil) })
        let present = trio.time.wall.rfc3339
        let refused = [
            trio.read(node, .atTime(moment(.milliseconds(1_001))), patience: .seconds(10)),
            trio.read(node, .atTime(moment(.milliseconds(600))), patience: .milliseconds(600)),
            trio.read(node, .atTime(Timestamp(nanoseconds: .max)), patience: .seconds(10)),
        ]
        for read in refused {
            let error = trio.reads[read] ?? nil
            #expect(error?.code == .futureZookie && error?.detail("time") == present, "\(String(describing: error))")
        }
    }

    // MARK: C11 A node that was removed

    @Test func c11ARemovedNodeServesNothing() throws {
        let trio = ReplicaTrio()
        let leader = trio.elect()
        _ = trio.submit(leader, .writeSchema(source: MachineDriver.schema))
        _ = trio.pass(.milliseconds(300))
        let gone = (leader + 1) % 3
        let rest = trio.nodes.indices.filter { $0 != gone }.map { trio.nodes[$0].replica.id }
        // What it has sent and not seen done is given up: with a key it is safe to ask another node.
        trio.filter = { from, _, message in
            guard from == gone, case .forwardProposals = message else { return true }
            return false
        }
        let sent = trio.submit(gone, try touch("document:x#viewer@user:a"), patience: .seconds(60))
        trio.change(leader, to: rest)
        #expect(trio.pass(.seconds(10)) { trio.nodes[gone].replica.removedAt != nil })
        #expect(trio.nodes[leader].replica.configuration.voters == rest)
        guard case .failure(let error)? = trio.answers[sent] else {
            Issue.record("the write waits for its deadline")
            return
        }
        #expect(error.code == .outcomeUnknown)
        let write = trio.submit(gone, try touch("document:y#viewer@user:a"))
        guard case .failure(let refusal)? = trio.answers[write] else {
            Issue.record("the write waits")
            return
        }
        #expect(refusal.code == .unavailable && refusal.detail("removed") != nil)
        for consistency in [Consistency.minimizeLatency, .fullyConsistent] {
            guard case .refused(let refusal) = trio.nodes[gone].replica.readiness(consistency, at: trio.now) else {
                Issue.record("a read is not refused")
                continue
            }
            #expect(refusal.code == .unavailable)
        }
        // Nor does anybody append for it, or give it a snapshot.
        let proposal = Proposal(
            origin: trio.nodes[gone].replica.id,
            request: 99,
            command: try touch("document:z#viewer@user:a")
        )
        let before = trio.nodes[leader].replica.status(at: trio.time).lastIndex
        let term = trio.nodes[leader].replica.leadership.term
        trio.filter = { _, _, _ in true }
        trio.deliver(.forwardProposals(term: term, [proposal.encode()]), from: gone, to: leader)
        #expect(trio.nodes[leader].replica.status(at: trio.time).lastIndex == before)
    }
}
