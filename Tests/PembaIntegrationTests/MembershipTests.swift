// Pemba: a cluster of processes that grows and shrinks under load.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTooling
import Testing

@Suite(.serialized) struct MembershipTests {
    /// Prepares a node more, whose files come from `clusterctl`; and the options that say where it is reached.
    private func prepare(_ id: UInt64, _ cluster: LocalCluster) async throws -> (node: LocalNode, contact: [String]) {
        let ports = try FreePorts.find(3).map { "\($0)" }
        let places = ["--client-port", ports[0], "--peer-port", ports[1], "--http-port", ports[2]]
        let prepared = try await cluster.clusterctl(
            ["member", "prepare", "--directory", cluster.folder, "--host", "127.0.0.1"] + places
        )
        #expect(prepared.status == 0, "\(prepared.errors)")
        #expect(prepared.output.contains("clusterctl member add \(id) --peer 127.0.0.1:\(ports[1])"))
        let node = LocalNode(id: id, folder: "\(cluster.folder)/node-\(id)", program: Programs.pembad)
        return (node, ["--peer", "127.0.0.1:\(ports[1])", "--client", "127.0.0.1:\(ports[0])"])
    }

    /// Prepares a node more, starts it and adds it.
    private func join(_ id: UInt64, _ cluster: LocalCluster) async throws -> LocalNode {
        let (node, contact) = try await prepare(id, cluster)
        try node.start(arguments: ["--join"])
        let added = try await cluster.clusterctl(["member", "add", "\(id)"] + contact)
        #expect(added.status == 0, "\(added.errors)\n\(node.log.suffix(4_000))")
        // An even number of voters is odd.
        #expect(added.errors.contains("warning: \(id) voters") == id.isMultiple(of: 2))
        return node
    }

