// Pemba: the ports of a node while it is being started.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import PembaCore
import PembaService
import PembaTLS
import PembaTransport
import PembaWire

/// The event loop and the ports of a node, opened before the node itself: until it is there, callers are told so.
final class NodePorts {
    /// Who calls at a port.
    enum Callers: String {
        case clients = "listen.client"
        case peers = "listen.peer"
    }

    let configuration: NodeConfiguration
    let access: NodeAccess
    let logs: NodeLogs
    let loop: SocketLoop
    let progress = StartupProgress()
    /// The node, once it serves.
    let node: NIOLoopBoundBox<Node?>
    private let pages: HealthPages
    private(set) var http: HTTPPort?
    private var listeners: [Listener] = []

    init(configuration: NodeConfiguration, access: NodeAccess, logs: NodeLogs) throws(StartupError) {
        self.configuration = configuration
        self.access = access
        self.logs = logs
        do throws(TransportError) {
            loop = try SocketLoop(name: "pemba-node")
        } catch {
            throw StartupError(.portUnavailable, error.description)
        }
        node = NIOLoopBoundBox.makeEmptyBox(valueType: Node.self, eventLoop: loop)
        pages = HealthPages(node: node, progress: progress)
    }

    /// Opens the HTTP port.
    func openHTTP() throws(StartupError) {
        guard let address = configuration.listen.http else { return }
        let pages = pages
        do {
            http = try HTTPPort(address, asking: loop) { pages.answer($0) }
        } catch {
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw StartupError(.portUnavailable, "listen.http: cannot listen on \(address): \(reason)")
        }
    }

    /// Opens the port for clients or for nodes.
    func listen(_ callers: Callers) throws(StartupError) -> Listener {
        let node = node
        do throws(TransportError) {
            let listener = try Listener(
                options(callers),
                on: loop,
                logger: logs.logger("transport"),
                refusals: logs.audit.refusedConnections
            ) { connection in
                guard let node = node.value else { return NotReady() }
                return callers == .clients
                    ? ClientConnection(node: node, connection: connection)
                    : PeerReceiver(node: node, connection: connection)
            }
            pages.count(callers, listener.counters)
            listeners.append(listener)
            return listener
        } catch {
            throw StartupError(.portUnavailable, "\(callers.rawValue): \(error)")
        }
    }

    private func options(_ callers: Callers) -> Listener.Configuration {
        let (access, limits) = (access, configuration.limits)
        switch callers {
        case .clients:
            var listening = Listener.Configuration(
                address: configuration.listen.client,
                tls: { access.serverContext },
                expecting: .anyone
            )
            listening.options.handshakeTimeout = limits.handshakeTimeout
            listening.options.idleTimeout = limits.idleTimeout
            listening.options.outputLimitBytes = limits.outputBytes
            listening.connectionLimit = limits.connections
            return listening
        case .peers:
            var listening = Listener.Configuration(
                address: configuration.listen.peer,
                tls: { access.peerContext },
                expecting: .node(of: configuration.cluster, id: nil)
            )
            listening.options = PeerLink.options(limits)
            // Each member once, and again while its old connection is not known to be dead.
            listening.connectionLimit = NodeConfiguration.membersMax * 4
            return listening
        }
    }

    /// Closes what was opened.
    func close() {
        for listener in listeners { try? listener.close().wait() }
        http?.close()
        loop.stopAndWait()
    }
}

/// Turns callers away while the data folder is being read.
private final class NotReady: ConnectionDelegate {
    func connectionDidOpen(_ connection: Connection) {
        let error = ServiceError(.unavailable, "this node is starting; ask another")
        FrameWriter.frame(type: .error, correlation: 0, into: &connection.output) { error.encode(into: &$0) }
        connection.close(.ended(reason: error.message))
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {}

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {}
}
