// Pemba: a node with its ports, from start to stop.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import NIOCore
package import PembaCore
package import PembaStorage
import PembaTransport

/// A node and everything around it: its event loop, the storage thread, the three ports.
///
/// `start` returns when the node listens; it may not know a leader yet. All methods may be called from any thread but
/// the node's loop.
package final class RunningNode: Sendable {
    /// Where clients are accepted.
    package let clientAddress: NetworkAddress
    /// Where the other nodes are accepted.
    package let peerAddress: NetworkAddress
    /// Where health and metrics are answered; nil if nowhere.
    package var httpAddress: NetworkAddress? {
        http.map { NetworkAddress(host: httpHost, port: UInt16(clamping: $0.port)) }
    }

    private let httpHost: String
    private let http: HTTPPort?
    private let clients: Listener
    private let peers: Listener
    private let loop: SocketLoop
    private let node: NIOLoopBoundBox<Node?>
    private let access: NodeAccess
    private let dataFolder: String
    private let logger: Logger
    private let stopped = DispatchSemaphore(value: 0)

    private init(_ ports: NodePorts, clients: Listener, peers: Listener) {
        clientAddress = clients.address
        peerAddress = peers.address
        httpHost = ports.configuration.listen.http?.host ?? ""
        http = ports.http
        self.clients = clients
        self.peers = peers
        loop = ports.loop
        node = ports.node
        access = ports.access
        dataFolder = ports.configuration.dataFolder
        logger = ports.logs.logger("node")
    }

    /// Starts a node: certificates, ports, data folder.
    ///
    /// On an error nothing is left behind.
    ///
    /// The ports come before the data folder, so that a port that is taken is known at once; until the folder is read,
    /// callers are told so.
    ///
    /// `makeFiles` makes the files of the data folder, whose calls the monitor watches.
    package static func start<Files: FileSystem & SendableMetatype>(
        _ configuration: NodeConfiguration,
        setup: FolderSetup,
        logs: NodeLogs,
        makeFiles: (DiskMonitor) -> Files
    ) throws(StartupError) -> RunningNode {
        let monitor = DiskMonitor(clock: { SystemClock.now() })
        let access = try NodeAccess(configuration)
        let ports = try NodePorts(configuration: configuration, access: access, logs: logs)
        do throws(StartupError) {
            try ports.openHTTP()
            let running = RunningNode(ports, clients: try ports.listen(.clients), peers: try ports.listen(.peers))
            let (boot, store) = try NodeBoot.open(
                configuration,
                setup: setup,
                files: makeFiles(monitor),
                logger: running.logger,
                progress: ports.progress
            )
            running.begin(boot, store, configuration, ports.logs, monitor)
            running.logger.notice(
                "listening",
                metadata: [
                    "listen.client": "\(running.clientAddress)", "listen.peer": "\(running.peerAddress)",
                    "listen.http": "\(running.httpAddress.map(\.description) ?? "off")",
                ]
            )
            return running
        } catch {
            ports.close()
            throw error
        }
    }

    /// Hands the store to its thread and the recovered state to the loop, and lets the node take part.
    private func begin<Files: FileSystem & SendableMetatype>(
        _ boot: NodeBoot,
        _ store: sending ReplicaStore<Files>,
        _ configuration: NodeConfiguration,
        _ logs: NodeLogs,
        _ monitor: DiskMonitor
    ) {
        let (box, loop, access) = (node, loop, access)
        let gauge = SpaceGauge(
            lowBytes: configuration.storage.lowSpaceBytes,
            criticalBytes: configuration.storage.criticalSpaceBytes
        )
        let storage = StorageThread.start(store, gauge: gauge, logger: logs.logger("storage")) { events in
            loop.execute { box.value?.storageDone(events) }
        }
        loop.execute {
            let node = Node(
                configuration: configuration,
                boot: boot,
                access: access,
                logs: logs,
                loop: loop,
                storage: storage,
                monitor: monitor
            )
            node.onStopped = {
                box.value = nil
                self.stopped.signal()
            }
            box.value = node
            node.start()
        }
    }

    /// Reads certificates and credentials again; on an error the old ones stay.
    package func reload() {
        let result: Result<Void, StartupError>
        do throws(StartupError) {
            result = .success(try access.reload())
            logger.notice("certificates and credentials were read again")
        } catch {
            result = .failure(error)
            logger.error("certificates and credentials stay as they were", metadata: ["error": "\(error)"])
        }
        node.eventLoop.execute { [node] in node.value?.metrics.reloaded(result) }
    }

    /// Copies what the flight recorder has into the data folder.
    package func writeRecording() {
        let recording = node.eventLoop.submit { [node] in node.value?.flight.recording }
        guard let bytes = try? recording.wait() else { return }
        FlightMemory.write(bytes, into: dataFolder, logger: logger, "the flight recording was written")
    }

    /// Begins to stop in order; `waitUntilStopped` returns when it is done.
    package func shutDown() {
        clients.close().whenComplete { _ in }
        node.eventLoop.execute { [node] in node.value?.beginShutdown() }
    }

    /// Waits until the node has stopped, and ends its threads and ports.
    package func waitUntilStopped() {
        stopped.wait()
        // Every port closes before the loop ends; what cannot be closed any more is closed.
        try? clients.close().wait()
        try? peers.close().wait()
        http?.close()
        loop.stopAndWait()
        logger.notice("stopped")
    }
}
