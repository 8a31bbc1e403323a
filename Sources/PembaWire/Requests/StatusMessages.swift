// Pemba: what a node says of itself, in a frame.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension NodeStatus {
    /// Alarms of one status.
    package static let alarmsMax = 64
    /// Bytes in one alarm.
    package static let alarmBytes = 1_024

    /// Appends the payload of a `statusAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        cluster.encode(into: &output)
        output.integer(epoch.rawValue)
        output.integer(node.rawValue)
        output.integer(role.rawValue)
        output.integer(term.rawValue)
        output.integer(leader?.rawValue ?? 0)
        output.integer(lastIndex.rawValue)
        output.integer(commitIndex.rawValue)
        output.integer(appliedIndex.rawValue)
        output.integer(snapshotIndex.rawValue)
        output.integer(oldestRevision.rawValue)
        output.integer(tupleCount)
        output.integer(residentBytes)
        output.integer(stateHash)
        output.integer(uptimeSeconds)
        output.string(version)
        let kept = alarms.prefix(NodeStatus.alarmsMax)
        output.count(kept.count)
        for alarm in kept { output.string(alarm, cutTo: NodeStatus.alarmBytes) }
        output.count(members.count)
        for member in members {
            output.integer(member.node.rawValue)
            output.string(member.clientAddress)
            output.boolean(member.matchIndex != nil)
            output.integer(member.matchIndex?.rawValue ?? 0)
            output.boolean(member.isConnected)
        }
    }

    /// Reads the payload of a `statusAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let cluster = try ClusterID(decoding: &reader)
        let epoch = Epoch(try reader.integer())
        let node = try reader.nodeID()
        let roleNumber: UInt8 = try reader.integer()
        guard let role = NodeRole(rawValue: roleNumber) else {
            throw .invalidValue(field: "role", value: UInt64(roleNumber))
        }
        self.init(
            cluster: cluster,
            epoch: epoch,
            node: node,
            role: role,
            term: Term(try reader.integer()),
            leader: try reader.optionalNodeID(),
            lastIndex: LogIndex(try reader.integer()),
            commitIndex: LogIndex(try reader.integer()),
            appliedIndex: LogIndex(try reader.integer()),
            snapshotIndex: LogIndex(try reader.integer()),
            oldestRevision: Revision(try reader.integer(UInt64.self)),
            tupleCount: try reader.integer(),
            residentBytes: try reader.integer(),
            stateHash: try reader.integer(),
            alarms: [],
            members: [],
            version: "",
            uptimeSeconds: try reader.integer()
        )
        version = try reader.string(limit: Hello.softwareBytes)
        for _ in 0..<(try reader.count(limit: NodeStatus.alarmsMax)) {
            alarms.append(try reader.string(limit: NodeStatus.alarmBytes))
        }
        for _ in 0..<(try reader.count(limit: HelloAnswer.membersMax)) {
            members.append(try reader.memberStatus())
        }
        try reader.expectEnd()
    }
}

extension ByteReader {
    fileprivate mutating func memberStatus() throws(ByteError) -> MemberStatus {
        let node = try nodeID()
        let address = try string(limit: HelloAnswer.addressBytes)
        let hasMatch = try boolean(field: "match index present")
        let match = LogIndex(try integer())
        guard hasMatch || match == .zero else {
            throw .invalidValue(field: "match index", value: match.rawValue)
        }
        let isConnected = try boolean(field: "connected")
        return MemberStatus(
            node: node,
            clientAddress: address,
            matchIndex: hasMatch ? match : nil,
            isConnected: isConnected
        )
    }
}
