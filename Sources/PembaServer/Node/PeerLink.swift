// Pemba: the connection on which this node talks to another.
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

/// The connection that this node keeps to another one, and on which it talks; the other one only if it has no connection
/// of its own.
///
/// Confined to the node's loop.
///
/// It is opened again whenever it breaks, after a pause that grows to `pauseMax` and varies by chance, so that nodes
/// that lost each other at the same moment do not come back at the same moment. What cannot be sent is dropped: Raft
/// sends it again, and a queue would only make it later.
final class PeerLink: ConnectionDelegate {
    /// How far the link is.
    private enum State {
        /// Waits to be opened.
        case idle
        /// The connection is being opened.
        case connecting
        /// `hello` is sent.
        case greeting(Connection)
        /// Messages flow.
        case up(Connection)
        /// Not opened any more.
        case closed
    }

    /// The pause before the first attempt to connect again, and the longest.
    private static let pauseMin = TimeSpan.milliseconds(50)
    private static let pauseMax = TimeSpan.milliseconds(500)
    /// The pause after a refusal that asking again does not change.
    private static let pauseAfterRefusal = TimeSpan.seconds(10)
    /// Unsent bytes at which messages are dropped.
    private static let backlogMax = 32 << 20
    /// How often a `ping` shows that the other side lives, and after how long without an answer it counts as gone.
    private static let pingInterval = TimeAmount.seconds(1)
    private static let idleTimeout = TimeSpan.seconds(5)

    let peer: MemberAddresses
    private let node: Node
    private var state = State.idle
    /// What the other node said of its log when it was last greeted.
    private(set) var log = LogContent.more
    private var pause = PeerLink.pauseMin
    /// The last reason of a failure, so that a node that stays away is logged once and not at every attempt.
    private var lastFailure = ""

    init(node: Node, peer: MemberAddresses) {
        self.node = node
        self.peer = peer
    }

    /// Whether messages flow.
    var isUp: Bool {
        if case .up = state { return true }
        return false
    }

    /// The limits of connections between nodes, on either side.
    static func options(_ limits: NodeConfiguration.NodeLimits) -> ConnectionOptions {
        var options = ConnectionOptions()
        options.handshakeTimeout = limits.handshakeTimeout
        options.idleTimeout = idleTimeout
        options.payloadLimitBytes = PeerLimits.framePayloadBytes
        return options
    }

    /// Opens the connection.
    func connect() {
        guard case .idle = state else { return }
        state = .connecting
        let configuration = node.configuration
        let bound = NIOLoopBound(self, eventLoop: node.loop)
        Connector.connect(
            to: peer.peer,
            tls: node.access.peerContext,
            expecting: .node(of: configuration.cluster, id: peer.node),
            options: PeerLink.options(configuration.limits),
            on: node.loop,
            logger: node.logs.logger("transport"),
            makeDelegate: { _ in bound.value }
        ).assumeIsolated().whenFailure { error in
            // Once it was open, `connectionDidClose` tells the end.
            if case .connecting = self.state { self.lost("\(error)") }
        }
    }

    /// Closes the link for good.
    func close() {
        let old = state
        state = .closed
        switch old {
        case .greeting(let connection), .up(let connection): connection.close()
        case .idle, .connecting, .closed: return
        }
    }

    /// Opens the connection anew, so that the other node says again how much of a log it has.
    func greetAgain() {
        guard case .up(let connection) = state else { return }
        connection.close(.ended(reason: "node \(peer.node) is to say again how much it has"))
    }

    /// Sends a message, or drops it.
    func send(_ message: PeerMessage) {
        guard case .up(let connection) = state, PeerLink.hasRoom(connection) else {
            node.metrics.peerMessagesDropped += 1
            return
        }
        PeerLink.send(message, on: connection)
    }

