// Pemba: the context file, which says how to reach a cluster and as whom.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import PembaCore
import Yams

/// How to reach a cluster and as whom: what `clusterctl init` writes and every other command reads.
///
/// YAML with the keys `version` (1), `cluster`, `endpoints`, `ca`, and either `certificate` and `key` or `bearer_key`
/// (a file). Relative paths start at the file's folder.
package struct ClusterContext: Equatable {
    /// The cluster's id.
    package var cluster: ClusterID
    /// Client addresses of its nodes: `host:port` or `[address]:port`.
    package var endpoints: [String]
    /// The file with the certificate authority's certificate.
    package var ca: String
    /// Who the caller is.
    package var credential: Credential

    /// Who the caller is.
    package enum Credential: Equatable, Sendable {
        /// A client certificate and its private key: files.
        case certificate(certificate: String, key: String)
        /// A file that holds a bearer key.
        case bearerKey(file: String)
    }

    package init(cluster: ClusterID, endpoints: [String], ca: String, credential: Credential) {
        self.cluster = cluster
        self.endpoints = endpoints
        self.ca = ca
        self.credential = credential
    }

    /// Where commands look without `--cluster`: `PEMBA_CLUSTER`, then `~/.config/pemba/cluster.yaml`.
    package static func defaultPath(environment: [String: String]) -> String {
        if let named = environment["PEMBA_CLUSTER"], !named.isEmpty { return named }
        return (environment["HOME"] ?? ".") + "/.config/pemba/cluster.yaml"
    }

    /// Reads the context file at `path`.
    package init(path: String) throws(ToolError) {
        guard FileManager.default.fileExists(atPath: path) else {
            throw ToolError(
                "there is no context file at \(path); create a cluster with `clusterctl init`, or name a context with"
                    + " --cluster or a node with --endpoint, --ca, --cert and --key"
            )
        }
        let text = try TextFile.read(path)
        let document: Any?
        do {
            document = try Yams.load(yaml: text)
        } catch {
            throw ToolError("\(path) is not YAML: \(error)")
        }
        guard let keys = document as? [String: Any] else { throw ToolError("\(path) is not a context file") }
        try self.init(keys: keys, path: path)
    }

    private static let knownKeys = ["version", "cluster", "endpoints", "ca", "certificate", "key", "bearer_key"]

    private init(keys: [String: Any], path: String) throws(ToolError) {
        for key in keys.keys.sorted() where !ClusterContext.knownKeys.contains(key) {
            throw ToolError(
                "\(path): unknown key `\(key)`; the keys are \(ClusterContext.knownKeys.joined(separator: ", "))"
            )
        }
        guard keys["version"] as? Int == 1 else {
            throw ToolError("\(path): `version` is not 1, the one this tool knows")
        }
        guard let cluster = (keys["cluster"] as? String).flatMap({ ClusterID($0) }) else {
            throw ToolError("\(path): `cluster` is not a cluster id (32 hexadecimal digits in quotes)")
        }
        guard let endpoints = keys["endpoints"] as? [String], !endpoints.isEmpty else {
            throw ToolError("\(path): `endpoints` is not a list of at least one `host:port`")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        func file(_ key: String) -> String? {
            (keys[key] as? String).map { URL(fileURLWithPath: $0, relativeTo: folder).path }
        }
        guard let ca = file("ca") else { throw ToolError("\(path): `ca` does not name a file") }
        let credential: Credential
        switch (file("certificate"), file("key"), file("bearer_key")) {
        case (let certificate?, let key?, nil): credential = .certificate(certificate: certificate, key: key)
        case (nil, nil, let bearer?): credential = .bearerKey(file: bearer)
        default: throw ToolError("\(path): give either `certificate` and `key`, or `bearer_key`")
        }
        self.init(cluster: cluster, endpoints: endpoints, ca: ca, credential: credential)
    }

    /// The file's text.
    package var text: String {
        var lines = [
            "# How to reach a Pemba cluster and as whom; written by `clusterctl init`.",
            "version: 1",
            "cluster: \"\(cluster)\"",
            "endpoints:",
        ]
        lines += endpoints.map { "  - \"\($0)\"" }
        lines.append("ca: \"\(ca)\"")
        switch credential {
        case .certificate(let certificate, let key): lines += ["certificate: \"\(certificate)\"", "key: \"\(key)\""]
        case .bearerKey(let file): lines.append("bearer_key: \"\(file)\"")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
