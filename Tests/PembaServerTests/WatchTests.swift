// Pemba: tests of watches on real nodes, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaWire
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct WatchTests {
    private func withCluster(
        _ size: Int = 1,
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        try await TestCluster.run(size: size, overrides, body)
    }

    /// The next event that is no checkpoint, as lines of text: `created TUPLE`, `schema`, `tuple TUPLE`.
    private func next(_ events: inout ChangeStream.AsyncIterator) async throws -> [String] {
        while let event = try await events.next() {
            switch event {
            case .checkpoint: continue
            case .schema: return ["schema"]
            case .tuples(let tuples): return tuples.map { "tuple \($0)" }
            case .changes(_, _, let changes, _, _): return changes.map { "\($0.kind) \($0.tuple)" }
            }
        }
        return []
    }

    /// Begins a watch and waits until the node says that it has begun.
    private func begin(
        _ client: PembaClient,
        _ request: WatchRequest
    ) async throws -> ChangeStream.AsyncIterator {
        var events = client.watch(request).makeAsyncIterator()
        guard case .checkpoint? = try await events.next() else {
            Issue.record("a watch begins with a checkpoint")
            return events
        }
        return events
    }

    @Test func onlyWhatTheFiltersMeanIsSent() async throws {
        try await withCluster { _, client in
            let filters = [
                RelationshipFilter(resourceType: "document", relation: "owner"),
                RelationshipFilter(resourceType: "group", resourceID: "eng"),
            ]
            var events = try await begin(client, WatchRequest(start: .now, filters: filters, includesSchema: false))
            try await client.write(NodeTests.touch("document:a#viewer@user:ann", "group:ops#member@user:ann"))
            try await client.writeSchema(NodeTests.schema + "\ndefinition folder {}\n")
            try await client.write(
                NodeTests.touch("document:a#viewer@user:bob", "document:a#owner@user:bob", "group:ops#member@user:bob")
            )
            try await client.write(NodeTests.touch("group:eng#member@user:cyn"))
            #expect(try await next(&events) == ["created document:a#owner@user:bob"])
            #expect(try await next(&events) == ["created group:eng#member@user:cyn"])
        }
    }

    @Test func schemasAndEveryKindOfChangeAreSentInOrder() async throws {
        try await withCluster { _, client in
            let schema = """
                use expiration
                definition user {}
                definition document {
                    relation viewer: user | user with expiration
                }
                """
            try await client.writeSchema(schema)
            var events = try await begin(client, WatchRequest(start: .now))
            try await client.writeSchema(schema + "\ndefinition folder {}\n")
            let tuple = "document:a#viewer@user:ann"
            try await client.write(NodeTests.touch(tuple))
            let end = Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1_000 + 1_500) * 1_000_000)
            var short = try RelationTuple(parsing: tuple)
            short.expiresAt = end
            try await client.write(WriteRequest(updates: [TupleUpdate(.touch, short)]))
            #expect(try await next(&events) == ["schema"])
            #expect(try await next(&events) == ["created \(tuple)"])
            #expect(try await next(&events) == ["touched \(short)"])
            // Nobody writes: the log's time goes on by itself.
            #expect(try await next(&events) == ["expired \(short)"])
            try await client.write(NodeTests.touch(tuple))
            try await client.delete(DeleteRequest(filter: RelationshipFilter(resourceType: "document")))
            #expect(try await next(&events) == ["created \(tuple)"])
            #expect(try await next(&events) == ["deleted \(tuple)"])
        }
    }

    /// While others write, a snapshot and what follows it are together what there is in the end.
    @Test func aSnapshotAndItsChangesHaveNoGap() async throws {
        try await withCluster(3) { _, client in
            for start in stride(from: 0, to: 5_000, by: 1_000) {
                let tuples = try (start..<start + 1_000).map {
                    try RelationTuple(parsing: "document:d\($0)#viewer@user:ann")
                }
                try await client.importTuples(ImportRequest(tuples: tuples, mode: .touch), timeout: .seconds(60))
            }
            let writer = Task {
                for number in 0..<300 {
                    try await client.write(NodeTests.touch("document:d\(number)#owner@user:bob"))
                    let filter = RelationshipFilter(
                        resourceType: "document",
                        resourceID: "d\(number)",
                        relation: "viewer"
                    )
                    try await client.delete(DeleteRequest(filter: filter))
                }
                try await client.write(NodeTests.touch("group:last#member@user:ann"))
            }
            var seen: Set<String> = []
            var events = client.watch(WatchRequest(start: .snapshot)).makeAsyncIterator()
            watching: while true {
                for line in try await next(&events) {
                    let parts = line.split(separator: " ").map(String.init)
                    switch parts[0] {
                    case "tuple", "created": #expect(seen.insert(parts[1]).inserted, "\(line) comes twice")
                    case "deleted": #expect(seen.remove(parts[1]) != nil, "\(line) was not there")
                    default: Issue.record("unexpected: \(line)")
                    }
                    if parts[1] == "group:last#member@user:ann" { break watching }
                }
            }
            try await writer.value
            var stored: Set<String> = []
            for try await tuple in client.export(consistency: .fullyConsistent) { stored.insert(tuple.description) }
            #expect(seen == stored)
        }
    }

    /// The node that is watched stops, and the next one too, while tuples are written one by one.
    @Test func aWatchGoesOnAtAnotherNodeWithoutAGap() async throws {
        try await withCluster(3) { cluster, client in
            var events = try await begin(client, WatchRequest(start: .now))
            let count = 300
            let writer = Task {
                for number in 0..<count {
                    try await client.write(NodeTests.touch("group:g#member@user:u\(number)"), timeout: .seconds(60))
                }
            }
            var received: [String] = []
            for node in 1...3 {
                while received.count < node * 60 { received += try await next(&events) }
                cluster.stop(NodeID(UInt64(node)))
                try cluster.start(NodeID(UInt64(node)), initialize: false)
            }
            while received.count < count { received += try await next(&events) }
            try await writer.value
            #expect(received == (0..<count).map { "created group:g#member@user:u\($0)" })
        }
    }

    @Test func whatIsNotKeptAnyMoreIsRefusedByNameOfTheOldest() async throws {
        try await withCluster(1, ["history.changes=50"]) { _, client in
            let early = try await client.write(NodeTests.touch("group:g#member@user:first")).zookie
            for number in 0..<200 { try await client.write(NodeTests.touch("group:g#member@user:u\(number)")) }
            var events = client.watch(WatchRequest(start: .after(early))).makeAsyncIterator()
            let error = await #expect(throws: ClientError.self) { _ = try await events.next() }
            #expect(error?.serviceError?.code == .revisionTooOld, "\(String(describing: error))")
            let oldest = error?.serviceError?.detail("oldest").flatMap { UInt64($0) }
            #expect((oldest ?? 0) > early.revision.rawValue, "\(String(describing: error?.serviceError))")
            // The status says so beforehand, and why.
            let history = try await client.status().history
            #expect(history.oldest.rawValue == oldest)
            #expect(history.changesMax == 50 && (1...50).contains(history.changes), "\(history)")
            #expect(
                history.oldestTime.nanoseconds > 0 && history.bytes > 0 && history.secondsMax == 86_400,
                "\(history)"
            )
        }
    }

    /// A watcher that takes nothing is told that it was too slow as soon as what it has not got is forgotten.
    @Test func aSlowWatcherIsToldSoAndNeverSkipped() async throws {
        try await withCluster(1, ["history.changes=2000"]) { cluster, client in
            let ready = try await TestCluster.eventually { try await cluster.http(NodeID(1), "/readyz").status == 200 }
            #expect(ready)
            let probe = try await StreamProbe(cluster)
            probe.watch(5, window: 1)
            try await probe.expect(1, .watchEvents, 5)
            for batch in 0..<10 {
                let tuples = try (0..<500).map { try RelationTuple(parsing: "group:b\(batch)#member@user:u\($0)") }
                try await client.importTuples(ImportRequest(tuples: tuples, mode: .touch), timeout: .seconds(60))
            }
            try await probe.expect(1, .error, 5)
            #expect(probe.frames(5).compactMap(\.error) == [.watcherTooSlow])
            // Whoever gave credit for one frame got one frame.
            #expect(probe.frames(5).filter { $0.type == .watchEvents }.count == 1)
            probe.close()
        }
    }

    /// A node that is cut off does not leave its watchers in the belief that nothing changes.
    @Test func aNodeThatIsCutOffSendsItsWatchersAway() async throws {
        try await withCluster(3, ["staleness_bound_ms=1000"]) { cluster, _ in
            let ready = try await TestCluster.eventually { try await cluster.http(NodeID(1), "/readyz").status == 200 }
            #expect(ready)
            let probe = try await StreamProbe(cluster)
            probe.watch(5)
            try await probe.expect(1, .watchEvents, 5)
            cluster.stop(NodeID(2))
            cluster.stop(NodeID(3))
            try await probe.expect(1, .error, 5)
            #expect(probe.frames(5).compactMap(\.error) == [.stale])
            probe.close()
        }
    }

    @Test func whoeverHearsNothingIsToldThatAllIsWell() async throws {
        try await withCluster { _, client in
            let first = try await client.write(NodeTests.touch("group:g#member@user:ann")).zookie
            let filter = RelationshipFilter(resourceType: "document")
            var events = try await begin(client, WatchRequest(start: .now, filters: [filter]))
            let second = try await client.write(NodeTests.touch("group:g#member@user:bob")).zookie
            guard case .checkpoint(let zookie)? = try await events.next() else {
                Issue.record("no sign of life came")
                return
            }
            #expect(zookie.revision >= second.revision && second.revision > first.revision)
        }
    }
}
