// Pemba: whole replicas, three at a time.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaSchema
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ReplicaTests {
    private func touch(_ text: String, key: IdempotencyKey? = nil) throws -> ClientCommand {
        let update = TupleUpdate(.touch, try RelationTuple(parsing: text))
        return .write(WriteRequest(updates: [update], idempotencyKey: key))
    }

    private func code(_ result: Result<CommandOutcome, ServiceError>?) -> ErrorCode? {
        if case .failure(let error)? = result { return error.code }
        return nil
    }

    /// A trio with a leader and a schema; the leader's place and a follower's.
    private func trio(_ trio: ReplicaTrio = ReplicaTrio()) throws -> (trio: ReplicaTrio, leader: Int, follower: Int) {
        let leader = trio.elect()
        let id = trio.submit(leader, .writeSchema(source: MachineDriver.schema))
        trio.settle()
        try #require(code(trio.answers[id]) == nil)
        _ = trio.pass(.milliseconds(300))
        return (trio, leader, (leader + 1) % 3)
    }

    @Test func aWriteAtAnyNodeIsAnsweredThereWithItsRevision() throws {
        let (trio, _, _) = try trio()
        for place in 0..<3 {
            let id = trio.submit(place, try touch("document:\(place)#viewer@user:a"))
            trio.settle()
            _ = trio.pass(.seconds(1)) { trio.answers[id] != nil }
            guard case .success(.written(let revision, _))? = trio.answers[id] else {
                Issue.record("\(String(describing: trio.answers[id]))")
                return
            }
            #expect(revision <= trio.nodes[place].replica.stateMachine.revision)
        }
        _ = trio.pass(.seconds(1))
        #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1)
    }

    @Test func withoutALeaderAWriteIsRefusedAndKnownNotToBeDone() throws {
        let trio = ReplicaTrio()
        trio.isolated = [0, 1, 2]
        let id = trio.submit(0, .openSession, patience: .seconds(60))
        #expect(trio.pass(.seconds(10)) { trio.answers[id] != nil })
        #expect(code(trio.answers[id]) == .noLeader)
        let short = trio.submit(1, .openSession, patience: .milliseconds(50))
        #expect(trio.pass(.seconds(1)) { trio.answers[short] != nil })
        #expect(code(trio.answers[short]) == .noLeader)
    }

    @Test func aWriteThatWaitsForAnElectionIsDoneAfterIt() throws {
        let trio = ReplicaTrio()
        let id = trio.submit(0, .openSession, patience: .seconds(5))
        #expect(trio.answers[id] == nil)
        #expect(trio.pass(.seconds(5)) { trio.answers[id] != nil })
        #expect(code(trio.answers[id]) == nil)
    }

    @Test func whatALonelyLeaderAppendedIsUnknown() throws {
        let (trio, leader, _) = try trio()
        trio.isolated = [leader]
        let id = trio.submit(leader, try touch("document:1#viewer@user:a"), patience: .milliseconds(100))
        #expect(trio.pass(.seconds(1)) { trio.answers[id] != nil })
        #expect(code(trio.answers[id]) == .outcomeUnknown)
    }

    /// What the next leader's first entry shows not to be in the log is sent again, with a key or without.
    @Test func aLostForwardIsSentAgainToTheNextLeader() throws {
        let (trio, leader, follower) = try trio()
        let open = trio.submit(leader, .openSession)
        trio.settle()
        guard case .success(.sessionOpened(let session))? = trio.answers[open] else {
            Issue.record("no session")
            return
        }
        trio.filter = { _, _, message in
            if case .forwardProposals = message { return false }
            return true
        }
        let key = IdempotencyKey(session: session, sequence: 1, firstUnacknowledged: 1)
        let keyed = trio.submit(follower, try touch("document:1#viewer@user:a", key: key), patience: .seconds(20))
        let plain = trio.submit(follower, try touch("document:2#viewer@user:a"), patience: .seconds(20))
        trio.settle()
        trio.filter = { _, _, _ in true }
        trio.isolated = [leader]
        // Well before their deadlines.
        #expect(trio.pass(.seconds(10)) { trio.answers[keyed] != nil && trio.answers[plain] != nil })
        #expect(code(trio.answers[keyed]) == nil)
        #expect(code(trio.answers[plain]) == nil)
        #expect(trio.nodes[follower].replica.stateMachine.graph.tupleCount == 2)
    }

    /// A leader dies with a follower's schema write, which it has never got, or has replicated without hearing of it.
    @Test(arguments: [false, true])
    func aSchemaWriteOutlivesTheLeader(isReplicated: Bool) throws {
        let (trio, leader, follower) = try trio()
        let wider = MachineDriver.schema + "\ndefinition folder {}"
        trio.filter = { _, to, message in
            if case .forwardProposals = message { return isReplicated }
            return to != leader
        }
        let id = trio.submit(follower, .writeSchema(source: wider), patience: .seconds(60))
        trio.settle()
        #expect(trio.answers[id] == nil)
        trio.filter = { _, _, _ in true }
        trio.isolated = [leader]
        #expect(trio.pass(.seconds(10)) { trio.answers[id] != nil })
        #expect(code(trio.answers[id]) == nil)
        #expect(trio.nodes[follower].replica.stateMachine.schema?.source == wider)
        trio.isolated = []
        _ = trio.pass(.seconds(10))
        #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1)
    }

    /// A session that is opened twice is one that nobody uses: it is asked for again as soon as somebody else leads.
    @Test func aSessionIsOpenedByTheNextLeader() throws {
        let (trio, leader, follower) = try trio()
        // The leader gets it, and nobody hears from the leader any more.
        trio.filter = { _, to, _ in to == leader }
        let id = trio.submit(follower, .openSession, patience: .seconds(60))
        trio.settle()
        #expect(trio.answers[id] == nil)
        trio.filter = { _, _, _ in true }
        trio.isolated = [leader]
        #expect(trio.pass(.seconds(10)) { trio.answers[id] != nil })
        guard case .success(.sessionOpened(let session))? = trio.answers[id] else {
            Issue.record("\(String(describing: trio.answers[id]))")
            return
        }
        let key = IdempotencyKey(session: session, sequence: 1, firstUnacknowledged: 1)
        let write = trio.submit(follower, try touch("document:1#viewer@user:a", key: key))
        #expect(trio.pass(.seconds(2)) { trio.answers[write] != nil })
        #expect(code(trio.answers[write]) == nil)
    }

    @Test func aForwardThatArrivesTwiceIsAppendedOnce() throws {
        let (trio, leader, follower) = try trio()
        var copies: [PeerMessage] = []
        trio.filter = { _, _, message in
            if case .forwardProposals = message { copies.append(message) }
            return true
        }
        let id = trio.submit(follower, try touch("document:1#viewer@user:a"))
        trio.settle()
        let last = trio.nodes[leader].replica.stateMachine.index
        try #require(copies.count == 1)
        for copy in copies { trio.deliver(copy, from: follower, to: leader) }
        _ = trio.pass(.seconds(1))
        #expect(trio.nodes[leader].replica.stateMachine.index == last)
        #expect(code(trio.answers[id]) == nil)
    }

    @Test func nobodyForwardsInAnothersName() throws {
        let (trio, leader, follower) = try trio()
        let before = trio.nodes[leader].replica.status(at: trio.time).lastIndex
        let forged = Proposal(origin: NodeID(UInt64(leader) + 1), request: 1, command: .openSession).encode()
        let term = trio.nodes[leader].replica.leadership.term
        trio.deliver(.forwardProposals(term: term, [forged, [1, 2, 3]]), from: follower, to: leader)
        #expect(trio.nodes[leader].replica.status(at: trio.time).lastIndex == before)
    }

    @Test func tooManyCommandsAreRefused() throws {
        let (trio, _, follower) = try trio(ReplicaTrio(pendingCommandsMax: 2))
        trio.isolated = [follower]
        _ = trio.submit(follower, .openSession)
        _ = trio.submit(follower, .openSession)
        let third = trio.submit(follower, .openSession)
        #expect(code(trio.answers[third]) == .overloaded)
    }

    @Test func aWriteThatBreaksALimitIsRefusedAtOnce() throws {
        let (trio, leader, _) = try trio()
        let id = trio.submit(leader, .write(WriteRequest(updates: [])))
        #expect(code(trio.answers[id]) == .invalidArgument)
    }

    @Test func fullyConsistentReadsSeeEveryAcknowledgedWrite() throws {
        let (trio, leader, follower) = try trio()
        let write = trio.submit(leader, try touch("document:1#viewer@user:a"))
        trio.settle()
        guard case .success(.written(let revision, _))? = trio.answers[write] else {
            Issue.record("not written")
            return
        }
        let read = trio.read(follower, .fullyConsistent)
        #expect(trio.pass(.seconds(1)) { trio.reads[read] != nil })
        #expect(trio.reads[read] == .some(nil))
        #expect(trio.nodes[follower].replica.stateMachine.revision >= revision)
    }

    @Test func aCutOffNodeAnswersNoReads() throws {
        let (trio, _, follower) = try trio()
        #expect(trio.nodes[follower].replica.readiness(.minimizeLatency, at: trio.now) == .ready)
        let zookie = trio.nodes[follower].replica.zookie
        trio.isolated = [follower]
        _ = trio.pass(.seconds(6))
        func refusal(_ consistency: Consistency) -> ErrorCode? {
            if case .refused(let error) = trio.nodes[follower].replica.readiness(consistency, at: trio.now) {
                return error.code
            }
            return nil
        }
        #expect(refusal(.minimizeLatency) == .stale)
        #expect(refusal(.atLeastAsFresh(zookie)) == .stale)
        let read = trio.read(follower, .fullyConsistent, patience: .milliseconds(100))
        #expect(trio.pass(.seconds(1)) { trio.reads[read] != nil })
        #expect(trio.reads[read]??.code == .noLeader)
        trio.isolated = []
        let node = trio.nodes[follower]
        #expect(trio.pass(.seconds(5)) { node.replica.readiness(.minimizeLatency, at: trio.now) == .ready })
    }

    @Test func zookiesAreJudged() throws {
        let (trio, leader, follower) = try trio()
        func refusal(_ zookie: Zookie) -> ErrorCode? {
            let readiness = trio.nodes[leader].replica.readiness(.atLeastAsFresh(zookie), at: trio.now)
            if case .refused(let error) = readiness { return error.code }
            return nil
        }
        #expect(refusal(Zookie(clusterPrefix: 1, epoch: Epoch(2), revision: Revision(1))) == .foreignZookie)
        let prefix = ReplicaTrio.cluster.prefix
        #expect(refusal(Zookie(clusterPrefix: prefix, epoch: Epoch(1), revision: Revision(1))) == .expiredZookie)
        #expect(refusal(Zookie(clusterPrefix: prefix, epoch: Epoch(3), revision: Revision(1))) == .futureZookie)
        #expect(refusal(trio.nodes[leader].replica.zookie) == nil)
        let future = Zookie(clusterPrefix: prefix, epoch: Epoch(2), revision: Revision(1_000))
        #expect(trio.nodes[follower].replica.readiness(.atLeastAsFresh(future), at: trio.now) == .wait)
        let read = trio.read(follower, .atLeastAsFresh(future))
        #expect(trio.pass(.seconds(1)) { trio.reads[read] != nil })
        #expect(trio.reads[read]??.code == .futureZookie)
    }

    @Test func aNodeThatMissedTooMuchFetchesASnapshot() throws {
        let (trio, leader, follower) = try trio(ReplicaTrio(snapshotAfterEntries: 10, trailingEntries: 2))
        trio.isolated = [follower]
        for number in 0..<60 {
            _ = trio.submit(leader, try touch("document:\(number)#viewer@user:a"))
            trio.settle()
        }
        let revision = trio.nodes[leader].replica.stateMachine.revision
        let id = trio.submit(leader, .openSession)
        trio.settle()
        #expect(code(trio.answers[id]) == nil)
        trio.isolated = []
        #expect(trio.pass(.seconds(20)) { trio.nodes[follower].replica.stateMachine.revision >= revision })
        #expect(trio.installs == 1)
        _ = trio.pass(.seconds(1))
        #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1)
        let write = trio.submit(follower, try touch("document:again#viewer@user:a"))
        #expect(trio.pass(.seconds(2)) { trio.answers[write] != nil })
        #expect(code(trio.answers[write]) == nil)
    }

    /// What was announced before a snapshot came is in it; what comes after it must be announced again.
    @Test func aNodeThatHadEntriesToApplyGoesOnAfterASnapshot() throws {
        let (trio, leader, follower) = try trio(ReplicaTrio(snapshotAfterEntries: 10, trailingEntries: 2))
        func write(_ count: Int) throws {
            for number in 0..<count {
                _ = trio.submit(leader, try touch("document:\(number)#viewer@user:a"))
                trio.settle()
            }
        }
        trio.late = [follower]
        try write(3)
        _ = trio.pass(.milliseconds(300))
        #expect(trio.nodes[follower].replica.stateMachine.index < trio.nodes[follower].replica.commit)
        trio.isolated = [follower]
        try write(60)
        trio.isolated = []
        #expect(trio.pass(.seconds(20)) { trio.installs == 1 })
        try write(3)
        let revision = trio.nodes[leader].replica.stateMachine.revision
        #expect(trio.pass(.seconds(2)) { trio.nodes[follower].replica.stateMachine.revision == revision })
    }

    @Test func theStatusNamesEveryMember() throws {
        let (trio, leader, follower) = try trio()
        let status = trio.nodes[leader].replica.status(at: trio.time)
        #expect(status.leadership.role == .leader)
        #expect(status.members.map(\.node) == [NodeID(1), NodeID(2), NodeID(3)])
        #expect(status.members.allSatisfy { $0.match == status.lastIndex && $0.isConnected })
        #expect(status.isFresh)
        #expect(trio.nodes[follower].replica.status(at: trio.time).members.allSatisfy { $0.match == nil })
        trio.step(leader, .linkDown(NodeID(UInt64(follower) + 1)))
        #expect(trio.nodes[leader].replica.status(at: trio.time).members[follower].isConnected == false)
    }

    /// What a deletion takes is made between messages, not in one piece before the next of them.
    @Test func aDeletionDoesNotHoldUpItsNode() throws {
        let (trio, leader, _) = try trio()
        for part in 0..<2 {
            let tuples = try (0..<Limits.tuplesPerImport).map {
                try RelationTuple(parsing: "document:\(part)-\($0)#viewer@user:a")
            }
            _ = trio.submit(leader, .importTuples(ImportRequest(tuples: tuples, mode: .touch)))
        }
        _ = trio.pass(.milliseconds(300))
        #expect(trio.pauses == 0)
        let filter = RelationshipFilter(resourceType: "document", subjectType: "group")
        let id = trio.submit(leader, .delete(DeleteRequest(filter: filter)))
        _ = trio.pass(.milliseconds(300))
        guard case .success(.deleted(_, count: 0, next: nil))? = trio.answers[id] else {
            Issue.record("the deletion was answered with \(String(describing: trio.answers[id]))")
            return
        }
        #expect(trio.pauses == 3)
        #expect(Set(trio.nodes.map { $0.replica.stateMachine.stateHash }).count == 1)
    }
}
