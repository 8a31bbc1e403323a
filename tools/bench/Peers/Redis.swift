// Pemba: redis as a peer.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTooling

/// A redis-server with TLS and without persistence, and redis-benchmark.
final class Redis {
    /// How to get it on Debian.
    static let installation = "apt-get install redis-server redis-tools"

    private let server: PeerProcess
    private let benchmark: String
    private let certificates: PeerCertificates
    private let port: Int

    /// Starts it below `folder`; nil if it is not installed.
    static func start(in folder: String) async throws -> Redis? {
        guard let program = PeerProgram.find("redis-server"), let benchmark = PeerProgram.find("redis-benchmark") else {
            return nil
        }
        let redis = try Redis(program, benchmark, folder)
        do {
            try await redis.server.waitUntilListening([redis.port])
        } catch {
            redis.stop()
            throw error
        }
        return redis
    }

    private init(_ program: String, _ benchmark: String, _ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.benchmark = benchmark
        certificates = try PeerCertificates(in: folder)
        port = try FreePorts.find(1)[0]
        server = try PeerProcess(
            program,
            [
                "--bind", "127.0.0.1", "--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no",
                "--tls-cert-file", certificates.certificate, "--tls-key-file", certificates.key,
                "--tls-ca-cert-file", certificates.authority, "--save", "", "--appendonly", "no", "--dir", folder,
            ],
            log: folder + "/log"
        )
    }

    /// Stops it.
    func stop() { server.stop() }

    /// `requests` GETs over so many connections, so many in flight on each.
    func get(_ name: String, connections: Int, pipeline: Int, requests: Int) async throws -> Figures.Row {
        let before = ProcessUsage.of(process: server.processID)?.processorSeconds
        let output = try await PeerProgram.run(
            benchmark,
            [
                "--tls", "--cacert", certificates.authority, "-h", "127.0.0.1", "-p", String(port), "-t", "get",
                "-c", String(connections), "-P", String(pipeline), "-n", String(requests), "--csv", "--precision", "3",
            ]
        )
        let after = ProcessUsage.of(process: server.processID)?.processorSeconds
        // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
        let line = output.split(whereSeparator: \.isNewline).last { $0.hasPrefix("\"GET\"") } ?? ""
        let columns = line.split(separator: ",").map { Double($0.trimmingCharacters(in: ["\""])) }
        guard columns.count >= 8, let rate = columns[1], let p50 = columns[4], let p99 = columns[6] else {
            throw ToolError("redis-benchmark printed something else:\n\(output.suffix(2_000))")
        }
        var row = Figures.Row(name: name, perSecond: rate, p50: p50 * 1_000, p99: p99 * 1_000)
        if let before, let after { row.serverMicroseconds = (after - before) / Double(requests) * 1e6 }
        return row
    }
}
