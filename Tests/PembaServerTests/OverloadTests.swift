// Pemba: tests of a node's limits on requests and connections, over loopback with TLS.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaWire
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct OverloadTests {
    private func withNode(_ overrides: [String], _ body: (TestCluster) async throws -> Void) async throws {
        let cluster = try TestCluster(size: 1, overrides: overrides)
        try cluster.startAll()
        do {
            let client = try cluster.client()
            try await client.writeSchema(NodeTests.schema)
            await client.shutdown()
            try await body(cluster)
        } catch {
            Issue.record("\(error)")
        }
        cluster.stopAll()
    }

    /// Sends eight writes in one packet: each has to wait for the disk, so that they are all there at once.
    private func burst(_ cluster: TestCluster) async throws -> (written: Int, refused: [ErrorCode]) {
        let probe = try await StreamProbe(cluster)
        let requests = try (0..<8).map { try NodeTests.touch("group:g\($0)#member@user:ann") }
        probe.send(.write, requests.map { request in { request.encode(deadlineMilliseconds: 5_000, into: &$0) } })
        let isAnswered = try await TestCluster.eventually {
            (1...8).allSatisfy { !probe.frames(UInt64($0)).isEmpty }
        }
        #expect(isAnswered)
        let frames = (1...8).flatMap { probe.frames(UInt64($0)) }
        probe.close()
        return (frames.count { $0.type == .writeAnswer }, frames.compactMap(\.error))
    }

    /// What is too much for a connection, or for the node, is refused at once and by itself; the rest is done.
    @Test(arguments: ["limits.requests_per_connection=3", "limits.requests=3"])
    func requestsBeyondTheLimitAreOverloaded(limit: String) async throws {
        try await withNode([limit]) { cluster in
            let (written, refused) = try await burst(cluster)
            #expect(written == 3)
            #expect(refused == Array(repeating: .overloaded, count: 5))
            // Nothing stays behind: as many are taken on the next time.
            #expect(try await burst(cluster).written == 3)
            let metrics = try await cluster.http(NodeID(1), "/metrics").body
            #expect(metrics.contains("\npemba_request_errors_total{code=\"overloaded\"} 10\n"), "\(metrics)")
        }
    }

    @Test func connectionsBeyondTheLimitAreClosed() async throws {
        try await withNode(["limits.connections=2"]) { cluster in
            let first = try await StreamProbe(cluster)
            let second = try await StreamProbe(cluster)
            let third = try await StreamProbe(cluster, isWelcome: false)
            #expect(try await TestCluster.eventually { third.isClosed })
            #expect(third.frames(0).isEmpty && !first.isClosed && !second.isClosed)
            first.close()
            // There is room again.
            var fourth: StreamProbe?
            let hasRoom = try await TestCluster.eventually {
                let probe = try await StreamProbe(cluster, isWelcome: false)
                fourth = probe
                return try await TestCluster.eventually(1) { !probe.frames(0).isEmpty }
            }
            #expect(hasRoom)
            second.close()
            fourth?.close()
        }
    }
}
