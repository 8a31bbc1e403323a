// Pemba: what the HTTP port answers.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaReplica
import PembaService
import PembaTransport
import Synchronization

/// `/livez`, `/readyz` and `/metrics` of a node, also while it is being started.
final class HealthPages: Sendable {
    private struct Counters {
        var clients = TransportCounters()
        var peers = TransportCounters()
    }

    private let node: NIOLoopBoundBox<Node?>
    private let progress: StartupProgress
    private let counters = Mutex(Counters())

    init(node: NIOLoopBoundBox<Node?>, progress: StartupProgress) {
        self.node = node
        self.progress = progress
    }

    /// Takes the counters of a port that was opened.
    func count(_ callers: NodePorts.Callers, _ counters: TransportCounters) {
        self.counters.withLock { all in
            switch callers {
            case .clients: all.clients = counters
            case .peers: all.peers = counters
            }
        }
    }

    /// Answers a path; nil: there is no such path.
    ///
    /// On the node's loop, so that `/livez` tells that it turns.
    func answer(_ path: String) -> HTTPAnswer? {
        switch path {
        case "/livez": HTTPAnswer(status: 200, body: "alive\n")
        case "/readyz": readiness()
        case "/metrics": metrics()
        default: nil
        }
    }

    private func readiness() -> HTTPAnswer {
        guard let node = node.value else { return HTTPAnswer(status: 503, body: progress.description + "\n") }
        let alarms = node.status().alarms
        guard alarms.isEmpty else { return HTTPAnswer(status: 503, body: alarms.joined(separator: "\n") + "\n") }
        return HTTPAnswer(status: 200, body: "ready\n")
    }

    private func metrics() -> HTTPAnswer {
        guard let node = node.value else { return HTTPAnswer(status: 503, body: progress.description + "\n") }
        let (clients, peers) = counters.withLock { ($0.clients, $0.peers) }
        return HTTPAnswer(
            status: 200,
            contentType: PrometheusText.contentType,
            body: node.metricsText(clients: clients, peers: peers)
        )
    }
}
