// Pemba: a call to a node before anything depends on it.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaTLS
import PembaTransport
import PembaWire

/// Finds out whether a node is reached where it is said to be: whether it has the certificate of that node of this
/// cluster, is of the same epoch, and has the log that it should have.
///
/// While nothing listens there, or the node says that it is starting, it is called again: it may have been started a moment
/// ago.
///
/// Confined to the node's loop.
final class PeerProbe: ConnectionDelegate {
    /// How long all of it may take; less than clients wait by default.
    private static let patience = TimeAmount.seconds(4)
    /// Between two calls.
    private static let pause = TimeAmount.milliseconds(200)

    private let node: Node
    private let contact: MemberAddresses
    private var completion: ((ServiceError?) -> Void)?
    /// Whether the connection that is about to close is followed by another call.
    private var isCalledAgain = false
    /// The connection under way.
    private var connection: Connection?
    /// Why it is called again.
    private var obstacle = "no answer in time"

    /// Calls `completion` once: with nil if all is well.
    init(node: Node, contact: MemberAddresses, completion: @escaping (ServiceError?) -> Void) {
        self.node = node
        self.contact = contact
        self.completion = completion
    }

    /// Calls.
    func start() {
        call()
        node.loop.assumeIsolated().scheduleTask(in: PeerProbe.patience) { self.end(self.obstacle) }
    }

    private func call() {
        guard completion != nil else { return }
        let configuration = node.configuration
        let bound = NIOLoopBound(self, eventLoop: node.loop)
        Connector.connect(
            to: contact.peer,
            tls: node.access.peerContext,
            expecting: .node(of: configuration.cluster, id: contact.node),
            options: PeerLink.options(configuration.limits),
            on: node.loop,
            logger: node.logs.logger("transport"),
            makeDelegate: { _ in bound.value }
        ).assumeIsolated().whenFailure { error in
            guard case .cannotConnect? = error as? TransportError else { return self.end("\(error)") }
            self.callAgain("\(error)")
        }
    }

    private func callAgain(_ reason: String) {
        obstacle = reason
        node.loop.assumeIsolated().scheduleTask(in: PeerProbe.pause) { self.call() }
    }

    func connectionDidOpen(_ connection: Connection) {
        guard completion != nil else { return connection.close() }
        self.connection = connection
        let hello = node.hello(to: contact.node)
        FrameWriter.frame(type: .hello, correlation: 0, into: &connection.output) { hello.encode(into: &$0) }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            switch header.type {
            case .helloAnswer: end(problem(try HelloAnswer(decoding: payload)))
            case .error:
                let error = try ErrorFrame(decoding: payload)
                guard error.retry == .otherNode else { return end(error.message) }
                isCalledAgain = true
                callAgain(error.message)
                connection.close()
            default: end("it answers with a frame of type \(header.typeNumber)")
            }
        } catch {
            end("its answer cannot be read: \(error)")
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        self.connection = nil
        // A node that is starting hangs up, perhaps before its reason has been read.
        if !isCalledAgain { callAgain(error?.description ?? "it closed the connection") }
        isCalledAgain = false
    }

    private func problem(_ answer: HelloAnswer) -> String? {
        let configuration = node.configuration
        guard answer.cluster == configuration.cluster, answer.node == contact.node else {
            return "it is node \(answer.node) of cluster \(answer.cluster)"
        }
        guard answer.epoch == configuration.epoch else { return "it is of epoch \(answer.epoch)" }
        let isMember = node.replica.configuration.members.contains(contact.node)
        guard isMember || answer.log == .empty else {
            return "it has a log of its own: start it with an empty data folder and --join"
        }
        guard node.replica.isEnough(answer.log, for: contact.node) else {
            return "it \(node.wayOut(of: contact.node))"
        }
        return nil
    }

    private func end(_ problem: String?) {
        let completion = completion
        self.completion = nil
        connection?.close()
        let error = problem.map {
            ServiceError(
                .preconditionFailed,
                "node \(contact.node) cannot be used at \(contact.peer): \($0); nothing was changed"
            )
        }
        completion?(error)
    }
}
