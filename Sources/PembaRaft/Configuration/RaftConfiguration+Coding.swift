// Pemba: the bytes of a membership configuration.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftConfiguration {
    /// Members that one list of a configuration may name.
    package static let listMax = 255
    /// Removed nodes that a configuration remembers; a cluster that has used as many ids can remove no more.
    package static let removedMax = 1_024
    /// Bytes of an address, as text.
    package static let addressBytesMax = 300
    /// Bytes of an encoding at most: a version, flags, seven lists of members, the removed nodes and the addresses.
    package static let encodedBytesMax =
        2 + 7 * (2 + 8 * listMax) + 2 + 8 * removedMax + 2 + listMax * (8 + 2 * (2 + addressBytesMax))

    /// The version that knows lists of members only; what it can express is written as it.
    private static let listsVersion: UInt8 = 1
    /// The version that adds flags, removed nodes and the goal.
    private static let goalVersion: UInt8 = 2
    /// The version that adds who is awaited, and the addresses.
    private static let version: UInt8 = 3
    /// The flag of `autoLeave`.
    private static let autoLeaveFlag: UInt8 = 1
    /// The flag of a goal.
    private static let goalFlag: UInt8 = 2

    /// Appends: version u8, then voters, outgoing voters, learners and next learners, each as a varint count and
    /// ascending u64 node ids; from version 2 on then flags u8 (1: leaves by itself, 2: has a goal), the removed nodes
    /// as another list and, if there is a goal, its voters and its learners as two more; in version 3 then the awaited
    /// nodes as another list, a varint count of addresses, and for each a u64 node id, ascending, and two strings: where
    /// other nodes reach it, and where clients do.
    ///
    /// What needs nothing of a version has the bytes of the one before.
    package func encode(into writer: inout ByteWriter) {
        let needsAddresses = !awaited.isEmpty || !addresses.isEmpty
        let needsFlags = needsAddresses || autoLeave || !removed.isEmpty || goal != nil
        let version =
            needsAddresses
            ? RaftConfiguration.version
            : needsFlags ? RaftConfiguration.goalVersion : RaftConfiguration.listsVersion
        writer.integer(version)
        for list in [voters, outgoingVoters, learners, nextLearners] { writer.nodes(list) }
        guard needsFlags else { return }
        let goalFlag = goal == nil ? 0 : RaftConfiguration.goalFlag
        writer.integer((autoLeave ? RaftConfiguration.autoLeaveFlag : 0) | goalFlag)
        writer.nodes(removed)
        if let goal {
            writer.nodes(goal.voters)
            writer.nodes(goal.learners)
        }
        guard needsAddresses else { return }
        writer.nodes(awaited)
        writer.count(addresses.count)
        for item in addresses {
            writer.integer(item.node.rawValue)
            writer.string(item.peer.description)
            writer.string(item.client.description)
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
    /// Refuses lists out of order, node 0, a configuration without voters, roles that exclude each other, and what
    /// only a joint configuration or only another one can have.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let version: UInt8 = try reader.integer()
        guard (RaftConfiguration.listsVersion...RaftConfiguration.version).contains(version) else {
            throw .invalidValue(field: "configuration version", value: UInt64(version))
        }
        let voters = try reader.nodes(limit: RaftConfiguration.listMax)
        let outgoing = try reader.nodes(limit: RaftConfiguration.listMax)
        let learners = try reader.nodes(limit: RaftConfiguration.listMax)
        let next = try reader.nodes(limit: RaftConfiguration.listMax)
        self.init(voters: voters, outgoingVoters: outgoing, learners: learners, nextLearners: next)
        if version >= RaftConfiguration.goalVersion { try decodeFlags(from: &reader) }
        if version == RaftConfiguration.version { try decodeAddresses(from: &reader) }
        try checkRoles()
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

    private mutating func decodeFlags(from reader: inout ByteReader) throws(ByteError) {
        let flags: UInt8 = try reader.integer()
        guard flags & ~(RaftConfiguration.autoLeaveFlag | RaftConfiguration.goalFlag) == 0 else {
            throw .invalidValue(field: "configuration flags", value: UInt64(flags))
        }
        autoLeave = flags & RaftConfiguration.autoLeaveFlag != 0
        removed = try reader.nodes(limit: RaftConfiguration.removedMax)
        if flags & RaftConfiguration.goalFlag != 0 {
            let voters = try reader.nodes(limit: RaftConfiguration.listMax)
            goal = MembershipGoal(voters: voters, learners: try reader.nodes(limit: RaftConfiguration.listMax))
        }
    }

    private mutating func decodeAddresses(from reader: inout ByteReader) throws(ByteError) {
        awaited = try reader.nodes(limit: RaftConfiguration.listMax)
        var previous: UInt64 = 0
        for _ in 0..<(try reader.count(limit: RaftConfiguration.listMax)) {
            let node: UInt64 = try reader.integer()
            guard node > previous else { throw .invalidValue(field: "node of an address", value: node) }
            previous = node
            let peer = try reader.address(field: "peer address", of: node)
            let client = try reader.address(field: "client address", of: node)
            addresses.append(MemberAddresses(node: NodeID(node), peer: peer, client: client))
        }
        let members = members
        for node in awaited + addresses.map(\.node) where !members.contains(node) {
            throw .invalidValue(field: "node of an address that is no member", value: node.rawValue)
        }
    }

    private func checkRoles() throws(ByteError) {
        guard !voters.isEmpty else { throw .invalidValue(field: "voters", value: 0) }
        for node in learners where voters.contains(node) || outgoingVoters.contains(node) {
            throw .invalidValue(field: "learner that votes", value: node.rawValue)
        }
        for node in nextLearners where voters.contains(node) || !outgoingVoters.contains(node) {
            throw .invalidValue(field: "next learner", value: node.rawValue)
        }
        let members = members
        for node in removed where members.contains(node) {
            throw .invalidValue(field: "removed node that is a member", value: node.rawValue)
        }
        if autoLeave, !isJoint { throw .invalidValue(field: "leaving of no joint configuration", value: 1) }
        guard let goal else { return }
        if isJoint { throw .invalidValue(field: "goal of a joint configuration", value: 1) }
        guard !goal.voters.isEmpty else { throw .invalidValue(field: "voters of the goal", value: 0) }
        for node in goal.voters where goal.learners.contains(node) || !members.contains(node) {
            throw .invalidValue(field: "voter of the goal", value: node.rawValue)
        }
        for node in goal.learners where !members.contains(node) {
            throw .invalidValue(field: "learner of the goal", value: node.rawValue)
        }
    }
}

extension ByteWriter {
    /// Appends a varint count and the ids.
    fileprivate mutating func nodes(_ nodes: [NodeID]) {
        count(nodes.count)
        for node in nodes { integer(node.rawValue) }
    }
}

extension ByteReader {
    /// Reads ids that rise, none of them 0.
    fileprivate mutating func nodes(limit: Int) throws(ByteError) -> [NodeID] {
        var nodes: [NodeID] = []
        var previous: UInt64 = 0
        for _ in 0..<(try count(limit: limit)) {
            let node: UInt64 = try integer()
            guard node > previous else { throw .invalidValue(field: "node", value: node) }
            previous = node
            nodes.append(NodeID(node))
        }
        return nodes
    }

    /// Reads an address as text.
    fileprivate mutating func address(field: String, of node: UInt64) throws(ByteError) -> NetworkAddress {
        let text = try string(limit: RaftConfiguration.addressBytesMax)
        guard let address = try? NetworkAddress(parsing: text) else { throw .invalidValue(field: field, value: node) }
        return address
    }
}
