// Pemba: the bytes of entries and configurations.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

struct CodingTests {
    private func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        write(&writer)
        return writer.bytes
    }

    private func decodeEntry(_ bytes: [UInt8]) throws -> LogEntry {
        try bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            let entry = try LogEntry(decoding: &reader)
            try reader.expectEnd()
            return entry
        }
    }

    @Test func entryHasItsPublishedBytes() throws {
        let entry = LogEntry(
            index: i(0x0102),
            term: t(3),
            timestamp: Timestamp(nanoseconds: -2),
            kind: .command,
            payload: [0xAA, 0xBB]
        )
        let golden: [UInt8] =
            [2, 1, 0, 0, 0, 0, 0, 0] + [3, 0, 0, 0, 0, 0, 0, 0]
            + [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + [1] + [2, 0xAA, 0xBB]
        #expect(bytes { entry.encode(into: &$0) } == golden)
        #expect(try decodeEntry(golden) == entry)
    }

    @Test func entriesRoundTripAndTruncatedOnesAreRefused() throws {
        for seed in Seeds(short: 50, full: 2_000) {
            var random = SeededRandom(seed: seed)
            let kinds: [LogEntry.Kind] = [.noop, .command, .configuration]
            let entry = LogEntry(
                index: LogIndex(1 + random.next() >> 1),
                term: Term(random.next()),
                timestamp: Timestamp(nanoseconds: Int64(bitPattern: random.next())),
                kind: kinds[random.below(3)],
                payload: (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            )
            let encoded = bytes { entry.encode(into: &$0) }
            #expect(try decodeEntry(encoded) == entry, "\(Seeds.replay(seed, "CodingTests"))")
            for length in 0..<encoded.count {
                #expect(throws: ByteError.self) { try decodeEntry(Array(encoded[..<length])) }
            }
        }
    }

    @Test func indexZeroIsRefused() {
        var encoded = bytes { entry(5, term: 2).encode(into: &$0) }
        encoded[0] = 0
        #expect(throws: ByteError.invalidValue(field: "entry index", value: 0)) { try decodeEntry(encoded) }
    }

    @Test func payloadsBeyondTheLimitAreRefusedBeforeTheyAreRead() {
        var writer = ByteWriter()
        writer.raw([UInt8](repeating: 1, count: LogEntry.fixedBytes))
        writer.varint(UInt64(Limits.entryPayloadBytes) + 1)
        #expect(throws: ByteError.self) { try decodeEntry(writer.bytes) }
    }

    @Test func configurationHasItsPublishedBytes() throws {
        let configuration = RaftConfiguration(
            voters: [n(2), n(1)],
            outgoingVoters: [n(1), n(3)],
            learners: [n(4)],
            nextLearners: [n(3)]
        )
        func id(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, 0] }
        let golden: [UInt8] =
            [1] + [2] + id(1) + id(2) + [2] + id(1) + id(3) + [1] + id(4) + [1] + id(3)
        #expect(configuration.encoded == golden)
        #expect(try RaftConfiguration(payload: golden) == configuration)
        for length in 0..<golden.count {
            #expect(throws: ByteError.self) { try RaftConfiguration(payload: Array(golden[..<length])) }
        }
        #expect(throws: ByteError.trailingBytes(count: 1)) { try RaftConfiguration(payload: golden + [0]) }
    }

    /// What the lists alone cannot say is written as version 2, and only that.
    @Test func configurationWithFlagsHasItsPublishedBytes() throws {
        let configuration = RaftConfiguration(
            voters: [n(1), n(2)],
            learners: [n(4)],
            removed: [n(9), n(3)],
            goal: MembershipGoal(voters: [n(4), n(2)], learners: [n(1)])
        )
        func id(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, 0] }
        let golden: [UInt8] =
            [2] + [2] + id(1) + id(2) + [0] + [1] + id(4) + [0] + [2] + [2] + id(3) + id(9)
            + [2] + id(2) + id(4) + [1] + id(1)
        #expect(configuration.encoded == golden)
        #expect(try RaftConfiguration(payload: golden) == configuration)
        for length in 0..<golden.count {
            #expect(throws: ByteError.self) { try RaftConfiguration(payload: Array(golden[..<length])) }
        }
        let joint = RaftConfiguration(voters: [n(1)], outgoingVoters: [n(2)], autoLeave: true)
        #expect(joint.encoded == [2] + [1] + id(1) + [1] + id(2) + [0, 0] + [1] + [0])
        #expect(try RaftConfiguration(payload: joint.encoded) == joint)
        var unknown = joint.encoded
        unknown[unknown.count - 2] = 4
        #expect(throws: ByteError.invalidValue(field: "configuration flags", value: 4)) {
            try RaftConfiguration(payload: unknown)
        }
    }

    /// Who is awaited and where members are reached is written as version 3, and only that.
    @Test func configurationWithAddressesHasItsPublishedBytes() throws {
        let configuration = RaftConfiguration(
            voters: [n(1), n(2)],
            awaited: [n(2)],
            addresses: [
                MemberAddresses(
                    node: n(2),
                    peer: NetworkAddress(host: "b", port: 7),
                    client: NetworkAddress(host: "::1", port: 8)
                )
            ]
        )
        func id(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, 0] }
        let golden: [UInt8] =
            [3] + [2] + id(1) + id(2) + [0, 0, 0] + [0] + [0] + [1] + id(2) + [1] + id(2)
            + [3] + Array("b:7".utf8) + [7] + Array("[::1]:8".utf8)
        #expect(configuration.encoded == golden)
        #expect(try RaftConfiguration(payload: golden) == configuration)
        for length in 0..<golden.count {
            #expect(throws: ByteError.self) { try RaftConfiguration(payload: Array(golden[..<length])) }
        }
        var nowhere = golden
        nowhere[golden.count - 2] = UInt8(ascii: "x")
        #expect(throws: ByteError.invalidValue(field: "client address", value: 2)) {
            try RaftConfiguration(payload: nowhere)
        }
    }

    /// The largest configuration that can be read is no larger than those who store it allow.
    @Test func largestConfigurationFitsItsBound() {
        let ids = (1...UInt64(RaftConfiguration.removedMax)).map(n)
        let list = Array(ids.prefix(RaftConfiguration.listMax))
        let largest = RaftConfiguration(
            voters: list,
            outgoingVoters: list,
            learners: list,
            nextLearners: list,
            autoLeave: true,
            removed: ids,
            goal: MembershipGoal(voters: list, learners: list),
            awaited: list,
            addresses: list.map { node in
                let longest = NetworkAddress(host: String(repeating: "h", count: 294), port: 65_535)
                return MemberAddresses(node: node, peer: longest, client: longest)
            }
        )
        #expect(largest.encoded.count == RaftConfiguration.encodedBytesMax)
    }

    @Test func senselessConfigurationsAreRefused() {
        let senseless = [
            RaftConfiguration(voters: []),
            RaftConfiguration(voters: [n(0)]),
            RaftConfiguration(voters: [n(1), n(1)]),
            RaftConfiguration(voters: [n(1)], learners: [n(1)]),
            RaftConfiguration(voters: [n(1)], outgoingVoters: [n(2)], learners: [n(2)]),
            RaftConfiguration(voters: [n(1)], nextLearners: [n(2)]),
            RaftConfiguration(voters: [n(1)], outgoingVoters: [n(1)], nextLearners: [n(1)]),
            RaftConfiguration(voters: [n(1)], autoLeave: true),
            RaftConfiguration(voters: [n(1)], removed: [n(1)]),
            RaftConfiguration(voters: [n(1)], removed: [n(2), n(2)]),
            RaftConfiguration(voters: [n(1)], goal: MembershipGoal(voters: [])),
            RaftConfiguration(voters: [n(1)], goal: MembershipGoal(voters: [n(2)])),
            RaftConfiguration(voters: [n(1)], goal: MembershipGoal(voters: [n(1)], learners: [n(2)])),
            RaftConfiguration(voters: [n(1)], goal: MembershipGoal(voters: [n(1)], learners: [n(1)])),
            RaftConfiguration(voters: [n(1)], outgoingVoters: [n(1)], goal: MembershipGoal(voters: [n(1)])),
            RaftConfiguration(voters: [n(1)], awaited: [n(2)]),
            RaftConfiguration(voters: [n(1)], addresses: [address(2)]),
            RaftConfiguration(voters: [n(1)], addresses: [address(1), address(1)]),
        ]
        for configuration in senseless {
            #expect(throws: ByteError.self, "\(configuration)") {
                try RaftConfiguration(payload: configuration.encoded)
            }
        }
        #expect(throws: ByteError.invalidValue(field: "configuration version", value: 4)) {
            try RaftConfiguration(payload: [4, 0, 0, 0, 0])
        }
    }
}
