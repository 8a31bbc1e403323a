// Pemba: the cluster that is measured.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaTooling

/// The cluster that is measured: one that the benchmark started, or somebody else's.
struct TestedCluster {
    /// How it is reached.
    let context: ClusterContext
    /// Its processes, if the benchmark started them.
    let local: LocalCluster?

    /// Somebody else's cluster.
    init(contextPath: String) throws {
        context = try ClusterContext(path: contextPath)
        local = nil
    }

    /// Three new nodes below `folder`.
    init(starting program: String, folder: String) async throws {
        let local = try LocalCluster(count: 3, folder: folder, program: program)
        self.local = local
        context = try ClusterContext(path: folder + "/cluster.yaml")
        do {
            try local.start()
            _ = try await local.waitUntilCaughtUp()
        } catch {
            local.shutDown()
            throw error
        }
    }

    /// Stops the nodes that were started and removes their files.
    func shutDown() {
        guard let local else { return }
        local.shutDown()
        try? FileManager.default.removeItem(atPath: local.folder)
    }

    /// A client for the whole cluster, or for the node at the place `node` (from 1) with so many connections.
    func withClient<Result: Sendable>(
        node: UInt64? = nil,
        connections: Int = 1,
        timeout: Duration = .seconds(30),
        _ body: (PembaClient) async throws -> Result
    ) async throws -> Result {
        var configuration = try ClusterTarget(context: context, timeout: timeout).configuration(node: node)
        configuration.connectionsPerEndpoint = connections
        configuration.name = "bench"
        let client = try PembaClient(configuration: configuration)
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// The place of the endpoint that leads, from 1.
    func leader() async throws -> UInt64 {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let statuses = try await withClient(timeout: .seconds(5)) { await $0.statusOfEndpoints() }
            let leaders = statuses.enumerated().compactMap { place, status -> (place: Int, term: Term)? in
                guard case .success(let status) = status, status.role == .leader else { return nil }
                return (place + 1, status.term)
            }
            if let newest = leaders.max(by: { $0.term < $1.term }) { return UInt64(newest.place) }
            guard ContinuousClock.now < deadline else { throw ToolError("no endpoint of the cluster leads") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The process that answers at the place `node`, if it runs on this machine.
    func process(node: UInt64) -> Int32? {
        guard let address = try? NetworkAddress(parsing: context.endpoints[Int(node) - 1]),
            ["127.0.0.1", "::1", "localhost"].contains(address.host)
        else { return nil }
        return ListeningProcess.find(port: Int(address.port))
    }

    /// The processes of all nodes; empty if not all run on this machine.
    var processes: [Int32] {
        let found = context.endpoints.indices.compactMap { process(node: UInt64($0 + 1)) }
        return found.count == context.endpoints.count ? found : []
    }

    /// The health port of the node with this number, if the benchmark started it.
    func http(node: UInt64) -> LocalHTTP? {
        local?.plan.nodes.first { $0.id == node }.map { LocalHTTP(port: $0.httpPort) }
    }
}
