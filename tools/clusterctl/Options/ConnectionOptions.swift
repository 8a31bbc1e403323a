// Pemba: options that say how to reach a cluster.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTooling

/// How to reach a cluster, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The context file of the cluster.", valueName: "file"))
    var cluster: String?

    @Option(help: ArgumentHelp("A node's client address; repeat it for several nodes.", valueName: "host:port"))
    var endpoint: [String] = []

    @Option(help: ArgumentHelp("The certificate authority's certificate.", valueName: "file"))
    var ca: String?

    @Option(help: ArgumentHelp("The client certificate.", valueName: "file"))
    var cert: String?

    @Option(
        help: ArgumentHelp(
            "The client certificate's private key; nobody else may read it (mode 0600).",
            valueName: "file"
        )
    )
    var key: String?

    @Option(help: ArgumentHelp("A file with a bearer key, instead of --cert and --key.", valueName: "file"))
    var bearerKey: String?

    @Option(
        help: ArgumentHelp(
            "How long one request may take, in seconds, at most 3600; a node gives up its part of the work after "
                + "limits.request_deadline_max_ms.",
            valueName: "seconds"
        )
    )
    var timeout: Double = 10

    func validate() throws {
        guard timeout > 0, timeout <= 3_600 else {
            throw ValidationError("--timeout is more than 0 seconds and at most 3600, not \(timeout)")
        }
        if !endpoint.isEmpty, cluster != nil {
            throw ValidationError("--cluster and --endpoint exclude each other")
        }
        if endpoint.isEmpty, ca != nil || cert != nil || key != nil || bearerKey != nil {
            throw ValidationError("--ca, --cert, --key and --bearer-key go with --endpoint")
        }
        if !endpoint.isEmpty {
            guard ca != nil else { throw ValidationError("--endpoint needs --ca") }
            guard (cert != nil && key != nil && bearerKey == nil) || (cert == nil && key == nil && bearerKey != nil)
            else {
                throw ValidationError("--endpoint needs either --cert and --key, or --bearer-key")
            }
        }
    }

    /// What the options and the context file say together.
    func target() throws -> ClusterTarget {
        if let ca, !endpoint.isEmpty {
            let credential: ClusterContext.Credential
            if let cert, let key {
                credential = .certificate(certificate: cert, key: key)
            } else {
                credential = .bearerKey(file: bearerKey ?? "")
            }
            return ClusterTarget(endpoints: endpoint, ca: ca, credential: credential, timeout: .seconds(timeout))
        }
        let path = cluster ?? ClusterContext.defaultPath(environment: ProcessInfo.processInfo.environment)
        let context = try ClusterContext(path: path)
        return ClusterTarget(context: context, timeout: .seconds(timeout))
    }

    /// Runs `body` with a client for the whole cluster, or for one node of it, and closes the client afterwards.
    func withClient<Result: Sendable>(
        node: UInt64? = nil,
        _ body: (PembaClient) async throws -> Result
    ) async throws -> Result {
        try await target().withClient(node: node, body)
    }
}

/// Which node answers.
struct NodeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Ask only the node with this place among the endpoints, from 1.", valueName: "number"))
    var node: UInt64?
}

/// How fresh an answer must be.
struct ConsistencyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("At least as fresh as this token.", valueName: "token"))
    var zookie: String?

    @Flag(help: "After every write that was acknowledged before the question.")
    var fullyConsistent = false

    @Option(
        help: ArgumentHelp(
            "Exactly then, as far back as nodes keep history: a revision's number, a zookie, or a time by RFC 3339.",
            valueName: "revision|zookie|time"
        )
    )
    var at: String?

    func validate() throws {
        guard [zookie != nil, fullyConsistent, at != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--zookie, --fully-consistent and --at exclude each other")
        }
    }

    /// The consistency that the options ask for.
    func consistency() throws -> Consistency {
        if fullyConsistent { return .fullyConsistent }
        if let at { return try ToolText.moment(at) }
        return try zookie.map { .atLeastAsFresh(try ToolText.zookie($0)) } ?? .minimizeLatency
    }
}

/// For people or for programs.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    /// Prints `value` as JSON with sorted keys, or `text`.
    func print(_ value: some Encodable, text: @autoclosure () -> String) throws {
        LineOutput.write(json ? try JSONText.encode(value) : text())
    }
}
