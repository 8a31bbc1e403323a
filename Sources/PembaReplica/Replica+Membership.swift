// Pemba: what a replica knows of its cluster's members.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
import PembaService

extension Replica {
    /// How much of a log this node has.
    package var logContent: LogContent { raft.logContent }

    /// The entry of the configuration in force.
    package var membershipIndex: LogIndex { raft.currentConfigurationIndex }

    /// Whether `peer` may come with so little of a log.
    ///
    /// What it says must otherwise not be taken up: it does not know what it has promised.
    package func isEnough(_ content: LogContent, for peer: NodeID) -> Bool { raft.isEnough(content, for: peer) }

    /// Whether `peer`, which said in its greeting that it has so little, has too little for what this node knows by now.
    ///
    /// It has had more since if it leads, or has acknowledged more to this leader.
    package func hasTooLittle(_ peer: NodeID, _ content: LogContent) -> Bool {
        !isEnough(content, for: peer) && leadership.leader != peer && !raft.hasAcknowledgedMore(peer)
    }

    /// Whether `peer` votes and has taken part.
    package func mustHaveData(_ peer: NodeID) -> Bool { raft.mustHaveData(peer) }

    /// Tells the shell what has become of the members, and of this node among them.
    mutating func noteMembership(into effects: inout [ReplicaEffect]) {
        if !raft.configurations.isInForce(configuration) {
            configuration = raft.currentConfiguration
            effects.append(.configuration(configuration))
        }
        guard removedAt == nil, let index = raft.removedAt else { return }
        removedAt = index
        effects.append(.removed(at: index))
        replyFailed(commands.failAll(.removed(id, at: index)), into: &effects)
    }
}

extension ServiceError {
    /// The node is no member any more.
    static func removed(_ node: NodeID, at index: LogIndex) -> ServiceError {
        ServiceError(
            .unavailable,
            "node \(node) was removed from the cluster by entry \(index) and serves nothing any more; ask another node",
            details: [.init("removed", index.description)]
        )
    }
}
