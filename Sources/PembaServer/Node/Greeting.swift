// Pemba: what both kinds of callers say first, and what they are told.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaTLS
import PembaWire

/// Checks of a `hello` that clients and nodes have in common, and the answer.
enum Greeting {
    /// What a node calls itself in `hello` and its answer.
    static let software = "pembad/\(PembaVersion.current)"

    /// The version to speak; throws if the caller means another cluster or speaks none of our versions.
    static func check(_ hello: Hello, _ configuration: NodeConfiguration) throws(ServiceError) -> UInt16 {
        guard let version = ProtocolVersion.agree(hello) else {
            throw ServiceError(
                .unsupported,
                "no common version of the protocol: this node speaks \(ProtocolVersion.min) to \(ProtocolVersion.max)",
                details: [
                    .init("min", "\(ProtocolVersion.min)"), .init("max", "\(ProtocolVersion.max)"),
                ]
            )
        }
        if let cluster = hello.cluster, cluster != configuration.cluster {
            throw ServiceError(
                .invalidArgument,
                "this is a node of cluster \(configuration.cluster), not of \(cluster)",
                details: [.init("cluster", configuration.cluster.description)]
            )
        }
        return version
    }

    /// The answer to an accepted `hello`.
    static func answer(_ node: Node, version: UInt16, roles: Roles) -> HelloAnswer {
        let configuration = node.configuration
        let limits = configuration.limits
        func milliseconds(_ span: TimeSpan) -> UInt32 { UInt32(clamping: span.nanoseconds / 1_000_000) }
        return HelloAnswer(
            version: version,
            cluster: configuration.cluster,
            epoch: configuration.epoch,
            node: configuration.node,
            roles: roles,
            leader: node.replica.leadership.leader,
            limits: ConnectionLimits(
                requestsInFlight: UInt32(clamping: limits.requestsPerConnection),
                defaultDeadlineMilliseconds: milliseconds(limits.requestDeadline),
                maxDeadlineMilliseconds: milliseconds(limits.requestDeadlineMax),
                idleTimeoutMilliseconds: milliseconds(limits.idleTimeout)
            ),
            software: software,
            members: node.members.compactMap { node.addresses(of: $0) }.map {
                MemberAddress(node: $0.node, clientAddress: $0.client.description)
            },
            log: node.replica.logContent
        )
    }
}

extension Node {
    /// What this node says first to node `peer`.
    func hello(to peer: NodeID) -> Hello {
        Hello(
            cluster: configuration.cluster,
            software: Greeting.software,
            caller: .peer(node: configuration.node, to: peer, epoch: configuration.epoch, log: replica.logContent)
        )
    }
}

extension Hello {
    /// Reads a `hello`, or says what is wrong with it.
    static func read(_ payload: UnsafeRawBufferPointer) throws(ServiceError) -> Hello {
        do throws(ByteError) {
            return try Hello(decoding: payload)
        } catch {
            throw ServiceError(.malformedRequest, "the hello cannot be read: \(error)")
        }
    }
}