    /// Appends a message to a connection between nodes, whoever opened it.
    static func send(_ message: PeerMessage, on connection: Connection) {
        FrameWriter.frame(
            type: .peer,
            correlation: 0,
            compressing: message.isCompressible,
            into: &connection.output
        ) { message.encode(into: &$0) }
        connection.flush()
    }

    /// Whether a connection takes a message more.
    static func hasRoom(_ connection: Connection) -> Bool {
        connection.isOpen && connection.outputBacklog < backlogMax
    }

    // MARK: - The connection

    func connectionDidOpen(_ connection: Connection) {
        guard case .connecting = state else { return connection.close() }
        state = .greeting(connection)
        let hello = node.hello(to: peer.node)
        FrameWriter.frame(type: .hello, correlation: 0, into: &connection.output) { hello.encode(into: &$0) }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            switch header.type {
            case .helloAnswer: try greeted(connection, try HelloAnswer(decoding: payload))
            case .error: refused(connection, try ErrorFrame(decoding: payload))
            case .goAway: connection.close(.ended(reason: try GoAway(decoding: payload).message))
            case .pong: return
            case .peer:
                // It has no connection of its own to this node: it has only just joined, or knows that one was removed.
                guard isUp else { throw .invalidValue(field: "frame type before the answer", value: 64) }
                node.step(.peer(from: peer.node, try PeerMessage(decoding: payload)))
            default: throw .invalidValue(field: "frame type between nodes", value: UInt64(header.typeNumber))
            }
        } catch {
            connection.close(.ended(reason: "a frame that cannot be read: \(error)"))
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        lost(error?.description ?? "closed by the other side")
    }

    private func greeted(_ connection: Connection, _ answer: HelloAnswer) throws(ByteError) {
        guard case .greeting = state else { return }
        guard answer.cluster == node.configuration.cluster, answer.node == peer.node else {
            return connection.close(.ended(reason: "it is node \(answer.node) of cluster \(answer.cluster)"))
        }
        do throws(ServiceError) {
            try node.check(answer.log, of: peer.node)
        } catch {
            pause = PeerLink.pauseAfterRefusal
            return connection.close(.ended(reason: error.message))
        }
        state = .up(connection)
        log = answer.log
        pause = PeerLink.pauseMin
        lastFailure = ""
        node.logger.info("connected to a node", metadata: metadata)
        schedulePing(connection)
        node.step(.linkUp(peer.node))
    }

    private func refused(_ connection: Connection, _ error: ErrorFrame) {
        if error.serviceError.detail("lost_data") == node.configuration.node.description {
            node.refusedForLostData(by: peer.node, reason: error.message)
        }
        if error.retry == .never { pause = PeerLink.pauseAfterRefusal }
        connection.close(.ended(reason: error.message))
    }

    private func lost(_ reason: String) {
        let wasUp = isUp
        guard node.phase == .running || node.phase == .draining else { return }
        if case .closed = state { return }
        state = .idle
        if wasUp { node.step(.linkDown(peer.node)) }
        if reason != lastFailure {
            lastFailure = reason
            var metadata = metadata
            metadata["reason"] = "\(reason)"
            node.logger.notice("no connection to a node", metadata: metadata)
        }
        let jittered = TimeSpan(nanoseconds: UInt64.random(in: pause.nanoseconds / 2...pause.nanoseconds))
        pause = min(pause * 2, PeerLink.pauseMax)
        node.loop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(jittered.nanoseconds))) { self.connect() }
    }

    private func schedulePing(_ connection: Connection) {
        node.loop.assumeIsolated().scheduleTask(in: PeerLink.pingInterval) {
            guard case .up(let current) = self.state, current === connection, connection.isOpen else { return }
            FrameWriter.frame(type: .ping, correlation: 0, into: &connection.output) {
                Ping(token: 0).encode(into: &$0)
            }
            connection.flush()
            self.schedulePing(connection)
        }
    }

    private var metadata: Logger.Metadata { ["peer.id": "\(peer.node)", "peer.address": "\(peer.peer)"] }
}
