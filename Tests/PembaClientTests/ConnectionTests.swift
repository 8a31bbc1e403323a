// Pemba: tests of connecting, refusals and the end.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaClient
import PembaWire
import Testing

private let item = CheckItem(
    resource: ObjectReference(type: "document", id: "plan"),
    permission: "view",
    subject: SubjectReference(type: "user", id: "alice")
)

@Suite("Connections", .timeLimit(.minutes(4))) struct ConnectionTests {
    let cluster = TestCluster.shared

    @Test("an unknown bearer key is refused at once, with the node's error") func unauthenticated() async throws {
        let node = try await ScriptedNode(helloError: ServiceError(.unauthenticated, "unknown key")) { _ in .silence }
        var configuration = cluster.configuration([node])
        configuration.credentials = .bearerKey("wrong")
        try await withClient(configuration) { client in
            let error = await #expect(throws: ClientError.self) { try await client.check(item, timeout: .seconds(30)) }
            #expect(error?.serviceError?.code == .unauthenticated)
        }
        #expect(node.hellos.first?.caller == .client(name: "pemba-client", bearerKey: "wrong"))
    }

    @Test("a node of another cluster is not spoken to") func wrongCluster() async throws {
        let node = try await ScriptedNode { _ in .check(.hasPermission) }
        var configuration = cluster.configuration([node])
        configuration.cluster = ClusterID(high: 1, low: 1)
        try await withClient(configuration) { client in
            let error = await #expect(throws: ClientError.self) { try await client.check(item, timeout: .seconds(30)) }
            #expect(error?.description.contains("00000000000000010000000000000001") == true)
        }
        #expect(node.hellos.isEmpty)
    }

    @Test("a node of another authority is not spoken to") func wrongAuthority() async throws {
        let node = try await ScriptedNode { _ in .check(.hasPermission) }
        let other = try TestCluster(id: cluster.id)
        try await withClient(other.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) { try await client.check(item, timeout: .seconds(30)) }
            guard case .transport? = error?.reason else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(node.hellos.isEmpty)
    }

    @Test("nobody listening: the error says so when the deadline has passed") func nobody() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await node.stop()
        try await withClient(cluster.configuration([node])) { client in
            let error = await #expect(throws: ClientError.self) {
                try await client.check(item, timeout: .milliseconds(300))
            }
            #expect(error?.description.contains(node.address.description) == true)
            #expect(error?.outcomeIsKnown == true)
        }
    }

    @Test("a node that comes back is connected to again") func reconnect() async throws {
        let first = try await ScriptedNode { _ in .hangUp }
        try await first.stop()
        try await withClient(cluster.configuration([first])) { client in
            async let answer = client.check(item, timeout: .seconds(20))
            try await Task.sleep(for: .milliseconds(50))
            let second = try await ScriptedNode(address: first.address) { _ in .check(.hasPermission) }
            let result = try await answer.permissionship
            #expect(result == .hasPermission)
            #expect(second.received.count == 1)
        }
    }

    @Test("after goAway what is in flight is answered and new requests go elsewhere") func goAway() async throws {
        guard case .answer(let type, let payload) = Reply.check(.hasPermission) else { return }
        let leaving = try await ScriptedNode(1) { _ in .goAway(type, payload) }
        let staying = try await ScriptedNode(2) { _ in .check(.hasPermission) }
        try await withClient(cluster.configuration([leaving, staying])) { client in
            while leaving.received.isEmpty { _ = try await client.check(item) }
            for _ in 0..<20 { _ = try await client.check(item) }
        }
        // It may be connected to again; but no connection takes another request once it has been told.
        #expect(leaving.received.count <= leaving.hellos.count)
    }

    @Test("no more requests are taken than configured") func tooMany() async throws {
        let node = try await ScriptedNode { _ in .silence }
        var configuration = cluster.configuration([node])
        configuration.requestsInFlight = 10
        try await withClient(configuration) { client in
            let waiting = (0..<10).map { _ in Task { try await client.check(item, timeout: .seconds(30)) } }
            try await eventually("ten requests") { node.received.count == 10 }
            let error = await #expect(throws: ClientError.self) { try await client.check(item) }
            #expect(error?.reason == .tooManyRequests)
            await client.shutdown()
            for task in waiting {
                let error = await #expect(throws: ClientError.self) { try await task.value }
                #expect(error?.reason == .shutDown)
            }
        }
    }

    @Test("a node's own limit holds requests back until there is room") func nodeLimit() async throws {
        var limits = ConnectionLimits()
        limits.requestsInFlight = 5
        guard case .answer(let type, let payload) = Reply.check(.hasPermission) else { return }
        let node = try await ScriptedNode(limits: limits) { _ in .hold(type, payload) }
        try await withClient(cluster.configuration([node])) { client in
            let tasks = (0..<12).map { _ in Task { try await client.check(item) } }
            for count in [5, 5, 2] {
                try await eventually("\(count) requests") { node.heldCount == count }
                node.release()
            }
            for task in tasks {
                let result = try await task.value.permissionship
                #expect(result == .hasPermission)
            }
        }
    }

    @Test("shutting down ends everything, once and for all, and may be repeated") func shutdown() async throws {
        let node = try await ScriptedNode { _ in .silence }
        let client = try PembaClient(configuration: cluster.configuration([node]))
        let tasks = (0..<50).map { _ in Task { try await client.check(item, timeout: .seconds(60)) } }
        try await eventually("a request") { !node.received.isEmpty }
        // More come while the client goes down: none is left without an end.
        let late = (0..<50).map { _ in Task.detached { try await client.check(item, timeout: .seconds(60)) } }
        await client.shutdown()
        await client.shutdown()
        for task in tasks + late {
            let error = await #expect(throws: ClientError.self) { try await task.value }
            #expect(error?.reason == .shutDown)
        }
        let error = await #expect(throws: ClientError.self) { try await client.check(item) }
        #expect(error?.reason == .shutDown)
    }

    @Test("a client that is forgotten closes its connections") func forgotten() async throws {
        let node = try await ScriptedNode { _ in .check(.hasPermission) }
        weak var forgotten: PembaClient?
        do {
            let client = try PembaClient(configuration: cluster.configuration([node]))
            _ = try await client.check(item)
            forgotten = client
        }
        try await eventually("the end of the client") { forgotten == nil }
    }

    @Test("configurations that cannot work are refused") func configurations() throws {
        var configuration = cluster.configuration(addresses: [])
        #expect(throws: ClientError.self) { try PembaClient(configuration: configuration) }
        configuration.endpoints = [NetworkAddress(host: "127.0.0.1", port: 1)]
        configuration.authority = .file("/nonexistent/ca.pem")
        let error = #expect(throws: ClientError.self) { try PembaClient(configuration: configuration) }
        #expect(error?.description.contains("/nonexistent/ca.pem") == true)
        configuration = cluster.configuration(addresses: configuration.endpoints)
        configuration.name = String(repeating: "x", count: 200)
        #expect(throws: ClientError.self) { try PembaClient(configuration: configuration) }
    }
}
