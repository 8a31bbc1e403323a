// Pemba: connecting to a cluster.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// Which cluster, as whom, and how long a request may take.
package struct ClusterTarget: Sendable {
    private let endpoints: [String]
    /// The certificate authority's certificate.
    package let ca: String
    private let credential: ClusterContext.Credential
    private let timeout: Duration
    /// The cluster that is meant; nil: whichever answers.
    private let cluster: ClusterID?

    package init(
        endpoints: [String],
        ca: String,
        credential: ClusterContext.Credential,
        cluster: ClusterID? = nil,
        timeout: Duration
    ) {
        self.cluster = cluster
        self.endpoints = endpoints
        self.ca = ca
        self.credential = credential
        self.timeout = timeout
    }

    package init(context: ClusterContext, timeout: Duration) {
        self.init(
            endpoints: context.endpoints,
            ca: context.ca,
            credential: context.credential,
            cluster: context.cluster,
            timeout: timeout
        )
    }

    /// The client's configuration for the whole cluster, or for the node with the place `node` (from 1) alone.
    package func configuration(node: UInt64? = nil) throws(ToolError) -> ClientConfiguration {
        var addresses: [NetworkAddress] = []
        for endpoint in endpoints {
            do {
                addresses.append(try NetworkAddress(parsing: endpoint))
            } catch {
                throw ToolError(error.description)
            }
        }
        if let node {
            guard (1...UInt64(addresses.count)).contains(node) else {
                throw ToolError("there is no endpoint \(node); there are \(addresses.count)")
            }
            addresses = [addresses[Int(node) - 1]]
        }
        let credentials: ClientConfiguration.Credentials =
            switch credential {
            case .certificate(let certificate, let key): .certificate(.file(certificate), key: .file(key))
            case .bearerKey(let file): .bearerKeyFile(file)
            }
        var configuration = ClientConfiguration(endpoints: addresses, authority: .file(ca), credentials: credentials)
        configuration.timeout = timeout
        configuration.cluster = cluster
        // Whoever names one node wants to hear that node.
        configuration.connectsToLeader = node == nil
        return configuration
    }

    /// Runs `body` with a client and shuts the client down afterwards.
    package func withClient<Result: Sendable>(
        node: UInt64? = nil,
        _ body: (PembaClient) async throws -> Result
    ) async throws -> Result {
        let client = try PembaClient(configuration: configuration(node: node))
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// Runs `body` with a client for the whole cluster and one for each node, in the endpoints' order, and shuts them down
    /// afterwards.
    package func withClients<Result: Sendable>(
        _ body: (_ cluster: PembaClient, _ nodes: [PembaClient]) async throws -> Result
    ) async throws -> Result {
        try await withClients(from: 1, []) { nodes in try await withClient { try await body($0, nodes) } }
    }

    private func withClients<Result: Sendable>(
        from node: UInt64,
        _ clients: [PembaClient],
        _ body: ([PembaClient]) async throws -> Result
    ) async throws -> Result {
        guard node <= endpoints.count else { return try await body(clients) }
        return try await withClient(node: node) { try await withClients(from: node + 1, clients + [$0], body) }
    }

    /// How long a node has to answer that is only looked for.
    private static let lookPatience = Duration.seconds(2)

    /// Looks who answers where clients are to reach a node.
    ///
    /// Nobody is a warning, because the caller may stand elsewhere in the network than clients do; another node is a mistake.
    package func look(for contact: MemberContact, note: (String) -> Void) async throws {
        let there = ClusterTarget(
            endpoints: [contact.client.description],
            ca: ca,
            credential: credential,
            cluster: cluster,
            timeout: min(timeout, ClusterTarget.lookPatience)
        )
        let status: NodeStatus
        do {
            status = try await there.withClient(node: 1) { try await $0.status() }
        } catch let error as ClientError where !Interruption.isCause(of: error) {
            return note("warning: node \(contact.node) does not answer clients at \(contact.client): \(error)")
        }
        guard status.node == contact.node else {
            throw ToolError(
                "clients reach node \(status.node) at \(contact.client), not node \(contact.node); nothing was changed: say "
                    + "with --client where node \(contact.node) listens (listen.client of its configuration)"
            )
        }
    }

    /// How long nodes have to be in the first report, before `report` waits for the others.
    private static let promptAnswer = Duration.milliseconds(500)

    /// What every node says of itself within `patience`, or within the timeout.
    ///
    /// If some take their time, `early` is called with what the others say.
    package func report(
        patience: Duration? = nil,
        early: (ClusterReport) -> Void = { _ in }
    ) async throws -> ClusterReport {
        let patience = patience.map { min($0, timeout) } ?? timeout
        let known = try await withClient { client in
            let prompt = await answers(client, within: min(patience, ClusterTarget.promptAnswer))
            let report = ClusterReport(prompt)
            guard !report.isComplete else { return prompt }
            early(report)
            return await answers(client, within: patience)
        }
        let others = ClusterTarget.unasked(known)
        guard !others.isEmpty else { return ClusterReport(known) }
        // Members that the caller has not heard of yet.
        let rest = ClusterTarget(endpoints: others, ca: ca, credential: credential, cluster: cluster, timeout: timeout)
        let more = try await rest.withClient { await rest.answers($0, within: patience) }
        return ClusterReport(known + more)
    }

    /// What the node at one endpoint says, or why it says nothing.
    private typealias NodeAnswer = (endpoint: String, status: Result<NodeStatus, ToolError>)

    private func answers(_ client: PembaClient, within patience: Duration) async -> [NodeAnswer] {
        let answers = await client.statusOfEndpoints(timeout: patience)
        return zip(endpoints, answers).map { ($0, $1.mapError { ToolError($0.description) }) }
    }

    /// Where members are reached, as those say who answer, who are at none of these endpoints.
    private static func unasked(_ answers: [NodeAnswer]) -> [String] {
        let statuses = answers.compactMap { try? $0.status.get() }
        let answered = statuses.map(\.node)
        return ClusterReport.members(in: statuses).filter { !answered.contains($0.node) }.map(\.clientAddress)
            .filter { address in !address.isEmpty && !answers.contains { $0.endpoint == address } }
    }
}
