// Pemba: disks that fail, as far as consensus is concerned.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The cases D7 and D8 of the reliability checklist; those about bytes on disk are tested where these are written.
struct StorageTests {
    @Test func d7LeaderWhoseDiskHangsHandsOver() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network.run(.seconds(1))
        network[1].persistsAtOnce = false
        network[1].propose()
        network.settle()
        // The others acknowledge: what was proposed is safe.
        #expect(network[1].commit == i(3))
        network.run(.milliseconds(1_900))
        #expect(network.leaders.map(\.id) == [n(1)])
        network.run(.milliseconds(200))
        #expect(network.leaders.count == 1 && network[1].role == .follower)
        network.leaders[0].propose()
        network.settle()
        #expect(network.leaders[0].commit == network.leaders[0].last && network.leaders[0].last > i(3))
    }

    @Test func d7NodeWhoseDiskHangsDoesNotCampaignAndComesBack() {
        let network = TestNetwork(voters: [1, 2, 3])
        network.elect(1)
        network[1].persistsAtOnce = false
        network[1].propose()
        network.run(.seconds(3))
        let term = network.leaders[0].term
        network.isolate(1)
        network.run(.seconds(5))
        #expect(network[1].role == .follower)
        network.heal()
        network[1].persistsAtOnce = true
        network[1].persist()
        network.run(.seconds(2))
        #expect(network.leaders.count == 1 && network.leaders[0].term == term)
        #expect(network[1].log == network.leaders[0].log && network[1].commit == network.leaders[0].commit)
    }

    @Test func d7OnlyVoterLeadsAgainWhenItsDiskDoes() {
        let network = TestNetwork(voters: [1])
        network.run(.seconds(2))
        network[1].persistsAtOnce = false
        network[1].propose()
        network.run(.seconds(3))
        #expect(network[1].role == .follower)
        network[1].persistsAtOnce = true
        network[1].persist()
        network.run(.seconds(2))
        #expect(network[1].role == .leader && network[1].commit == network[1].last)
    }

    /// An entry of a kind that is not known stops the reader; it is never skipped.
    @Test func d8EntryOfAnUnknownKindIsAnError() {
        var writer = ByteWriter()
        entry(5, term: 2).encode(into: &writer)
        var bytes = writer.bytes
        bytes[24] = 3
        #expect(throws: ByteError.invalidValue(field: "entry kind", value: 3)) {
            try bytes.withUnsafeBytes { raw in
                var reader = ByteReader(raw)
                _ = try LogEntry(decoding: &reader)
            }
        }
    }
}
