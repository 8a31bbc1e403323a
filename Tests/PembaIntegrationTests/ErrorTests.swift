// Pemba: requests that are wrong.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

/// Each wrong request gets an error that says what is wrong, and no node minds.
@Suite(.serialized) struct ErrorTests {
    /// The code with which `body` fails.
    private func code(_ body: () async throws -> Void) async -> ErrorCode? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ClientError)?.serviceError?.code
        }
    }

    private func expectError(_ outcome: Programs.Outcome, _ parts: String...) {
        #expect(outcome.status == 2, "\(outcome.output)\(outcome.errors)")
        for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    }

    @Test func whatIsWrongIsSaidAndNoNodeMinds() async throws {
        try await withCluster { cluster in
            try await cluster.target().withClient { client in
                _ = try await client.writeSchema(documentSchema)
                let tuple = try RelationTuple(parsing: "document:plan#banned@user:mallory")
                _ = try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
            }
            try await tuplesThatDoNotFit(cluster)
            try await schemasThatDoNotFit(cluster)
            try await zookiesThatAreNone(cluster)
            try await failedPreconditions(cluster)
            try await requestsBeyondLimits(cluster)
            let report = try await cluster.waitUntilCaughtUp()
            #expect(report.isHealthy, "\(report.text)")
            #expect(report.nodes.allSatisfy { $0.tuples == 1 }, "\(report.text)")
            #expect(cluster.nodes.allSatisfy { $0.isRunning })
        }
    }

    private func tuplesThatDoNotFit(_ cluster: LocalCluster) async throws {
        func create(_ tuple: String) async throws -> Programs.Outcome {
            try await cluster.clusterctl("relationship", "create", tuple)
        }
        expectError(try await create("document:1#viewer@document:2"), "`user`", "`team#member`")
        expectError(try await create("document:1#owner@team:eng#member"), "`user`")
        expectError(try await create("document:1#view@user:alice"), "`view` of `document` is a permission")
        expectError(try await create("document:1#editor@user:alice"), "editor")
        expectError(try await create("folder:1#owner@user:alice"), "folder")
        let unknown = try await cluster.clusterctl("check", "document:1#edit@user:alice")
        expectError(unknown, "edit")
    }

    private func schemasThatDoNotFit(_ cluster: LocalCluster) async throws {
        let path = cluster.folder + "/schema.zed"
        let without = documentSchema.split(separator: "\n").filter { !$0.contains("relation banned") }
            .joined(separator: "\n").replacingOccurrences(of: "(owner + viewer) - banned", with: "owner + viewer")
        try TextFile.write(without, to: path)
        expectError(try await cluster.clusterctl("schema", "write", path), "document:plan#banned@user:mallory")
        try TextFile.write(documentSchema + String(repeating: "\n// nothing", count: 100_000), to: path)
        expectError(try await cluster.clusterctl("schema", "write", path), "1048576")
        try TextFile.write("definition \u{0}", to: path)
        expectError(try await cluster.clusterctl("schema", "write", path), "schema.zed:1:")
    }

    private func zookiesThatAreNone(_ cluster: LocalCluster) async throws {
        let id = try ClusterContext(path: cluster.folder + "/cluster.yaml").cluster
        func check(_ zookie: String) async throws -> Programs.Outcome {
            try await cluster.clusterctl("check", "document:plan#view@user:alice", "--zookie", zookie)
        }
        expectError(try await check("AAAA"), "is not a zookie")
        let foreign = Zookie(cluster: ClusterID(high: ~0, low: 1), epoch: .first, revision: Revision(1))
        expectError(try await check(foreign.description), "another cluster")
        let future = Zookie(cluster: id, epoch: .first, revision: Revision(.max))
        expectError(try await check(future.description), "not reached")
        let restored = Zookie(cluster: id, epoch: Epoch(7), revision: Revision(1))
        expectError(try await check(restored.description), "epoch 7")
    }

    private func failedPreconditions(_ cluster: LocalCluster) async throws {
        let updates = [TupleUpdate(.create, try RelationTuple(parsing: "document:plan#owner@user:alice"))]
        let banned = RelationshipFilter(resourceType: "document", resourceID: "plan", relation: "banned")
        let owned = RelationshipFilter(resourceType: "document", resourceID: "plan", relation: "owner")
        let unwanted = Precondition(.mustNotMatch, banned)
        let missing = Precondition(.mustMatch, owned)
        try await cluster.target().withClient { client in
            for precondition in [unwanted, missing] {
                let request = WriteRequest(updates: updates, preconditions: [precondition])
                #expect(await code { try await client.write(request) } == .preconditionFailed)
            }
        }
    }

    private func requestsBeyondLimits(_ cluster: LocalCluster) async throws {
        let tuples = try (0..<1_001).map { try RelationTuple(parsing: "document:\($0)#owner@user:alice") }
        let check = try CheckItem(parsing: "document:plan#view@user:alice")
        try await cluster.target().withClient { client in
            let write = WriteRequest(updates: tuples.map { TupleUpdate(.create, $0) })
            #expect(await code { try await client.write(write) } == .limitExceeded)
            let checks = Array(repeating: check, count: 10_001)
            #expect(await code { _ = try await client.checkBulk(checks) } == .limitExceeded)
            let twice = WriteRequest(updates: [TupleUpdate(.create, tuples[0]), TupleUpdate(.create, tuples[0])])
            #expect(await code { try await client.write(twice) } == .duplicateUpdate)
            let long = RelationTuple(
                resource: ObjectReference(type: "document", id: String(repeating: "x", count: 1_025)),
                relation: "owner",
                subject: SubjectReference(type: "user", id: "alice")
            )
            let tooLong = await code { try await client.write(WriteRequest(updates: [TupleUpdate(.create, long)])) }
            #expect(tooLong == .limitExceeded || tooLong == .invalidArgument)
        }
        let long = String(repeating: "x", count: 1_025)
        expectError(try await cluster.clusterctl("relationship", "create", "document:\(long)#owner@user:alice"), "1024")
        expectError(try await cluster.clusterctl("check", "document:\(long)#view@user:alice"), "1024")
        let many = (0..<1_001).map { "document:\($0)#owner@user:alice" }
        let arguments = ["relationship", "create"] + many + ["--cluster", cluster.folder + "/cluster.yaml"]
        expectError(try await Programs.run(Programs.clusterctl, arguments), "1001", "1000")
    }
}
