// Pemba: tests of one node, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaPKI
import PembaService
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct NodeTests {
    static let schema = """
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition document {
            relation owner: user
            relation viewer: user | group#member
            permission view = viewer + owner
        }
        """

    static func touch(_ tuples: String...) throws -> WriteRequest {
        WriteRequest(updates: try tuples.map { TupleUpdate(.touch, try RelationTuple(parsing: $0)) })
    }

    static func item(_ text: String) throws -> CheckItem {
        let tuple = try RelationTuple(parsing: text)
        return CheckItem(resource: tuple.resource, permission: tuple.relation, subject: tuple.subject)
    }

    /// A running node with the schema, a client of it, and the end of both.
    private func withNode(
        _ overrides: [String] = [],
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        try await TestCluster.run(overrides, body)
    }

    @Test func whatIsWrittenIsReadAndChecked() async throws {
        try await withNode { _, client in
            let written = try await client.write(
                Self.touch("document:a#viewer@group:eng#member", "group:eng#member@user:ann")
            )
            #expect(written.counts == WriteCounts(created: 2))
            let zookie = written.zookie
            let answer = try await client.check(
                Self.item("document:a#view@user:ann"),
                consistency: .atLeastAsFresh(zookie)
            )
            #expect(answer.permissionship == .hasPermission)
            #expect(answer.zookie.revision >= zookie.revision)
            let denied = try await client.check(Self.item("document:a#view@user:bob"), consistency: .fullyConsistent)
            #expect(denied.permissionship == .noPermission)
            let fast = try await client.check(Self.item("document:a#view@user:ann"), consistency: .minimizeLatency)
            #expect(fast.permissionship == .hasPermission)
            let bulk = try await client.checkBulk([
                Self.item("document:a#view@user:ann"), Self.item("document:a#nothing@user:ann"),
                Self.item("document:b#view@user:ann"),
            ])
            #expect(bulk.results.count == 3)
            #expect(try bulk.results[0].get() == .has)
            #expect(throws: ServiceError.self) { try bulk.results[1].get() }
            #expect(try bulk.results[2].get() == .hasNot)
            let page = try await client.read(
                ReadRequest(consistency: .fullyConsistent, filter: RelationshipFilter(resourceType: "group"), limit: 10)
            )
            #expect(page.tuples.map(\.description) == ["group:eng#member@user:ann"])
            #expect(try await client.readSchema().source == Self.schema)
        }
    }

    @Test func healthAndMetricsAreAnswered() async throws {
        try await withNode { cluster, client in
            _ = try await client.write(Self.touch("group:eng#member@user:ann"))
            let node = NodeID(1)
            #expect(try await TestCluster.eventually { try await cluster.http(node, "/readyz").status == 200 })
            #expect(try await cluster.http(node, "/livez").body == "alive\n")
            let metrics = try await cluster.http(node, "/metrics").body
            #expect(metrics.contains("\npemba_raft_role{role=\"leader\"} 1\n"))
            #expect(metrics.contains("\npemba_requests_total{kind=\"write\"} 1\n"))
            #expect(metrics.contains("\npemba_graph_tuples 1\n"))
            let status = try await client.status()
            #expect(status.role == .leader && status.tupleCount == 1 && status.alarms.isEmpty)
        }
    }

    @Test func errorsNameTheirCause() async throws {
        try await withNode { _, client in
            func code(_ body: () async throws -> Void) async -> ErrorCode? {
                do {
                    try await body()
                    return nil
                } catch {
                    return (error as? ClientError)?.serviceError?.code
                }
            }
            #expect(
                await code { _ = try await client.check(Self.item("document:a#nothing@user:ann")) } == .unknownRelation
            )
            #expect(
                await code { _ = try await client.check(Self.item("nothing:a#view@user:ann")) } == .unknownDefinition
            )
            #expect(
                await code { try await client.write(Self.touch("document:a#view@user:ann")) } == .cannotWritePermission
            )
            #expect(
                await code { try await client.write(Self.touch("document:a#viewer@document:b")) } == .subjectNotAllowed
            )
            #expect(await code { try await client.writeSchema("definition {") } == .invalidSchema)
            let create = WriteRequest(
                updates: [TupleUpdate(.create, try RelationTuple(parsing: "group:eng#member@user:ann"))]
            )
            #expect(await code { try await client.write(create) } == nil)
            #expect(await code { try await client.write(create) } == .alreadyExists)
            #expect(await code { try await client.writeSchema("definition user {}") } == .schemaWouldOrphan)
            let guarded = WriteRequest(
                updates: [TupleUpdate(.touch, try RelationTuple(parsing: "group:eng#member@user:bob"))],
                preconditions: [Precondition(.mustMatch, RelationshipFilter(resourceType: "document"))]
            )
            #expect(await code { try await client.write(guarded) } == .preconditionFailed)
            let zookie = try await client.readSchema().zookie
            let future = Zookie(
                clusterPrefix: zookie.clusterPrefix,
                epoch: zookie.epoch,
                revision: Revision(zookie.revision.rawValue + 1_000)
            )
            let check = try Self.item("group:eng#member@user:ann")
            #expect(
                await code { _ = try await client.check(check, consistency: .atLeastAsFresh(future)) } == .futureZookie
            )
            let foreign = Zookie(
                clusterPrefix: zookie.clusterPrefix ^ 1,
                epoch: zookie.epoch,
                revision: zookie.revision
            )
            #expect(
                await code { _ = try await client.check(check, consistency: .atLeastAsFresh(foreign)) }
                    == .foreignZookie
            )
        }
    }

    @Test func credentialsDecideWhatMayBeDone() async throws {
        try await withNode { cluster, admin in
            try await admin.write(Self.touch("group:eng#member@user:ann"))
            let check = try Self.item("group:eng#member@user:ann")
            func code(_ client: PembaClient, _ body: (PembaClient) async throws -> Void) async -> ErrorCode? {
                defer { Task { await client.shutdown() } }
                do {
                    try await body(client)
                    return nil
                } catch {
                    return (error as? ClientError)?.serviceError?.code
                }
            }
            let write = try Self.touch("group:eng#member@user:bob")
            #expect(await code(try cluster.client("reader")) { _ = try await $0.check(check) } == nil)
            #expect(await code(try cluster.client("reader")) { try await $0.write(write) } == .permissionDenied)
            #expect(await code(try cluster.client("reader")) { _ = try await $0.status() } == .permissionDenied)
            let key = cluster.bearerKey.text
            #expect(await code(try cluster.client(.bearerKey(key))) { try await $0.write(write) } == nil)
            #expect(
                await code(try cluster.client(.bearerKey(key))) { try await $0.writeSchema(Self.schema) }
                    == .permissionDenied
            )
            #expect(
                await code(try cluster.client(.bearerKey("wrong"))) { _ = try await $0.check(check) }
                    == .unauthenticated
            )
            let log = try String(contentsOfFile: cluster.path("node1.log"), encoding: .utf8)
            let refused = log.split(separator: "\n").filter {
                $0.contains("\"kind\":\"audit\"") && $0.contains("refused")
            }
            #expect(refused.contains { $0.contains("the bearer key is not known here") })
            #expect(log.contains("\"audit.caller\":\"ci\""))
            #expect(!log.contains(key) && !log.contains("wrong"))
        }
    }

    @Test func whatWasAcknowledgedIsThereAfterARestart() async throws {
        try await withNode(["snapshot.log_entries=16", "snapshot.trailing_entries=4"]) { cluster, client in
            for number in 0..<60 { try await client.write(Self.touch("group:g\(number)#member@user:ann")) }
            let before = try await client.status()
            #expect(try await TestCluster.eventually { try await client.status().snapshotIndex > .zero })
            cluster.stop(NodeID(1))
            try cluster.start(NodeID(1), initialize: false)
            #expect(try await TestCluster.eventually { (try? await client.status().tupleCount) == before.tupleCount })
            let check = try Self.item("group:g59#member@user:ann")
            #expect(try await client.check(check, consistency: .fullyConsistent).permissionship == .hasPermission)
            #expect(try await client.readSchema().source == Self.schema)
        }
    }

    /// A check that visits many times its slice does not keep others waiting, is answered, and holds writes up only
    /// until it ends.
    @Test func longEvaluationsMakeRoomForOthers() async throws {
        try await withNode(["limits.evaluation_slice_visits=64"]) { _, client in
            var updates: [TupleUpdate] = []
            for number in 0..<1_000 {
                let tuple = "group:g\(number)#member@group:g\(number + 1)#member"
                updates.append(TupleUpdate(.touch, try RelationTuple(parsing: tuple)))
            }
            try await client.write(WriteRequest(updates: updates))
            let long = try Self.item("group:g0#member@user:ann")
            let short = try Self.item("group:g999#member@user:ann")
            try await withThrowingTaskGroup(of: Permissionship.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await client.check(long).permissionship }
                    group.addTask { try await client.check(short).permissionship }
                }
                group.addTask {
                    _ = try await client.write(Self.touch("group:other#member@user:ann"))
                    return .noPermission
                }
                for try await answer in group { #expect(answer == .noPermission) }
            }
            try await client.write(Self.touch("group:g1000#member@user:ann"))
            let bulk = try await client.checkBulk(Array(repeating: long, count: 300) + [short])
            #expect(try bulk.results.allSatisfy { try $0.get() == .has })
        }
    }

    @Test func credentialsAreReadAgainAndBadOnesAreNotTaken() async throws {
        try await withNode { cluster, admin in
            try await admin.write(Self.touch("group:eng#member@user:ann"))
            let check = try Self.item("group:eng#member@user:ann")
            let file = URL(fileURLWithPath: cluster.path("credentials.yaml"))
            let new = try BearerKey.generate()
            func isKnown(_ key: String) async throws -> Bool {
                let client = try cluster.client(.bearerKey(key))
                let answer = try? await client.check(check, timeout: .seconds(2))
                await client.shutdown()
                return answer != nil
            }
            #expect(try await !isKnown(new.text))
            try Data("[{name: new, roles: read, sha256: \(new.sha256)}]".utf8).write(to: file)
            cluster.nodes[NodeID(1)]?.reload()
            #expect(try await isKnown(new.text))
            #expect(try await !isKnown(cluster.bearerKey.text))
            try Data("[{name: broken}]".utf8).write(to: file)
            cluster.nodes[NodeID(1)]?.reload()
            #expect(try await isKnown(new.text))
            let metrics = try await cluster.http(NodeID(1), "/metrics").body
            #expect(metrics.contains("\npemba_node_reloads_total 1\n"))
            #expect(metrics.contains("\npemba_node_reload_failures_total 1\n"))
        }
    }

    @Test func aNodeAtItsMemoryLimitRefusesWritesAndSaysSo() async throws {
        let cluster = try TestCluster(size: 1, overrides: ["limits.memory_bytes=1048576"])
        try cluster.startAll()
        let client = try cluster.client()
        let text: String
        do {
            try await client.writeSchema(Self.schema, timeout: .seconds(1))
            text = "accepted"
        } catch {
            text = "\(error) \(error.lastFailure ?? "")"
        }
        #expect(text.contains("of memory, its limit"), "\(text)")
        let ready = try await cluster.http(NodeID(1), "/readyz")
        #expect(ready.status == 503 && ready.body.contains("the memory limit is reached"))
        await client.shutdown()
        cluster.stopAll()
    }
}
