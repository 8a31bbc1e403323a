// Pemba: one connection of a client.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaService
import PembaTLS
import PembaTransport
import PembaWire

/// One connection of a client: introduces itself once, then asks.
///
/// Confined to the node's loop.
final class ClientConnection: ConnectionDelegate {
    /// How far the connection is.
    private enum State {
        /// Waits for `hello`.
        case greeting(timeout: Scheduled<Void>?)
        /// Takes requests.
        case ready(Roles)
        /// Closed, or about to be.
        case closed
    }

    let node: Node
    let connection: Connection
    /// Who the credential says is there; for logs.
    private(set) var name = "unknown"
    /// Requests that wait for an answer.
    var inFlight = 0
    /// Requests for streams that have not begun, by correlation, and whether the client has cancelled them.
    var unopened: [UInt64: Bool] = [:]
    /// Answers of many frames, by their requests' correlations.
    var streams: [UInt64: AnswerStream] = [:]
    private var state = State.greeting(timeout: nil)
    /// Whether it is ready and may ask for checks: the one thing that every frame of a burst is asked.
    private var takesChecks = false

    init(node: Node, connection: Connection) {
        self.node = node
        self.connection = connection
    }

    /// The client's address.
    var address: String { connection.remoteAddress }

    /// Whether answers can be sent.
    var isOpen: Bool { connection.isOpen }

    /// Whether it has introduced itself.
    var isReady: Bool {
        if case .ready = state { return true }
        return false
    }

    /// When the burst arrived that is being read.
    var burstArrived: Instant { Instant(nanoseconds: connection.burstTime.uptimeNanoseconds) }

    // MARK: - The connection

    func connectionDidOpen(_ connection: Connection) {
        node.clients[ObjectIdentifier(self)] = self
        let amount = TimeAmount.nanoseconds(Int64(clamping: node.configuration.limits.handshakeTimeout.nanoseconds))
        let timeout = node.loop.assumeIsolated().scheduleTask(in: amount) {
            guard case .greeting = self.state else { return }
            self.close(ServiceError(.deadlineExceeded, "no hello arrived in time"))
        }
        state = .greeting(timeout: timeout)
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        // The one question that everything else makes way for: whatever this node has, tag 0 after the deadline.
        if takesChecks, header.typeNumber == FrameType.check.rawValue, payload.count > 4, payload[4] == 0,
            node.phase == .running
        {
            return node.take(payload, header.correlation, of: self)
        }
        switch state {
        case .ready(let roles): receive(header, payload, roles)
        case .greeting: greet(header, payload)
        case .closed: return
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) { node.evaluateBatch(of: self) }

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        if case .greeting(let timeout) = state { timeout?.cancel() }
        leave()
        node.clients[ObjectIdentifier(self)] = nil
        node.forgetStreams(of: self)
        if let error {
            node.logger.debug(
                "client connection ended",
                metadata: ["peer.address": "\(address)", "reason": "\(error)"]
            )
        }
        node.finishDrainingIfDone()
    }

    /// Takes no frames any more.
    private func leave() {
        state = .closed
        takesChecks = false
    }

    // MARK: - Frames

    private func receive(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, _ roles: Roles) {
        let arrived = burstArrived
        switch header.type {
        case .ping: answerPing(header, payload)
        case .pong: return
        case .streamCredit: takeCredit(header, payload)
        case .cancel: cancel(header, payload)
        case .peer:
            node.audit.refused(caller: name, address: address, reason: "a client sent a node's frame")
            close(ServiceError(.permissionDenied, "only nodes send this frame"), correlation: header.correlation)
        default:
            guard let type = header.type, let kind = RequestKind(type), let role = type.requiredRole else {
                let error = ServiceError(.unsupported, "this node does not know requests of type \(header.typeNumber)")
                node.metrics.failed(error.code)
                return send(error, correlation: header.correlation)
            }
            guard roles.permit(role) else {
                let reason = "\(kind.name) needs the role \(role), the credential has \(roles)"
                node.audit.refused(caller: name, address: address, reason: reason)
                let error = ServiceError(.permissionDenied, reason)
                return node.refuse(kind, header.correlation, of: self, error, arrived: arrived)
            }
            node.receive(kind, header.correlation, payload, of: self, arrived: arrived)
        }
    }

    private func takeCredit(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            let credit = try StreamCredit(decoding: payload)
            node.takeCredit(header.correlation, Int(credit.frames), of: self)
        } catch {
            send(ServiceError(decoding: error, of: .streamCredit), correlation: header.correlation)
        }
    }

    private func cancel(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            try ByteReader(payload).expectEnd()
            node.cancel(header.correlation, of: self)
        } catch {
            send(ServiceError(decoding: error, of: .cancel), correlation: header.correlation)
        }
    }

    private func answerPing(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            let ping = try Ping(decoding: payload)
            send(.pong, header.correlation) { ping.encode(into: &$0) }
        } catch {
            send(ServiceError(decoding: error, of: .ping), correlation: header.correlation)
        }
    }

    /// Appends a frame; it is sent at the end of the burst or of the turn.
    func send(_ type: FrameType, _ correlation: UInt64, _ body: (inout ByteWriter) -> Void) {
        guard isOpen else { return }
        FrameWriter.frame(type: type, correlation: correlation, into: &connection.output, body)
        connection.flush()
    }

    /// Appends an error frame.
    func send(_ error: ServiceError, correlation: UInt64) {
        send(.error, correlation) { error.encode(into: &$0) }
    }

    /// Says why, and closes.
    func close(_ error: ServiceError, correlation: UInt64 = 0) {
        if case .greeting(let timeout) = state { timeout?.cancel() }
        leave()
        send(error, correlation: correlation)
        connection.close(.ended(reason: error.message))
    }

    // MARK: - Greeting

    private func greet(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        do throws(ServiceError) {
            guard header.type == .hello else {
                throw ServiceError(.malformedRequest, "the first frame of a connection is hello")
            }
            let hello = try Hello.read(payload)
            let version = try Greeting.check(hello, node.configuration)
            let caller = try node.access.caller(hello, identity: connection.identity)
            if case .greeting(let timeout) = state { timeout?.cancel() }
            state = .ready(caller.roles)
            takesChecks = caller.roles.permit(.read)
            name = caller.name
            let answer = Greeting.answer(node, version: version, roles: caller.roles)
            send(.helloAnswer, 0) { answer.encode(into: &$0) }
        } catch {
            node.metrics.failed(error.code)
            if error.code == .unauthenticated {
                node.metrics.authenticationsRefused += 1
                node.audit.refused(
                    caller: connection.identity.description,
                    address: address,
                    reason: error.message
                )
            }
            close(error)
        }
    }
}
