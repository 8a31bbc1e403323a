// Pemba: a few Raft cores and a perfect network, for tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// Nodes whose messages are delivered in order, unless a test cuts links.
final class TestNetwork {
    private(set) var nodes: [TestNode]
    /// Links that lose everything, from and to.
    private var cuts: [(from: NodeID, to: NodeID)] = []
    /// Decides for each message whether it is lost.
    var loses: (RaftMessage) -> Bool = { _ in false }
    private(set) var now = Instant.zero

    init(_ nodes: [TestNode]) { self.nodes = nodes }

    convenience init(
        voters: [UInt64] = [1, 2, 3],
        learners: [UInt64] = [],
        configure: (inout RaftOptions) -> Void = { _ in }
    ) {
        self.init(
            (voters + learners).sorted().map { id in
                TestNode(id, of: voters, learners: learners, seed: 7, configure: configure)
            }
        )
    }

    subscript(id: UInt64) -> TestNode {
        for node in nodes where node.id == n(id) { return node }
        preconditionFailure("no node \(id)")
    }

    var leaders: [TestNode] { nodes.filter { $0.role == .leader } }

    func add(_ node: TestNode) {
        nodes.append(node)
        node.now = now
    }

    func replace(_ node: TestNode) {
        for position in nodes.indices where nodes[position].id == node.id { nodes[position] = node }
        node.now = now
    }

    // MARK: Links

    func cut(_ left: UInt64, _ right: UInt64) {
        cuts.append((n(left), n(right)))
        cuts.append((n(right), n(left)))
    }

    func cutOneWay(from: UInt64, to: UInt64) { cuts.append((n(from), n(to))) }

    func isolate(_ id: UInt64) {
        for node in nodes where node.id != n(id) { cut(id, node.id.rawValue) }
    }

    func heal() {
        cuts = []
        loses = { _ in false }
    }

    // MARK: Running

    /// Delivers until nobody says anything more.
    func settle() {
        for _ in 0..<100_000 {
            let messages = nodes.flatMap { $0.takeSent() }
            if messages.isEmpty { return }
            for message in messages where !isLost(message) {
                for node in nodes where node.id == message.to { node.step(.message(message)) }
            }
        }
        preconditionFailure("the network does not come to rest")
    }

    /// Lets time pass in small steps, delivering at once.
    func run(_ span: TimeSpan, step: TimeSpan = .milliseconds(10)) {
        let end = now + span
        while now < end {
            now = min(now + step, end)
            for node in nodes {
                node.now = now
                if node.core.nextDeadline <= now { node.step(.tick) }
            }
            settle()
        }
    }

    /// Makes `id` campaign, and lets it all be decided.
    func elect(_ id: UInt64) {
        self[id].step(.campaign)
        settle()
        precondition(self[id].role == .leader, "node \(id) was not elected")
    }

    private func isLost(_ message: RaftMessage) -> Bool {
        cuts.contains { $0.from == message.from && $0.to == message.to } || loses(message)
    }
}
