// Pemba: what a node's process does with signals, and how it ends.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import PembaTooling
import Testing

@Suite(.serialized) struct ProcessTests {
    private static let day: Int64 = 86_400 * 1_000_000_000

    /// Waits until `condition` holds; false if it does not in time.
    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    /// A number that the first node gives at `/metrics`.
    private func metric(_ name: String, of cluster: LocalCluster) async throws -> Double? {
        let text = LocalHTTP(port: cluster.plan.nodes[0].httpPort).get("/metrics")?.body ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    @Test func hangupMakesANodeReadItsCertificatesAgain() async throws {
        try await withCluster(nodes: 1) { cluster in
            let node = cluster.nodes[0]
            let authority = try CertificateAuthority(
                certificate: .file(cluster.folder + "/ca.pem"),
                key: .file(cluster.folder + "/ca-key.pem")
            )
            let id = try ClusterContext(path: cluster.folder + "/cluster.yaml").cluster
            let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
            let days: Int64 = 3
            let soon = CertificateValidity(
                notBefore: Timestamp(nanoseconds: now - ProcessTests.day),
                notAfter: Timestamp(nanoseconds: now + days * ProcessTests.day)
            )
            let before = try await metric("pemba_tls_certificate_days", of: cluster) ?? 0
            #expect(before > Double(days))
            try authority.issueNode(NodeID(1), cluster: id, hosts: ["127.0.0.1"], validity: soon)
                .write(certificate: node.folder + "/node.pem", key: node.folder + "/node-key.pem")
            node.signal(SIGHUP)
            let isRead = try await eventually {
                try await metric("pemba_tls_certificate_days", of: cluster) ?? 100 <= Double(days)
            }
            #expect(isRead, "\(node.log.suffix(2_000))")
            #expect(try await cluster.clusterctl("status").status == 0)

            // What is not right is not taken, and said.
            try TextFile.write("nothing", to: node.folder + "/node.pem")
            node.signal(SIGHUP)
            let isRefused = try await eventually {
                try await metric("pemba_node_reload_failures_total", of: cluster) == 1
            }
            #expect(isRefused)
            #expect(node.log.contains("node.pem"), "\(node.log.suffix(2_000))")
            #expect(try await cluster.clusterctl("status").status == 0)
        }
    }

    /// Whoever cannot wait signals twice; nothing that was acknowledged is lost by it.
    @Test func aSecondSignalEndsTheProcessAtOnce() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { client in
                _ = try await client.writeSchema(documentSchema)
                let tuple = try RelationTuple(parsing: "document:plan#owner@user:alice")
                _ = try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
            }
            let node = cluster.nodes[0]
            // Both are waiting when it goes on.
            node.signal(SIGSTOP)
            node.signal(SIGINT)
            #expect(node.stop() == 130, "\(node.log.suffix(1_000))")
            try node.start()
            _ = try await cluster.waitUntilCaughtUp()
            let check = try await cluster.clusterctl("check", "document:plan#view@user:alice", "--fully-consistent")
            #expect(check.status == 0, "\(check.errors)")
        }
    }

    @Test func interruptStopsInOrderToo() async throws {
        try await withCluster(nodes: 1) { cluster in
            let node = cluster.nodes[0]
            node.signal(SIGINT)
            let hasStopped = try await eventually { !node.isRunning }
            #expect(hasStopped)
            #expect(node.stop() == 0, "\(node.log.suffix(1_000))")
        }
    }

    @Test(arguments: [
        (["--no-such-flag"], "--no-such-flag"), ([], "--config"),
        (["--config", "x", "--initialize", "--join"], "--join"),
    ])
    func aWrongCommandLineIsStatus64(arguments: [String], reason: String) async throws {
        let outcome = try await Programs.run(Programs.pembad, arguments)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }

    /// What can be known without starting is known.
    @Test func aConfigurationIsCheckedWithItsCertificates() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let cluster = try LocalCluster(count: 1, folder: folder.path, program: Programs.pembad)
        let check = ["--config", cluster.nodes[0].folder + "/node.yaml", "--check-configuration"]
        let valid = try await Programs.run(Programs.pembad, check)
        #expect(valid.status == 0 && valid.output.contains("is valid"), "\(valid.errors)")
        let key = cluster.nodes[0].folder + "/node-key.pem"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
        let exposed = try await Programs.run(Programs.pembad, check)
        #expect(exposed.status == 77 && exposed.errors.contains("node-key.pem"), "\(exposed.errors)")
    }

    /// The only voter's state is nowhere else.
    @Test func theLastStateIsNotSetAside() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let node = cluster.nodes[0]
            #expect(node.stop() == 0)
            let configuration = ["--config", node.folder + "/node.yaml"]
            let refused = try await Programs.run(Programs.pembad, configuration + ["--discard-state"])
            #expect(refused.status != 0 && refused.errors.contains("alone votes"), "\(refused.errors)")
            let both = ["--discard-state", "--accept-data-loss"]
            #expect(try await Programs.run(Programs.pembad, configuration + both).status == 64)
            try node.start()
            _ = try await cluster.waitUntilCaughtUp()
            #expect(try await cluster.clusterctl("schema", "read").status == 0)
        }
    }

    @Test func aDamagedVoteFileIsStatus74() async throws {
        try await withCluster(nodes: 1) { cluster in
            let node = cluster.nodes[0]
            #expect(node.stop() == 0)
            let path = node.folder + "/data/super"
            let size = try #require(FileManager.default.contents(atPath: path)?.count)
            try Data(repeating: 0x5A, count: size).write(to: URL(fileURLWithPath: path))
            let outcome = try await Programs.run(Programs.pembad, ["--config", node.folder + "/node.yaml"])
            #expect(outcome.status == 74, "\(outcome.errors)")
            #expect(outcome.errors.contains("super"), "\(outcome.errors)")
            #expect(!outcome.errors.contains("Fatal error"))
        }
    }

    /// Who changed what stands in the log of the node that was asked, without what was written.
    @Test func changesAreAudited() async throws {
        try await withCluster(nodes: 1) { cluster in
            let schema = cluster.folder + "/schema.zed"
            try TextFile.write(documentSchema, to: schema)
            #expect(try await cluster.clusterctl("schema", "write", schema).status == 0)
            let tuple = "document:secret#owner@user:alice"
            #expect(try await cluster.clusterctl("relationship", "create", tuple).status == 0)
            #expect(try await cluster.clusterctl("relationship", "create", tuple).status == 2)
            #expect(try await cluster.clusterctl("relationship", "delete", "--resource", "document:secret").status == 0)
            let log = cluster.nodes[0].log
            let lines = log.split(separator: "\n").filter { $0.contains("kind=audit") }
            for event in ["schema", "write", "delete"] {
                let line = lines.first { $0.contains("audit.event=\(event)") }
                #expect(line?.contains("audit.caller=admin") == true, "no event \(event) in \(lines)")
                #expect(line?.contains("audit.revision=") == true, "\(line ?? "")")
                #expect(line?.contains("audit.address=") == true, "\(line ?? "")")
            }
            #expect(!lines.contains { $0.contains("secret") }, "\(lines)")
            #expect(lines.contains { $0.contains("change not made") && $0.contains("alreadyExists") }, "\(lines)")
        }
    }

    private static let hasIPv6: Bool = {
        let interfaces = (try? TextFile.read("/proc/net/if_inet6")) ?? ""
        return interfaces.split(separator: "\n").contains { $0.hasPrefix("00000000000000000000000000000001 ") }
    }()

    @Test(.enabled(if: ProcessTests.hasIPv6, "this machine has no IPv6 loopback"))
    func aNodeIsReachedOverIPv6() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let ports = try FreePorts.find(3).map { "\($0)" }
        let context = folder.path + "/cluster.yaml"
        let made = try await Programs.run(
            Programs.clusterctl,
            [
                "init", "--directory", folder.path + "/files", "--host", "::1", "--client-port", ports[0],
                "--peer-port", ports[1], "--http-port", ports[2], "--context", context,
            ]
        )
        #expect(made.status == 0, "\(made.errors)")
        let node = LocalNode(id: 1, folder: folder.path + "/files/node-1", program: Programs.pembad)
        try node.start(arguments: ["--initialize", "--set", "listen.http=[::1]:\(ports[2])"])
        defer { node.stop() }
        var status: Programs.Outcome?
        let isHealthy = try await eventually {
            status = try await Programs.run(Programs.clusterctl, ["status", "--cluster", context])
            return status?.status == 0
        }
        #expect(isHealthy, "\(status?.output ?? "")\(status?.errors ?? "")\(node.log)")
        #expect(status?.output.contains("[::1]:\(ports[0])") == true, "\(status?.output ?? "")")
        let health = LocalHTTP(port: try #require(Int(ports[2])), isIPv6: true)
        #expect(health.get("/readyz")?.status == 200)
    }
}
