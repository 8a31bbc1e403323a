// Pemba: etcd as a peer.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Histogram
import PembaTooling

/// Three etcd servers with TLS everywhere, that sync every write, and the load that etcdctl can make.
final class Etcd {
    /// How to get it on Debian.
    static let installation = "apt-get install etcd-server etcd-client curl"

    private var servers: [PeerProcess] = []
    private let certificates: PeerCertificates
    private let client: String
    private let curl: String
    private let folder: String
    private let ports: [Int]

    /// Starts them below `folder`; nil if something is not installed.
    static func start(in folder: String) async throws -> Etcd? {
        guard let server = PeerProgram.find("etcd"), let client = PeerProgram.find("etcdctl"),
            let curl = PeerProgram.find("curl")
        else { return nil }
        let etcd = try Etcd(client: client, curl: curl, folder)
        do {
            for node in 0..<3 { etcd.servers.append(try etcd.start(server, node)) }
            for server in etcd.servers { try await server.waitUntilListening(etcd.ports) }
            try await etcd.waitUntilHealthy()
        } catch {
            etcd.stop()
            throw error
        }
        return etcd
    }

    private init(client: String, curl: String, _ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.client = client
        self.curl = curl
        self.folder = folder
        certificates = try PeerCertificates(in: folder)
        ports = try FreePorts.find(6)
    }

    private func clientURL(_ node: Int) -> String { "https://127.0.0.1:\(ports[node])" }
    private func peerURL(_ node: Int) -> String { "https://127.0.0.1:\(ports[3 + node])" }

    private func start(_ program: String, _ node: Int) throws -> PeerProcess {
        try PeerProcess(
            program,
            [
                "--name", "n\(node)", "--data-dir", "\(folder)/n\(node)",
                "--listen-client-urls", clientURL(node), "--advertise-client-urls", clientURL(node),
                "--listen-peer-urls", peerURL(node), "--initial-advertise-peer-urls", peerURL(node),
                "--initial-cluster", (0..<3).map { "n\($0)=\(peerURL($0))" }.joined(separator: ","),
                "--initial-cluster-state", "new", "--logger", "zap",
                "--cert-file", certificates.certificate, "--key-file", certificates.key,
                "--trusted-ca-file", certificates.authority, "--client-cert-auth",
                "--peer-cert-file", certificates.certificate, "--peer-key-file", certificates.key,
                "--peer-trusted-ca-file", certificates.authority, "--peer-client-cert-auth",
            ],
            log: "\(folder)/log-\(node)"
        )
    }

    /// Stops them.
    func stop() { for server in servers { server.stop() } }

    private func waitUntilHealthy() async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let output = try await control(["endpoint", "health"])
            if output.split(whereSeparator: \.isNewline).count(where: { $0.contains("is healthy") }) == 3 { return }
            guard ContinuousClock.now < deadline else {
                throw ToolError("etcd does not come together:\n\(output.suffix(2_000))")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func control(_ arguments: [String]) async throws -> String {
        let endpoints = (0..<3).map(clientURL).joined(separator: ",")
        return try await PeerProgram.run(
            "/usr/bin/env",
            [
                "ETCDCTL_API=3", client, "--endpoints", endpoints, "--cacert", certificates.authority, "--cert",
                certificates.certificate, "--key", certificates.key,
            ] + arguments
        )
    }

    /// As many writes as `etcdctl check perf` gets through in its minute: of 1,000 clients, 15,000 a second at most.
    func writes(_ name: String) async throws -> Figures.Row {
        let output = try await control(["check", "perf", "--load", "xl", "--auto-compact"])
        let words = output.split { $0.isWhitespace }
        guard let unit = words.lastIndex(of: "writes/s"), unit > 0, let rate = Double(words[unit - 1]) else {
            throw ToolError("etcdctl check perf printed something else:\n\(output.suffix(2_000))")
        }
        return Figures.Row(name: name, perSecond: rate)
    }

    /// Writes one after the other on one connection, through the leader's HTTP gateway: etcdctl keeps no connection.
    func writesOneAtATime(_ name: String, count: Int) async throws -> Figures.Row {
        let leader = try await leader()
        var lines: [String] = []
        for number in 0..<count {
            let key = Data("bench/\(number)".utf8).base64EncodedString()
            if number > 0 { lines.append("next") }
            lines += [
                "url = \"\(clientURL(leader))/v3/kv/put\"", "cacert = \"\(certificates.authority)\"",
                "cert = \"\(certificates.certificate)\"",
                "key = \"\(certificates.key)\"", "silent",
                "data = \"{\\\"key\\\":\\\"\(key)\\\",\\\"value\\\":\\\"\(key)\\\"}\"", "output = \"/dev/null\"",
                "write-out = \"%{http_code} %{time_total}\\n\"",
            ]
        }
        let path = folder + "/puts"
        try TextFile.write(lines.joined(separator: "\n") + "\n", to: path)
        let output = try await PeerProgram.run(curl, ["--config", path])
        var latencies = Latencies.latencies()
        // The first makes the connection.
        for line in output.split(whereSeparator: \.isNewline).dropFirst() {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "200", let seconds = Double(words[1]) else {
                throw ToolError("etcd's gateway answered something else: \(line)")
            }
            latencies.record(UInt64(seconds * 1e9))
        }
        return Figures.Row(
            name: name,
            perSecond: 1e9 / latencies.mean,
            p50: latencies.microseconds(50),
            p99: latencies.microseconds(99)
        )
    }

    private func leader() async throws -> Int {
        let output = try await control(["endpoint", "status", "--write-out", "simple"])
        for line in output.split(whereSeparator: \.isNewline) {
            // endpoint, id, version, size, whether it leads, …
            let columns = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            if columns.count > 4, columns[4] == "true", let node = (0..<3).first(where: { clientURL($0) == columns[0] })
            {
                return node
            }
        }
        throw ToolError("no etcd server leads:\n\(output.suffix(2_000))")
    }
}
