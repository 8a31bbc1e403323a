// Pemba: small parts of a Raft core's state in a flight recording.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftOptions {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(id.rawValue, electionTimeout.nanoseconds, heartbeatInterval.nanoseconds)
        sink.fields(diskStallTimeout.nanoseconds, snapshotRetention.nanoseconds, catchUpTimeout.nanoseconds)
        sink.flag(usesPreVote)
        sink.flag(checksQuorum)
        for limit in [inflightMessagesMax, inflightBytesMax, messageBytesMax, uncommittedBytesMax] { sink.count(limit) }
        for limit in [trailingEntries, trailingBytes, electionPriority, catchUpRoundsMax] { sink.count(limit) }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        let (id, electionTimeout, heartbeatInterval) = (try reader.node(), try reader.span(), try reader.span())
        let (stall, retention, catchUp) = (try reader.span(), try reader.span(), try reader.span())
        let (usesPreVote, checksQuorum) = (try reader.flag("pre-vote"), try reader.flag("check-quorum"))
        let (messages, bytes) = (try reader.amount("messages in flight"), try reader.amount("bytes in flight"))
        let messageBytes = try reader.amount("bytes of a message")
        let uncommitted = try reader.amount("uncommitted bytes")
        let (entries, entryBytes) = (try reader.amount("trailing entries"), try reader.amount("trailing bytes"))
        let (priority, rounds) = (try reader.amount("priority"), try reader.amount("rounds"))
        guard heartbeatInterval > .zero, heartbeatInterval < electionTimeout, messages > 0, bytes > 0,
            priority <= RaftOptions.electionPriorityMax, rounds > 0
        else { throw .invalidText(field: "options", reason: "no node can have them") }
        self.init(
            id: id,
            electionTimeout: electionTimeout,
            usesPreVote: usesPreVote,
            checksQuorum: checksQuorum,
            diskStallTimeout: stall,
            heartbeatInterval: heartbeatInterval,
            inflightMessagesMax: messages,
            inflightBytesMax: bytes,
            messageBytesMax: messageBytes,
            uncommittedBytesMax: uncommitted,
            trailingEntries: entries,
            trailingBytes: entryBytes,
            snapshotRetention: retention,
            electionPriority: priority,
            catchUpTimeout: catchUp,
            catchUpRoundsMax: rounds
        )
    }
}

extension HardState {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.number(term.rawValue)
        sink.optional(vote?.rawValue)
        sink.number(UInt64(debt?.kind.rawValue ?? 0))
        sink.number(debt?.term.rawValue ?? 0)
        sink.number(votesFrom.rawValue)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        let term = try reader.term()
        let vote = try reader.optional("vote").map { NodeID($0) }
        let (kind, debtTerm) = (try reader.number(), try reader.term())
        self.init(term: term, vote: vote, votesFrom: try reader.index())
        guard kind != 0 else { return }
        guard kind <= 2, let kind = LogDebt.Kind(rawValue: UInt8(kind)) else {
            throw .invalidValue(field: "kind of debt", value: kind)
        }
        debt = LogDebt(kind: kind, term: debtTerm)
    }
}

extension RaftLeadership {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(term.rawValue, UInt64(role.rawValue))
        sink.optional(leader?.rawValue)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        let term = try reader.term()
        let value = try reader.number()
        guard value <= 3, let role = RaftRole(rawValue: UInt8(value)) else {
            throw .invalidValue(field: "role", value: value)
        }
        self.init(term: term, role: role, leader: try reader.optional("leader").map { NodeID($0) })
    }
}

extension ConfigurationHistory {
    init(decoding reader: inout FlightReader) throws(ByteError) {
        let count = try reader.count()
        guard count > 0 else { throw .invalidValue(field: "configurations", value: 0) }
        let index = try reader.index()
        self.init(index: index, configuration: try RaftConfiguration(recorded: &reader))
        for _ in 1..<count {
            let index = try reader.index()
            guard index > currentIndex else { throw .invalidValue(field: "configuration", value: index.rawValue) }
            append(try RaftConfiguration(recorded: &reader), at: index)
        }
    }
}

extension RaftEffect {
    /// Takes what the effect demands; the entries of a write as they are recorded.
    func record<Sink: FlightSink>(into sink: inout Sink) {
        switch self {
        case .persist(let request):
            sink.fields(0, request.sequence.rawValue)
            sink.flag(request.hardState != nil)
            request.hardState?.record(into: &sink)
            request.entries.record(into: &sink)
            sink.fields(request.lastIndex.rawValue, request.lastTerm.rawValue)
        case .send(let message):
            sink.number(1)
            message.record(into: &sink)
        case .commit(let index): sink.fields(2, index.rawValue)
        case .readReady(let ticket, let index): sink.fields(3, ticket, index.rawValue)
        case .readFailed(let ticket): sink.fields(4, ticket)
        case .leadership(let leadership):
            sink.number(5)
            leadership.record(into: &sink)
        case .sendSnapshot(let peer, let index, let term):
            sink.fields(6, peer.rawValue, index.rawValue)
            sink.number(term.rawValue)
        case .receiveSnapshot(let peer, let index, let term):
            sink.fields(7, peer.rawValue, index.rawValue)
            sink.number(term.rawValue)
        }
    }
}

extension FlightOutcome {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        switch self {
        case .none: break
        case .proposal(.appended(let first, let term)): sink.fields(8, first.rawValue, term.rawValue)
        case .proposal(.notLeader(let leader)): sink.fields(9, leader?.rawValue ?? 0)
        case .proposal(.overloaded): sink.number(10)
        case .proposal(.transferring): sink.number(11)
        case .membership(.appended(let index, let term)): sink.fields(12, index.rawValue, term.rawValue)
        case .membership(.notLeader(let leader)): sink.fields(13, leader?.rawValue ?? 0)
        case .membership(.transferring): sink.number(14)
        case .membership(.refused): sink.number(15)
        }
    }
}
