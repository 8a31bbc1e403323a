// Pemba: a cluster of real processes for a test.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTooling

/// Runs `body` with a cluster of real processes that has a leader, and stops it afterwards.
///
/// If the test fails the nodes' logs are in the error's text, because the folder is removed.
func withCluster(
    nodes: Int = 3,
    settings: String = "",
    _ body: (LocalCluster) async throws -> Void
) async throws {
    let folder = try TemporaryFolder()
    // A disk that stands still for a while is a busy machine's: no node ends for it.
    let settings = "storage: {abort_timeout_ms: 120000}\n" + settings
    let cluster = try LocalCluster(count: nodes, folder: folder.path, program: Programs.pembad, settings: settings)
    defer {
        cluster.shutDown()
        folder.remove()
    }
    do {
        try cluster.start()
        _ = try await cluster.waitUntilCaughtUp()
        try await body(cluster)
    } catch {
        let logs = cluster.nodes.map { "--- node \($0.id)\n\($0.log.suffix(4_000))" }.joined(separator: "\n")
        throw ToolError("\(error)\n\(logs)")
    }
}

extension LocalCluster {
    /// Runs `clusterctl` against this cluster.
    func clusterctl(_ arguments: String..., input: String = "") async throws -> Programs.Outcome {
        try await clusterctl(arguments, input: input)
    }

    /// The same, with arguments that are at hand as an array.
    func clusterctl(_ arguments: [String], input: String = "") async throws -> Programs.Outcome {
        try await Programs.run(Programs.clusterctl, arguments + ["--cluster", folder + "/cluster.yaml"], input: input)
    }
}

/// The schema of most tests.
let documentSchema = """
    definition user {}
    definition team {
        relation member: user | team#member
    }
    definition document {
        relation owner: user
        relation viewer: user | team#member
        relation banned: user
        permission view = (owner + viewer) - banned
    }
    """
