// Pemba: clusters in one process, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import NIOCore
import NIOPosix
import PembaClient
import PembaCore
import PembaPKI
import PembaService
import PembaStorage
import PembaTooling
import PembaTransport
import Testing

@testable import PembaServer

/// Nodes of one cluster in this process, each with its own folder, threads and ports.
final class TestCluster: @unchecked Sendable {
    let id = ClusterID(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))
    let folder: URL
    let members: [MemberConfiguration]
    /// How many of the members the cluster begins with; the others may join.
    private let initial: Int
    let bearerKey: BearerKey
    private let httpPorts: [UInt16]
    private var overrides: [String]
    /// What the disk of each node does, for tests of sick disks.
    let faults: [NodeID: DiskFaults]
    /// For connections of tests that use no client.
    static let loop = Result { () throws(TransportError) in try SocketLoop(name: "test") }
    /// The nodes that run, by their number; used by one test at a time.
    private(set) var nodes: [NodeID: RunningNode] = [:]

    init(size: Int, joining: Int = 0, overrides: [String] = []) throws {
        initial = size
        let size = size + joining
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // None that the kernel gives to connections: a node that is stopped must get its own again.
        let ports = try FreePorts.find(size * 3).map { UInt16($0) }
        members = (0..<size).map { position in
            MemberConfiguration(
                id: NodeID(UInt64(position + 1)),
                peer: NetworkAddress(host: "127.0.0.1", port: ports[position * 3]),
                client: NetworkAddress(host: "127.0.0.1", port: ports[position * 3 + 1])
            )
        }
        faults = Dictionary(uniqueKeysWithValues: members.map { ($0.id, DiskFaults()) })
        httpPorts = (0..<size).map { ports[$0 * 3 + 2] }
        self.overrides = overrides
        bearerKey = try BearerKey.generate()
        let authority = try CertificateAuthority.create()
        try Data(authority.certifiedKey().certificatePEM).write(to: folder.appendingPathComponent("ca.pem"))
        for member in members {
            try authority.issueNode(member.id, cluster: id, hosts: ["127.0.0.1"])
                .write(certificate: path("node\(member.id).pem"), key: path("node\(member.id)-key.pem"))
        }
        for (name, roles) in [("admin", Roles.admin), ("reader", .read)] {
            try authority.issueClient(name, roles: roles, cluster: id)
                .write(certificate: path("\(name).pem"), key: path("\(name)-key.pem"))
        }
        let credentials = "[{name: ci, roles: read+write, sha256: \(bearerKey.sha256)}]"
        try Data(credentials.utf8).write(to: folder.appendingPathComponent("credentials.yaml"))
    }

    /// `PEMBA_KEEP=1` keeps the folder, with the nodes' logs in it.
    deinit { if getenv("PEMBA_KEEP") == nil { try? FileManager.default.removeItem(at: folder) } }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func configuration(_ node: NodeID, _ more: [String] = []) throws -> NodeConfiguration {
        let position = Int(node.rawValue) - 1
        let member = members[position]
        let known = members.prefix(initial) + (position < initial ? [] : [member])
        let values = try ConfigurationValues(
            yaml: "",
            fileName: "test",
            environment: [:],
            overrides: [
                "cluster.id=\(id)", "node.id=\(node)", "node.data=\(path("data\(node)"))",
                "members=\(known.map(\.description).joined(separator: ","))", "listen.client=\(member.client)",
                "listen.peer=\(member.peer)", "listen.http=127.0.0.1:\(httpPorts[position])",
                "tls.ca=\(path("ca.pem"))", "tls.certificate=\(path("node\(node).pem"))",
                "tls.key=\(path("node\(node)-key.pem"))", "credentials=\(path("credentials.yaml"))",
                "raft.election_timeout_ms=300", "raft.heartbeat_interval_ms=50", "log.level=info", "log.format=json",
                // A disk that stands still for a while is a busy machine's; it must not end the process of all tests.
                "storage.abort_timeout_ms=120000",
            ] + overrides + more
        )
        return try NodeConfiguration(values, relativeTo: folder.path)
    }

    /// Runs `body` with a cluster, of which those nodes run that it begins with, and a client; stops both afterwards.
    ///
    /// What `body` throws is an issue, with what the details of a node's error say.
    static func run(
        size: Int = 1,
        joining: Int = 0,
        _ overrides: [String] = [],
        schema: String? = NodeTests.schema,
        _ body: (TestCluster, PembaClient) async throws -> Void
    ) async throws {
        let cluster = try TestCluster(size: size, joining: joining, overrides: overrides)
        try cluster.startAll()
        let client = try cluster.client()
        do {
            if let schema { try await client.writeSchema(schema) }
            try await body(cluster, client)
        } catch {
            Issue.record("\(error) \((error as? ClientError)?.serviceError?.details.map(\.value) ?? [])")
        }
        await client.shutdown()
        // A node whose disk hangs would not stop.
        for faults in cluster.faults.values { faults.isHung = false }
        cluster.stopAll()
    }

    /// Starts one node; its log is a file in the folder.
    func start(_ node: NodeID, initialize: Bool = true, _ more: [String] = []) throws {
        try start(node, initialize ? .initialize : .none, more)
    }

    func start(_ node: NodeID, _ setup: FolderSetup, _ more: [String] = []) throws {
        let configuration = try configuration(node, more)
        let log = open(path("node\(node).log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let logs = NodeLogs(configuration.log, sink: LogSink(descriptor: log))
        let faults = faults[node] ?? DiskFaults()
        // A program that another test starts just while a port is opened, before it is marked as not to be inherited,
        // keeps it taken until it ends.
        let deadline = ContinuousClock.now + (more.isEmpty ? .seconds(30) : .zero)
        while true {
            do throws(StartupError) {
                nodes[node] = try RunningNode.start(configuration, setup: setup, logs: logs) { monitor in
                    FaultyFileSystem(faults: faults, monitor: monitor)
                }
                return
            } catch {
                guard error.exitCode == .portUnavailable, ContinuousClock.now < deadline else { throw error }
                usleep(20_000)
            }
        }
    }

    /// Starts the members that the cluster begins with.
    func startAll() throws { for member in members.prefix(initial) { try start(member.id) } }

    /// Stops one node in order.
    func stop(_ node: NodeID) {
        guard let running = nodes.removeValue(forKey: node) else { return }
        running.shutDown()
        running.waitUntilStopped()
    }

    func stopAll() {
        for node in nodes.values { node.shutDown() }
        for node in nodes.values { node.waitUntilStopped() }
        nodes = [:]
    }

    /// A client with a certificate, of some nodes only if asked for.
    func client(_ name: String = "admin", nodes: [NodeID]? = nil) throws -> PembaClient {
        try client(.certificate(.file(path("\(name).pem")), key: .file(path("\(name)-key.pem"))), nodes: nodes)
    }

    func client(_ credentials: ClientConfiguration.Credentials, nodes: [NodeID]? = nil) throws -> PembaClient {
        let chosen = members.filter { nodes?.contains($0.id) ?? true }
        var configuration = ClientConfiguration(
            endpoints: chosen.map(\.client),
            authority: .file(path("ca.pem")),
            credentials: credentials
        )
        configuration.connectsToLeader = nodes == nil
        return try PembaClient(configuration: configuration)
    }

    /// Where a node is reached.
    func contact(_ node: UInt64) -> MemberContact {
        let member = members[Int(node) - 1]
        return MemberContact(node: member.id, peer: member.peer, client: member.client)
    }

    /// What a node has logged.
    func log(_ node: NodeID) -> String {
        String(decoding: FileManager.default.contents(atPath: path("node\(node).log")) ?? Data(), as: UTF8.self)
    }

    /// What the HTTP port of a node answers.
    func http(_ node: NodeID, _ path: String) async throws -> (status: Int, body: String) {
        let url = "http://127.0.0.1:\(httpPorts[Int(node.rawValue) - 1])\(path)"
        let answer = try await LoopbackHTTP.get(url)
        return answer
    }

    /// Waits until `condition` holds; false if it does not within `seconds`.
    static func eventually(_ seconds: Double = 60, _ condition: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

/// A GET without a library.
enum LoopbackHTTP {
    static func get(_ url: String) async throws -> (status: Int, body: String) {
        guard let parts = URL(string: url), let host = parts.host, let port = parts.port else { return (0, "") }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let text = try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET \(parts.path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"))
            var answer = ByteBuffer()
            for try await part in inbound { answer.writeImmutableBuffer(part) }
            return String(buffer: answer)
        }
        let halves = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return (status, halves.count > 1 ? String(halves[1]) : "")
    }
}
