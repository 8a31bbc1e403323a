// Pemba: tests of replicas whose clocks are set.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ClockTests {
    private static let hour = Int64(3_600) * 1_000_000_000
    private static let schema = """
        use expiration
        definition user {}
        definition document {
            relation viewer: user | user with expiration
        }
        """

    private func write(_ trio: ReplicaTrio, _ tuple: String, expiresIn: Int64? = nil) throws {
        let leader = try #require(trio.leader)
        var tuple = try RelationTuple(parsing: tuple)
        tuple.expiresAt = expiresIn.map { Timestamp(nanoseconds: trio.time.wall.nanoseconds + $0) }
        let id = trio.submit(leader, .write(WriteRequest(updates: [TupleUpdate(.touch, tuple)])))
        #expect(trio.pass(.seconds(2)) { trio.answers[id] != nil })
        guard case .success? = trio.answers[id] else {
            Issue.record("\(tuple) was not written: \(String(describing: trio.answers[id]))")
            return
        }
    }

    private func has(_ trio: ReplicaTrio, _ user: String) throws -> [Bool] {
        let check = CheckItem(
            resource: ObjectReference(type: "document", id: "a"),
            permission: "viewer",
            subject: SubjectReference(type: "user", id: user)
        )
        return try trio.nodes.map { try $0.replica.stateMachine.graph.check(check) == .has }
    }

    /// A clock that is set back is noticed by nobody but those who wait for a time.
    ///
    /// What has expired stays so, the log's time never goes back, and writes, elections and freshness go on as before.
    @Test func aClockThatIsSetBackTakesNothingBack() throws {
        let trio = ReplicaTrio()
        trio.civil = Timestamp(nanoseconds: 500 * ClockTests.hour)
        let leader = trio.elect()
        _ = trio.submit(leader, .writeSchema(source: ClockTests.schema))
        _ = trio.pass(.milliseconds(300))
        try write(trio, "document:a#viewer@user:short", expiresIn: 2_000_000_000)
        try write(trio, "document:a#viewer@user:long", expiresIn: ClockTests.hour)
        #expect(try has(trio, "short") == [true, true, true])
        _ = trio.pass(.seconds(4))
        #expect(try has(trio, "short") == [false, false, false])
        let before = trio.nodes.map { $0.replica.stateMachine.timestamp }

        trio.civil = Timestamp(nanoseconds: 499 * ClockTests.hour)
        try write(trio, "document:a#viewer@user:new")
        _ = trio.pass(.seconds(4))
        #expect(trio.leader == leader)
        #expect(try has(trio, "short") == [false, false, false])
        #expect(try has(trio, "long") == [true, true, true])
        #expect(try has(trio, "new") == [true, true, true])
        let after = trio.nodes.map { $0.replica.stateMachine.timestamp }
        #expect(zip(before, after).allSatisfy { $0 <= $1 }, "\(before) \(after)")
        // Each node is as fresh as before: that rests on time that passes, not on the clock.
        for place in trio.nodes.indices {
            let id = trio.read(place, .minimizeLatency)
            #expect(trio.pass(.seconds(1)) { trio.reads[id] != nil })
            #expect(trio.reads[id] == .some(nil))
        }

        // Set right again, time goes on from there.
        trio.civil = Timestamp(nanoseconds: 501 * ClockTests.hour)
        _ = trio.pass(.seconds(4))
        #expect(try has(trio, "long") == [false, false, false])
    }
}
