// Pemba: the bytes of a membership configuration.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftConfiguration {
    /// Members that one list of a configuration may name.
    package static let listMax = 255

    /// The version of the encoding below.
    private static let version: UInt8 = 1

    /// Appends: version u8 (1), then voters, outgoing voters, learners and next learners, each as a varint count and
    /// ascending u64 node ids.
    package func encode(into writer: inout ByteWriter) {
        writer.integer(RaftConfiguration.version)
        for list in [voters, outgoingVoters, learners, nextLearners] {
            writer.count(list.count)
            for node in list { writer.integer(node.rawValue) }
        }
    }

    /// The encoding as the payload of a configuration entry.
    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 64)
        encode(into: &writer)
        return writer.bytes
    }

    /// Reads what `encode` wrote.
    ///
    /// Refuses lists out of order, node 0, a configuration without voters and roles that
    /// exclude each other.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let version: UInt8 = try reader.integer()
        guard version == RaftConfiguration.version else {
            throw .invalidValue(field: "configuration version", value: UInt64(version))
        }
        let voters = try RaftConfiguration.list(from: &reader)
        let outgoing = try RaftConfiguration.list(from: &reader)
        let learners = try RaftConfiguration.list(from: &reader)
        let next = try RaftConfiguration.list(from: &reader)
        guard !voters.isEmpty else { throw .invalidValue(field: "voters", value: 0) }
        for node in learners where voters.contains(node) || outgoing.contains(node) {
            throw .invalidValue(field: "learner that votes", value: node.rawValue)
        }
        for node in next where voters.contains(node) || !outgoing.contains(node) {
            throw .invalidValue(field: "next learner", value: node.rawValue)
        }
        self.init(voters: voters, outgoingVoters: outgoing, learners: learners, nextLearners: next)
    }

    /// Reads the payload of a configuration entry, all of it.
    package init(payload: [UInt8]) throws(ByteError) {
        self = try payload.withUnsafeBufferPointer { bytes throws(ByteError) in
            var reader = ByteReader(UnsafeRawBufferPointer(bytes))
            let configuration = try RaftConfiguration(decoding: &reader)
            try reader.expectEnd()
            return configuration
        }
    }

    private static func list(from reader: inout ByteReader) throws(ByteError) -> [NodeID] {
        var nodes: [NodeID] = []
        var previous: UInt64 = 0
        for _ in 0..<(try reader.count(limit: listMax)) {
            let node: UInt64 = try reader.integer()
            guard node > previous else { throw .invalidValue(field: "node", value: node) }
            previous = node
            nodes.append(NodeID(node))
        }
        return nodes
    }
}