    /// Waits until the writer has gone on beyond its write `number`, however slow the machine is.
    private func waitForWrites(_ number: Int, _ client: PembaClient) async throws {
        let item = try CheckItem(parsing: "document:d\(number)#owner@user:alice")
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            let answer = try? await client.check(item, consistency: .fullyConsistent)
            if answer?.decision == .has { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ToolError("the writer had not come to write \(number) in time")
    }

    private func members(_ cluster: LocalCluster) async throws -> [UInt64] {
        let listed = try await cluster.clusterctl("member", "list", "--json")
        #expect(listed.status == 0, "\(listed.errors)")
        struct Report: Decodable {
            struct Member: Decodable {
                let node: UInt64
                let role: String
            }
            let members: [Member]
            let settled: Bool
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(listed.output.utf8))
        #expect(report.settled && report.members.allSatisfy { $0.role == "voter" }, "\(listed.output)")
        return report.members.map(\.node)
    }

    /// Creates one tuple after the other until it is cancelled; how many were acknowledged, and the first failure.
    private func write(_ client: PembaClient) -> Task<(count: Int, failure: String?), Never> {
        Task {
            var count = 0
            while !Task.isCancelled {
                do {
                    let tuple = try RelationTuple(parsing: "document:d\(count)#owner@user:alice")
                    let request = WriteRequest(updates: [TupleUpdate(.create, tuple)])
                    try await client.write(request, timeout: .seconds(60))
                    count += 1
                } catch {
                    if !Task.isCancelled { return (count, "\(error)") }
                }
            }
            return (count, nil)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func threeBecomeFiveAndThreeAgainUnderLoad() async throws {
        try await withCluster(settings: "snapshot: {log_entries: 200, trailing_entries: 20}") { cluster in
            let client = try PembaClient(configuration: cluster.target().configuration())
            try await client.writeSchema(documentSchema, timeout: .seconds(60))
            let writer = write(client)
            var joined: [LocalNode] = []
            defer { for node in joined { node.stop() } }
            for id in [4, 5] as [UInt64] { joined.append(try await join(id, cluster)) }
            #expect(try await members(cluster) == [1, 2, 3, 4, 5])

            // The leader itself, and one more.
            let leader = try await client.membership().node.rawValue
            let other = try #require([1, 2, 3].first { $0 != leader })
            for node in [leader, other] {
                let removed = try await cluster.clusterctl("member", "remove", "\(node)")
                #expect(removed.status == 0, "\(removed.errors)")
                // Asked for again, it is done already.
                let again = try await cluster.clusterctl("member", "remove", "\(node)")
                #expect(again.status == 0, "\(again.errors)")
            }
            let rest = [1, 2, 3, 4, 5].filter { $0 != leader && $0 != other }
            #expect(try await members(cluster) == rest)

            try await waitForWrites(50, client)
            writer.cancel()
            let (count, failure) = await writer.value
            #expect(failure == nil && count > 50, "\(count) writes: \(failure ?? "")")
            try await expectAll(count, client)
            try await expectParked([leader, other], cluster, joined)
            // An id is used once.
            let contact = ["--peer", "127.0.0.1:1", "--client", "127.0.0.1:2"]
            let back = try await cluster.clusterctl(["member", "add", "\(leader)"] + contact)
            #expect(back.status == 2, "\(back.output)")
            await client.shutdown()
        }
    }

    private func expectAll(_ count: Int, _ client: PembaClient) async throws {
        for start in stride(from: 0, to: count, by: Limits.checksPerBulk) {
            let items = (start..<min(count, start + Limits.checksPerBulk)).map { number in
                CheckItem(
                    resource: ObjectReference(type: "document", id: "d\(number)"),
                    permission: "view",
                    subject: SubjectReference(type: "user", id: "alice")
                )
            }
            let answer = try await client.checkBulk(items, consistency: .fullyConsistent, timeout: .seconds(60))
            #expect(answer.results.allSatisfy { $0 == .success(.has) })
        }
    }

    private func expectParked(_ ids: [UInt64], _ cluster: LocalCluster, _ joined: [LocalNode]) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        for node in (cluster.nodes + joined) where ids.contains(node.id) {
            while !node.log.contains("this node was removed"), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(node.log.contains("this node was removed"), "\(node.log.suffix(4_000))")
            #expect(node.isRunning)
        }
    }

    /// A member whose folder is gone does not come back under its id; a new node takes its place.
    @Test(.timeLimit(.minutes(3)))
    func aWipedNodeIsReplacedByANewOne() async throws {
        try await withCluster { cluster in
            let client = try PembaClient(configuration: cluster.target().configuration())
            try await client.writeSchema(documentSchema, timeout: .seconds(60))
            let leader = try await client.membership().node.rawValue
            let wiped = try #require(cluster.nodes.first { $0.id != leader })
            wiped.killNow()
            try FileManager.default.removeItem(atPath: wiped.folder + "/data")
            try wiped.start(arguments: ["--initialize"])
            let deadline = ContinuousClock.now + .seconds(30)
            while !wiped.log.contains("this node has lost its data"), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(wiped.log.contains("this node has lost its data"), "\(wiped.log.suffix(4_000))")
            let listed = try await cluster.clusterctl("member", "list")
            #expect(listed.output.contains("refused: it lost its data"), "\(listed.output)")
            wiped.stop()

            let (new, contact) = try await prepare(4, cluster)
            defer { new.stop() }
            // Before it is there, the address is wrong, and nothing changes.
            func replace() async throws -> Programs.Outcome {
                try await cluster.clusterctl(["member", "replace", "\(wiped.id)", "4"] + contact)
            }
            let early = try await replace()
            #expect(early.status == 2 && early.errors.contains("nothing was changed"), "\(early.errors)")
            #expect(try await members(cluster) == [1, 2, 3])
            try new.start(arguments: ["--join"])
            let replaced = try await replace()
            #expect(replaced.status == 0, "\(replaced.errors)\n\(new.log.suffix(4_000))")
            #expect(try await members(cluster) == [1, 2, 3, 4].filter { $0 != wiped.id })
            await client.shutdown()
        }
    }
}
