// Pemba: what a flight recorder records of what happens to a Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One call of a Raft core that may change it.
package enum FlightInput: Sendable {
    /// `RaftCore.step`.
    case step(RaftInput)
    /// `RaftCore.propose`.
    case propose([[UInt8]])
    /// `RaftCore.changeMembership`.
    case changeMembership(MembershipRequest, expected: LogIndex)
}

/// What `propose` or `changeMembership` said.
enum FlightOutcome {
    case none
    case proposal(ProposalOutcome)
    case membership(MembershipOutcome)
}

// MARK: - Writing

extension FlightInput {
    /// The kinds after those of `RaftInput`.
    private static let proposal: UInt64 = 12
    private static let membership: UInt64 = 13

    func record<Sink: FlightSink>(into sink: inout Sink) {
        switch self {
        case .step(let input): input.record(into: &sink)
        case .propose(let payloads):
            sink.fields(FlightInput.proposal, UInt64(payloads.count))
            for payload in payloads { sink.count(payload.count) }
        case .changeMembership(let request, let expected):
            sink.fields(FlightInput.membership, expected.rawValue)
            request.record(into: &sink)
        }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        let kind = try reader.number()
        switch kind {
        case FlightInput.proposal:
            var payloads: [[UInt8]] = []
            for _ in 0..<(try reader.count()) {
                payloads.append(try reader.payload(ofLength: try reader.count(limit: Limits.entryPayloadBytes)))
            }
            self = .propose(payloads)
        case FlightInput.membership:
            let expected = try reader.index()
            self = .changeMembership(try MembershipRequest(decoding: &reader), expected: expected)
        default: self = .step(try RaftInput(kind: kind, decoding: &reader))
        }
    }
}

extension RaftInput {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        switch self {
        case .tick: sink.number(0)
        case .message(let message):
            sink.number(1)
            message.record(into: &sink)
        case .read(let ticket): sink.fields(2, ticket)
        case .transferLeadership(let target):
            sink.number(3)
            sink.optional(target?.rawValue)
        case .persisted(let sequence, let lastIndex, let lastTerm):
            sink.fields(4, sequence.rawValue, lastIndex.rawValue)
            sink.number(lastTerm.rawValue)
        case .applied(let index): sink.fields(5, index.rawValue)
        case .compact(let index): sink.fields(6, index.rawValue)
        case .snapshotSent(let peer, let index, let succeeded):
            sink.fields(7, peer.rawValue, index.rawValue)
            sink.flag(succeeded)
        case .snapshotInstalled(let point):
            sink.number(8)
            point.record(into: &sink)
        case .snapshotFailed(let index): sink.fields(9, index.rawValue)
        case .unreachable(let peer): sink.fields(10, peer.rawValue)
        case .campaign: sink.number(11)
        }
    }

    init(kind: UInt64, decoding reader: inout FlightReader) throws(ByteError) {
        switch kind {
        case 0: self = .tick
        case 1: self = .message(try RaftMessage(decoding: &reader))
        case 2: self = .read(ticket: try reader.number())
        case 3: self = .transferLeadership(to: try reader.optional("target").map { NodeID($0) })
        case 4:
            let sequence = PersistSequence(try reader.number())
            self = .persisted(sequence: sequence, lastIndex: try reader.index(), lastTerm: try reader.term())
        case 5: self = .applied(try reader.index())
        case 6: self = .compact(try reader.index())
        case 7:
            let (peer, index) = (try reader.node(), try reader.index())
            self = .snapshotSent(to: peer, index: index, succeeded: try reader.flag("succeeded"))
        case 8: self = .snapshotInstalled(try RaftSnapshotPoint(decoding: &reader))
        case 9: self = .snapshotFailed(index: try reader.index())
        case 10: self = .unreachable(try reader.node())
        case 11: self = .campaign
        default: throw .invalidValue(field: "kind of input", value: kind)
        }
    }
}

extension RaftSnapshotPoint {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(index.rawValue, term.rawValue)
        configuration.record(into: &sink)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        self.init(
            index: try reader.index(),
            term: try reader.term(),
            timestamp: .zero,
            configuration: try RaftConfiguration(recorded: &reader)
        )
    }
}

extension RaftConfiguration {
    /// Takes the encoding; that of a configuration without voters, which none is, is empty.
    func record<Sink: FlightSink>(into sink: inout Sink) { sink.bytes(voters.isEmpty ? [] : encoded) }

    init(recorded reader: inout FlightReader) throws(ByteError) {
        let bytes = try reader.bytes(limit: RaftConfiguration.encodedBytesMax)
        if bytes.isEmpty { self.init(voters: []) } else { try self.init(payload: bytes) }
    }
}

extension MembershipRequest {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        switch self {
        case .reach(let goal, let addresses):
            sink.number(0)
            sink.nodes(goal.voters)
            sink.nodes(goal.learners)
            sink.count(addresses.count)
            for item in addresses { item.record(into: &sink) }
        case .relocate(let member):
            sink.number(1)
            member.record(into: &sink)
        case .abandon: sink.number(2)
        }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        let kind = try reader.number()
        switch kind {
        case 0:
            let goal = MembershipGoal(voters: try reader.nodes(), learners: try reader.nodes())
            var addresses: [MemberAddresses] = []
            for _ in 0..<(try reader.count()) { addresses.append(try MemberAddresses(decoding: &reader)) }
            self = .reach(goal, addresses: addresses)
        case 1: self = .relocate(try MemberAddresses(decoding: &reader))
        case 2: self = .abandon
        default: throw .invalidValue(field: "kind of membership request", value: kind)
        }
    }
}

extension MemberAddresses {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.number(node.rawValue)
        for address in [peer, client] { sink.bytes([UInt8](address.description.utf8)) }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        self.init(node: try reader.node(), peer: try reader.address(), client: try reader.address())
    }
}
