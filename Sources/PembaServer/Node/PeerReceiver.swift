// Pemba: the connection on which another node talks to this one.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaTLS
import PembaTransport
import PembaWire

/// A connection that another node opened: it talks, this node listens, and answers on it only while it has no connection
/// of its own to that node.
///
/// Confined to the node's loop.
///
/// TLS has verified that the certificate is that of a node of this cluster; the greeting must name the same node, this
/// one as the one it means, and the same epoch.
final class PeerReceiver: ConnectionDelegate {
    private let node: Node
    let connection: Connection
    /// Who is there; nil before the greeting.
    private(set) var peer: NodeID?
    /// What it said of its log in the greeting.
    private(set) var log = LogContent.more

    init(node: Node, connection: Connection) {
        self.node = node
        self.connection = connection
    }

    func connectionDidOpen(_ connection: Connection) {
        let amount = TimeAmount.nanoseconds(Int64(clamping: node.configuration.limits.handshakeTimeout.nanoseconds))
        node.loop.assumeIsolated().scheduleTask(in: amount) {
            if self.peer == nil { self.connection.close(.ended(reason: "no hello arrived in time")) }
        }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        guard let peer else { return greet(header, payload) }
        do throws(ByteError) {
            switch header.type {
            case .peer: node.step(.peer(from: peer, try PeerMessage(decoding: payload)))
            case .ping:
                let ping = try Ping(decoding: payload)
                FrameWriter.frame(type: .pong, correlation: header.correlation, into: &connection.output) {
                    ping.encode(into: &$0)
                }
            default: throw .invalidValue(field: "frame type between nodes", value: UInt64(header.typeNumber))
            }
        } catch {
            node.logger.error(
                "a node sent what cannot be read",
                metadata: ["peer.id": "\(peer)", "peer.address": "\(connection.remoteAddress)", "error": "\(error)"]
            )
            connection.close(.ended(reason: "a frame that cannot be read: \(error)"))
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        guard let peer, node.receivers[peer] === self else { return }
        node.receivers[peer] = nil
    }

    /// Sends a message, or drops it.
    func send(_ message: PeerMessage) {
        guard peer != nil, PeerLink.hasRoom(connection) else {
            node.metrics.peerMessagesDropped += 1
            return
        }
        PeerLink.send(message, on: connection)
    }

    /// Closes the connection, so that the other node says again how much of a log it has.
    func greetAgain() {
        guard let peer else { return }
        connection.close(.ended(reason: "node \(peer) is to say again how much it has"))
    }

    private func greet(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        let without = node.withoutData
        do throws(ServiceError) {
            guard header.type == .hello else {
                throw ServiceError(.malformedRequest, "the first frame of a connection is hello")
            }
            let hello = try Hello.read(payload)
            let version = try Greeting.check(hello, node.configuration)
            let peer = try verify(hello)
            // A node that connects again has lost its old connection, whether this side has noticed or not.
            node.receivers[peer]?.connection.close(.ended(reason: "node \(peer) has connected again"))
            node.receivers[peer] = self
            self.peer = peer
            let answer = Greeting.answer(node, version: version, roles: [])
            FrameWriter.frame(type: .helloAnswer, correlation: 0, into: &connection.output) { answer.encode(into: &$0) }
            node.step(.called(by: peer))
        } catch {
            // A node without its data calls again and again, and is worth one line.
            let isKnown = error.detail("lost_data").flatMap { UInt64($0) }.map { without.contains(NodeID($0)) } ?? false
            if !isKnown {
                node.audit.refused(
                    caller: connection.identity.description,
                    address: connection.remoteAddress,
                    reason: error.message
                )
            }
            FrameWriter.frame(type: .error, correlation: 0, into: &connection.output) { error.encode(into: &$0) }
            connection.close(.ended(reason: error.message))
        }
    }

    private func verify(_ hello: Hello) throws(ServiceError) -> NodeID {
        let configuration = node.configuration
        guard case .peer(let peer, let to, let epoch, let log) = hello.caller else {
            throw ServiceError(.invalidArgument, "this port is for nodes; clients connect to the client port")
        }
        guard connection.identity == .node(configuration.cluster, peer) else {
            throw ServiceError(.unauthenticated, "the caller says it is node \(peer), its certificate does not")
        }
        guard to == configuration.node else {
            throw ServiceError(
                .invalidArgument,
                "this is node \(configuration.node), not node \(to)",
                details: [.init("node", configuration.node.description)]
            )
        }
        // Whoever has a node's certificate may call: a member that this node has not heard of yet, or one that was removed
        // and is to be told so.
        guard peer != configuration.node else {
            throw ServiceError(.invalidArgument, "node \(peer) is this node: two have the same id")
        }
        guard epoch == configuration.epoch else {
            throw ServiceError(
                .invalidArgument,
                "node \(peer) is of epoch \(epoch), this cluster is of \(configuration.epoch)"
            )
        }
        try node.check(log, of: peer)
        self.log = log
        return peer
    }
}
