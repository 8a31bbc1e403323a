// Pemba: the first frame of whoever accepted a connection.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
package import PembaService

/// What a node lets one connection ask for.
package struct ConnectionLimits: Hashable, Sendable {
    /// Bytes in a frame's payload, compressed or not.
    package var framePayloadBytes: UInt32
    /// Requests of one connection that are not answered yet; more are refused as `overloaded`.
    package var requestsInFlight: UInt32
    /// Checks in one bulk check.
    package var checksPerBulk: UInt32
    /// Updates in one write.
    package var updatesPerWrite: UInt32
    /// Tuples in one page of a read.
    package var tuplesPerReadPage: UInt32
    /// The deadline of a request that states none, in milliseconds.
    package var defaultDeadlineMilliseconds: UInt32
    /// The longest deadline; longer ones are cut to it.
    package var maxDeadlineMilliseconds: UInt32
    /// After so long without a frame from the client the node closes the connection, in milliseconds; a ping is a frame.
    package var idleTimeoutMilliseconds: UInt32

    package init(
        framePayloadBytes: UInt32 = UInt32(Limits.framePayloadBytes),
        requestsInFlight: UInt32 = 16_384,
        checksPerBulk: UInt32 = UInt32(Limits.checksPerBulk),
        updatesPerWrite: UInt32 = UInt32(Limits.updatesPerWrite),
        tuplesPerReadPage: UInt32 = UInt32(Limits.tuplesPerReadPage),
        defaultDeadlineMilliseconds: UInt32 = 5_000,
        maxDeadlineMilliseconds: UInt32 = 60_000,
        idleTimeoutMilliseconds: UInt32 = 60_000
    ) {
        self.framePayloadBytes = framePayloadBytes
        self.requestsInFlight = requestsInFlight
        self.checksPerBulk = checksPerBulk
        self.updatesPerWrite = updatesPerWrite
        self.tuplesPerReadPage = tuplesPerReadPage
        self.defaultDeadlineMilliseconds = defaultDeadlineMilliseconds
        self.maxDeadlineMilliseconds = maxDeadlineMilliseconds
        self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
    }

    func encode(into output: inout ByteWriter) {
        output.integer(framePayloadBytes)
        output.integer(requestsInFlight)
        output.integer(checksPerBulk)
        output.integer(updatesPerWrite)
        output.integer(tuplesPerReadPage)
        output.integer(defaultDeadlineMilliseconds)
        output.integer(maxDeadlineMilliseconds)
        output.integer(idleTimeoutMilliseconds)
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        framePayloadBytes = try reader.integer()
        requestsInFlight = try reader.integer()
        checksPerBulk = try reader.integer()
        updatesPerWrite = try reader.integer()
        tuplesPerReadPage = try reader.integer()
        defaultDeadlineMilliseconds = try reader.integer()
        maxDeadlineMilliseconds = try reader.integer()
        idleTimeoutMilliseconds = try reader.integer()
    }
}

/// Where clients reach one member of the cluster.
package struct MemberAddress: Hashable, Sendable {
    /// The member.
    package var node: NodeID
    /// `host:port`, an IPv6 host in brackets.
    package var clientAddress: String

    package init(node: NodeID, clientAddress: String) {
        self.node = node
        self.clientAddress = clientAddress
    }
}

/// The answer to `Hello`: what was agreed, who answers, and where the others are.
///
/// Peers get it too.
package struct HelloAnswer: Hashable, Sendable {
    /// Bytes in an address.
    package static let addressBytes = 300
    /// Members listed.
    package static let membersMax = 255

    /// The version that this connection speaks from here on.
    package var version: UInt16
    /// The node's cluster.
    package var cluster: ClusterID
    /// The cluster's epoch.
    package var epoch: Epoch
    /// The node.
    package var node: NodeID
    /// What the caller's credential may do.
    package var roles: Roles
    /// The leader that the node knows, if any.
    package var leader: NodeID?
    /// What the connection may ask for.
    package var limits: ConnectionLimits
    /// The node's software and its version, for people.
    package var software: String
    /// Every member, the node itself included, ascending by node.
    package var members: [MemberAddress]
    /// How much of a log the node has.
    package var log: LogContent

    package init(
        version: UInt16,
        cluster: ClusterID,
        epoch: Epoch,
        node: NodeID,
        roles: Roles,
        leader: NodeID?,
        limits: ConnectionLimits,
        software: String,
        members: [MemberAddress],
        log: LogContent = .more
    ) {
        self.version = version
        self.cluster = cluster
        self.epoch = epoch
        self.node = node
        self.roles = roles
        self.leader = leader
        self.limits = limits
        self.software = software
        self.members = members
        self.log = log
    }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) {
        output.integer(version)
        cluster.encode(into: &output)
        output.integer(epoch.rawValue)
        output.integer(node.rawValue)
        output.integer(roles.rawValue)
        output.integer(leader?.rawValue ?? 0)
        limits.encode(into: &output)
        output.string(software)
        output.count(members.count)
        for member in members {
            output.integer(member.node.rawValue)
            output.string(member.clientAddress)
        }
        output.integer(log.rawValue)
    }

    /// Reads a payload.
    ///
    /// What follows the last field is left alone, so that later versions can add fields.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        version = try reader.integer()
        cluster = try ClusterID(decoding: &reader)
        epoch = Epoch(try reader.integer())
        node = try reader.nodeID()
        roles = Roles(rawValue: try reader.integer())
        leader = try reader.optionalNodeID()
        limits = try ConnectionLimits(decoding: &reader)
        software = try reader.string(limit: Hello.softwareBytes)
        let count = try reader.count(limit: HelloAnswer.membersMax)
        members = []
        for _ in 0..<count {
            let node = try reader.nodeID()
            members.append(MemberAddress(node: node, clientAddress: try reader.string(limit: HelloAnswer.addressBytes)))
        }
        log = try LogContent(decoding: &reader)
    }
}
