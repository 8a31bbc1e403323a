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
        history.encode(into: &output)
        output.integer(tupleCount)
        output.integer(residentBytes)
        output.integer(stateHash)
        output.integer(uptimeSeconds)
        output.string(version)
        let kept = alarms.prefix(NodeStatus.alarmsMax)
        output.count(kept.count)
        for alarm in kept { output.string(alarm, cutTo: NodeStatus.alarmBytes) }
        membership.encode(into: &output)
        output.count(members.count)
        for member in members { member.encode(into: &output) }
    }

    /// Reads the payload of a `statusAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        try self.init(reading: &reader)
        try reader.expectEnd()
    }

    /// Reads a status that other fields may follow.
    init(reading reader: inout ByteReader) throws(ByteError) {
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
            history: try HistoryStatus(decoding: &reader),
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
        membership = try MembershipStatus(decoding: &reader)
        for _ in 0..<(try reader.count(limit: HelloAnswer.membersMax)) {
            members.append(try MemberStatus(decoding: &reader))
        }
    }
}

extension HistoryStatus {
    fileprivate func encode(into output: inout ByteWriter) {
        output.integer(oldest.rawValue)
        output.integer(oldestTime.nanoseconds)
        for number in [changes, changesMax, bytes, bytesMax, secondsMax] { output.integer(number) }
    }

    fileprivate init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(
            oldest: Revision(try reader.integer(UInt64.self)),
            oldestTime: Timestamp(nanoseconds: try reader.integer()),
            changes: try reader.integer(),
            changesMax: try reader.integer(),
            bytes: try reader.integer(),
            bytesMax: try reader.integer(),
            secondsMax: try reader.integer()
        )
    }
}

extension MembershipStatus {
    fileprivate func encode(into output: inout ByteWriter) {
        output.integer(index.rawValue)
        output.boolean(isSettled)
        output.integer(removedAt?.rawValue ?? 0)
        output.integer(highestNode?.rawValue ?? 0)
        output.boolean(abandoned != nil)
        guard let abandoned else { return }
        output.integer(abandoned.node.rawValue)
        output.integer(abandoned.reason.rawValue)
        output.integer(abandoned.index.rawValue)
    }

    fileprivate init(decoding reader: inout ByteReader) throws(ByteError) {
        let index = LogIndex(try reader.integer())
        let isSettled = try reader.boolean(field: "settled")
        let removed: UInt64 = try reader.integer()
        let highest = try reader.optionalNodeID()
        var abandoned: Abandoned?
        if try reader.boolean(field: "abandoned change present") {
            let node = try reader.nodeID()
            let number: UInt8 = try reader.integer()
            guard let reason = CatchUpEnd(rawValue: number) else {
                throw .invalidValue(field: "reason of an abandoned change", value: UInt64(number))
            }
            abandoned = Abandoned(node: node, reason: reason, index: LogIndex(try reader.integer()))
        }
        self.init(
            index: index,
            isSettled: isSettled,
            abandoned: abandoned,
            removedAt: removed == 0 ? nil : LogIndex(removed),
            highestNode: highest
        )
    }
}

extension MemberStatus {
    fileprivate func encode(into output: inout ByteWriter) {
        output.integer(node.rawValue)
        output.integer(role.rawValue)
        output.integer(next?.rawValue ?? 0)
        output.string(clientAddress)
        output.string(peerAddress)
        output.boolean(matchIndex != nil)
        output.integer(matchIndex?.rawValue ?? 0)
        output.boolean(isConnected)
        output.boolean(hasLostData)
        output.boolean(catchUp != nil)
        if let catchUp {
            output.integer(catchUp.round)
            output.integer(catchUp.target.rawValue)
        }
        output.boolean(snapshot != nil)
        if let snapshot {
            output.integer(snapshot.done)
            output.integer(snapshot.total)
        }
    }

    fileprivate init(decoding reader: inout ByteReader) throws(ByteError) {
        let node = try reader.nodeID()
        guard let role = try reader.memberRole(), role != .removed else {
            throw .invalidValue(field: "role of a member", value: 0)
        }
        let next = try reader.memberRole()
        let client = try reader.string(limit: HelloAnswer.addressBytes)
        let peer = try reader.string(limit: HelloAnswer.addressBytes)
        let hasMatch = try reader.boolean(field: "match index present")
        let match = LogIndex(try reader.integer())
        guard hasMatch || match == .zero else {
            throw .invalidValue(field: "match index", value: match.rawValue)
        }
        self.init(
            node: node,
            role: role,
            next: next,
            clientAddress: client,
            peerAddress: peer,
            matchIndex: hasMatch ? match : nil,
            isConnected: try reader.boolean(field: "connected"),
            hasLostData: try reader.boolean(field: "lost data")
        )
        if try reader.boolean(field: "catch-up present") {
            let round: UInt32 = try reader.integer()
            catchUp = CatchUpProgress(round: round, target: LogIndex(try reader.integer()))
        }
        if try reader.boolean(field: "snapshot present") {
            let done: UInt32 = try reader.integer()
            snapshot = SnapshotProgress(done: done, total: try reader.integer())
        }
    }
}

extension ByteReader {
    /// Reads a member's role; 0: none.
    fileprivate mutating func memberRole() throws(ByteError) -> MemberRole? {
        let number: UInt8 = try integer()
        guard number > 0 else { return nil }
        guard let role = MemberRole(rawValue: number) else {
            throw .invalidValue(field: "role of a member", value: UInt64(number))
        }
        return role
    }
}
