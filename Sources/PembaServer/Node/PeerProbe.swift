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
/// Confined to the node's loop.
final class PeerProbe: ConnectionDelegate {
    /// How long the whole call may take.
    private static let patience = TimeAmount.seconds(5)

    private let node: Node
    private let contact: MemberAddresses
    private var completion: ((ServiceError?) -> Void)?

    /// Calls `completion` once: with nil if all is well.
    init(node: Node, contact: MemberAddresses, completion: @escaping (ServiceError?) -> Void) {
        self.node = node
        self.contact = contact
        self.completion = completion
    }

    /// Calls.
    func start() {
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
        ).assumeIsolated().whenFailure { self.end("\($0)") }
        node.loop.assumeIsolated().scheduleTask(in: PeerProbe.patience) { self.end("no answer in time") }
    }

    func connectionDidOpen(_ connection: Connection) {
        let hello = node.hello(to: contact.node)
        FrameWriter.frame(type: .hello, correlation: 0, into: &connection.output) { hello.encode(into: &$0) }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        do throws(ByteError) {
            switch header.type {
            case .helloAnswer: end(problem(try HelloAnswer(decoding: payload)))
            case .error: end(try ErrorFrame(decoding: payload).message)
            default: end("it answers with a frame of type \(header.typeNumber)")
            }
        } catch {
            end("its answer cannot be read: \(error)")
        }
        connection.close()
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        end(error?.description ?? "it closed the connection")
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
        guard answer.log == .more || !node.replica.mustHaveData(contact.node) else {
            return "it has lost the data that it had"
        }
        return nil
    }

    private func end(_ problem: String?) {
        let completion = completion
        self.completion = nil
        let error = problem.map {
            ServiceError(
                .preconditionFailed,
                "node \(contact.node) cannot be used at \(contact.peer): \($0); nothing was changed"
            )
        }
        completion?(error)
    }
}
