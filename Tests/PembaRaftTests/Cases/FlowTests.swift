// Pemba: how much a leader sends, and when.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// Streaming within its limits, probing, and what follows from losses.
struct FlowTests {
    @Test func streamingIsBoundedByMessagesAndBytes() {
        let node = TestNode.elected {
            $0.inflightMessagesMax = 3
            $0.messageBytesMax = 60
        }
        node.acknowledge(from: [2, 3])
        _ = node.takeSent()
        node.propose((0..<10).map { _ in [1, 2, 3] })
        let first = node.takeSent().appends.filter { $0.to == n(2) }
        #expect(first.map(\.entries.count) == [2, 2, 2])
        node.acknowledge(from: [2], upTo: i(4))
        let second = node.takeSent().appends.filter { $0.to == n(2) }
        #expect(second.first?.entries.map(\.index) == [i(9), i(10)])

        let bytes = TestNode.elected { $0.inflightBytesMax = 100 }
        bytes.acknowledge(from: [2, 3])
        _ = bytes.takeSent()
        for _ in 0..<10 { bytes.propose([[UInt8](repeating: 0, count: 35)]) }
        #expect(bytes.takeSent().appends.filter { $0.to == n(2) }.count == 2)
    }

    @Test func probingSendsOneMessageAtATime() {
        let node = TestNode.elected()
        for _ in 0..<5 { node.propose() }
        #expect(node.takeSent().appends.isEmpty)
        node.answerHeartbeats(from: [2])
        #expect(node.takeSent().appends.map(\.to) == [n(2)])
    }

    @Test func lostMessagesAreNoticedAndSentAgain() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.loses = { message in
            if case .appendEntries = message.body, message.to == n(2) { return true }
            return false
        }
        network[1].propose()
        network.settle()
        #expect(network[2].last < network[1].last)
        network.heal()
        network.run(.seconds(1))
        #expect(network[2].log == network[1].log && network[2].commit == network[1].commit)
    }

    @Test func brokenLinkMakesTheLeaderProbeAgain() {
        let node = TestNode.elected()
        node.acknowledge(from: [2, 3])
        node.propose()
        node.step(.unreachable(n(2)))
        #expect(node.core.status().peers.first?.state == .probe)
        _ = node.takeSent()
        node.propose()
        #expect(node.takeSent().appends.map(\.to) == [n(3)])
        node.answerHeartbeats(from: [2])
        #expect(node.takeSent().appends.first?.entries.map(\.index) == [i(3), i(4)])
    }

    @Test func proposalsOnFollowersNameTheLeader() {
        let network = TestNetwork(voters: [1, 2, 3])
        #expect(network[2].propose() == .notLeader(leader: nil))
        network.elect(1)
        #expect(network[2].propose() == .notLeader(leader: n(1)))
    }
}
