// Pemba: handing leadership over.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// Hands leadership to another voter and waits until that one leads.
package struct LeadershipHandover {
    /// How long a hand-over may take; a leader gives it up after an election timeout.
    private static let patience = Duration.seconds(10)

    private let client: PembaClient

    package init(client: PembaClient) { self.client = client }

    /// Hands over to `node`, or to the best voter; the state of the new leader.
    package func run(to node: NodeID?) async throws -> NodeStatus {
        let before = try await client.membership()
        if let node, before.node == node { return before }
        _ = try await client.changeMembership(
            .transferLeadership(to: node),
            ifConfigurationIsAt: before.membership.index
        )
        let deadline = ContinuousClock.now + LeadershipHandover.patience
        while ContinuousClock.now < deadline {
            if let now = try? await client.membership(), now.role == .leader, now.node != before.node {
                guard let node, now.node != node else { return now }
                throw ToolError("node \(now.node) leads now, not node \(node): ask again")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let other = node.map { "node \($0) did not take" } ?? "no other voter took"
        throw ToolError(
            "node \(before.node) still leads: \(other) over within \(LeadershipHandover.patience); see with clusterctl "
                + "member list who is connected and current, and ask again"
        )
    }
}
