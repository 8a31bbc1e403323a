// Pemba: looking at the members of a cluster and changing them.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// Asks the leader for the members as they are, or for others.
package struct MembershipMessage: Hashable, Sendable {
    /// Voters and learners that one change may name.
    package static let membersMax = HelloAnswer.membersMax

    /// What is to change; nil: nothing.
    package var change: MembershipChange?
    /// The entry of the configuration that the change rests on; with another one in force it is refused.
    package var expected: LogIndex

    package init(change: MembershipChange?, expected: LogIndex) {
        self.change = change
        self.expected = expected
    }

    /// The number in front of each kind of change.
    private enum Kind: UInt8 {
        case none = 0
        case reach = 1
        case abandon = 2
        case relocate = 3
        case transferLeadership = 4
    }

    /// Appends the payload of a `membership` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.integer(expected.rawValue)
        func kind(_ kind: Kind) { output.integer(kind.rawValue) }
        switch change {
        case nil: kind(.none)
        case .reach(let voters, let learners, let contacts):
            kind(.reach)
            for list in [voters, learners] {
                output.count(list.count)
                for node in list { output.integer(node.rawValue) }
            }
            output.count(contacts.count)
            for contact in contacts { contact.encode(into: &output) }
        case .abandon: kind(.abandon)
        case .relocate(let contact):
            kind(.relocate)
            contact.encode(into: &output)
        case .transferLeadership(let node):
            kind(.transferLeadership)
            output.integer(node?.rawValue ?? 0)
        }
    }

    /// Reads the payload of a `membership` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<MembershipMessage> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let expected = LogIndex(try reader.integer())
            let number: UInt8 = try reader.integer()
            let change: MembershipChange?
            switch Kind(rawValue: number) {
            case Kind.none?: change = nil
            case .reach?:
                let voters = try reader.nodes()
                let learners = try reader.nodes()
                var contacts: [MemberContact] = []
                for _ in 0..<(try reader.count(limit: membersMax)) {
                    contacts.append(try MemberContact(decoding: &reader))
                }
                change = .reach(voters: voters, learners: learners, contacts: contacts)
            case .abandon?: change = .abandon
            case .relocate?: change = .relocate(try MemberContact(decoding: &reader))
            case .transferLeadership?: change = .transferLeadership(to: try reader.optionalNodeID())
            case nil: throw .invalidValue(field: "kind of change", value: UInt64(number))
            }
            return MembershipMessage(change: change, expected: expected)
        }
    }
}

extension MembershipAnswer {
    /// Appends the payload of a `membershipAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        output.integer(entry?.rawValue ?? 0)
        status.encode(into: &output)
    }

    /// Reads the payload of a `membershipAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let entry: UInt64 = try reader.integer()
        let status = try NodeStatus(reading: &reader)
        try reader.expectEnd()
        self.init(entry: entry == 0 ? nil : LogIndex(entry), status: status)
    }
}

extension MemberContact {
    fileprivate func encode(into output: inout ByteWriter) {
        output.integer(node.rawValue)
        output.string(peer.description)
        output.string(client.description)
    }

    fileprivate init(decoding reader: inout ByteReader) throws(ByteError) {
        let node = try reader.nodeID()
        let peer = try reader.address(field: "peer address")
        self.init(node: node, peer: peer, client: try reader.address(field: "client address"))
    }
}

extension ByteReader {
    fileprivate mutating func nodes() throws(ByteError) -> [NodeID] {
        var nodes: [NodeID] = []
        for _ in 0..<(try count(limit: MembershipMessage.membersMax)) { nodes.append(try nodeID()) }
        return nodes
    }

    fileprivate mutating func address(field: String) throws(ByteError) -> NetworkAddress {
        let text = try string(limit: HelloAnswer.addressBytes)
        guard let address = try? NetworkAddress(parsing: text) else {
            throw .invalidValue(field: field, value: UInt64(text.utf8.count))
        }
        return address
    }
}
