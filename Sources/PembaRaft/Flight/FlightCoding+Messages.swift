// Pemba: messages and entries in a flight recording.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Entries are recorded without timestamps and payloads, from which nothing follows that Raft does; those of
/// configurations are what they are.
extension LogEntry {
    /// Takes the entry's term as more than that of the one before.
    func record<Sink: FlightSink>(after previous: Term, into sink: inout Sink) {
        sink.number(term.rawValue &- previous.rawValue)
        sink.number(UInt64(payload.count) << 2 | UInt64(kind.rawValue))
        if kind == .configuration { sink.bytes(payload) }
    }

    init(index: LogIndex, after previous: Term, decoding reader: inout FlightReader) throws(ByteError) {
        let term = Term(previous.rawValue &+ (try reader.number()))
        let word = try reader.number()
        guard let kind = Kind(rawValue: UInt8(word & 3)) else {
            throw .invalidValue(field: "kind of entry", value: word)
        }
        let length = word >> 2
        guard length <= UInt64(Limits.entryPayloadBytes) else {
            throw .exceedsLimit(value: length, limit: UInt64(Limits.entryPayloadBytes))
        }
        let payload =
            kind == .configuration
            ? try reader.bytes(limit: RaftConfiguration.encodedBytesMax) : try reader.payload(ofLength: Int(length))
        self.init(index: index, term: term, timestamp: .zero, kind: kind, payload: payload)
    }
}

/// A list of entries that follow each other.
extension [LogEntry] {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.count(count)
        guard let first else { return }
        sink.number(first.index.rawValue)
        var previous = Term.zero
        for entry in self {
            entry.record(after: previous, into: &sink)
            previous = entry.term
        }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        self = []
        let count = try reader.count()
        guard count > 0 else { return }
        var index = try reader.index()
        var previous = Term.zero
        for _ in 0..<count {
            let entry = try LogEntry(index: index, after: previous, decoding: &reader)
            append(entry)
            previous = entry.term
            index = LogIndex(index.rawValue &+ 1)
        }
    }
}

extension RaftMessage {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(from.rawValue, to.rawValue, term.rawValue)
        switch body {
        case .preVote(let lastIndex, let lastTerm): sink.fields(0, lastIndex.rawValue, lastTerm.rawValue)
        case .preVoteResponse(let granted): sink.fields(1, granted ? 1 : 0)
        case .requestVote(let lastIndex, let lastTerm, let transfer):
            sink.fields(2, lastIndex.rawValue, lastTerm.rawValue)
            sink.flag(transfer)
        case .voteResponse(let granted): sink.fields(3, granted ? 1 : 0)
        case .conditionalGrant(let isPreVote): sink.fields(4, isPreVote ? 1 : 0)
        case .appendEntries(let previousIndex, let previousTerm, let entries, let commit):
            sink.fields(5, previousIndex.rawValue, previousTerm.rawValue)
            sink.number(commit.rawValue)
            entries.record(into: &sink)
        case .appendAccepted(let match): sink.fields(6, match.rawValue)
        case .appendRejected(let rejected, let hintIndex, let hintTerm):
            sink.fields(7, rejected.rawValue, hintIndex.rawValue)
            sink.number(hintTerm.rawValue)
        case .heartbeat(let commit, let context, let vouch):
            sink.fields(8, commit.rawValue, context)
            sink.flag(vouch != nil)
            if let vouch {
                sink.fields(vouch.probe, vouch.commit.rawValue, vouch.age.nanoseconds)
            }
        case .heartbeatResponse(let context, let probe): sink.fields(9, context, probe)
        case .installSnapshot(let index, let term): sink.fields(10, index.rawValue, term.rawValue)
        case .snapshotResponse(let index, let installed): sink.fields(11, index.rawValue, installed ? 1 : 0)
        case .timeoutNow: sink.number(12)
        case .readIndex(let request): sink.fields(13, request)
        case .readIndexResponse(let request, let index):
            sink.fields(14, request)
            sink.optional(index?.rawValue)
        case .removed(let index): sink.fields(15, index.rawValue)
        }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        self.init(
            from: try reader.node(),
            to: try reader.node(),
            term: try reader.term(),
            body: try Body(decoding: &reader)
        )
    }
}

extension RaftMessage.Body {
    init(decoding reader: inout FlightReader) throws(ByteError) {
        let kind = try reader.number()
        switch kind {
        case 0: self = .preVote(lastIndex: try reader.index(), lastTerm: try reader.term())
        case 1: self = .preVoteResponse(granted: try reader.flag("granted"))
        case 2:
            self = .requestVote(
                lastIndex: try reader.index(),
                lastTerm: try reader.term(),
                transfer: try reader.flag("transfer")
            )
        case 3: self = .voteResponse(granted: try reader.flag("granted"))
        case 4: self = .conditionalGrant(isPreVote: try reader.flag("pre-vote"))
        case 5:
            let (index, term, commit) = (try reader.index(), try reader.term(), try reader.index())
            let entries = try [LogEntry](decoding: &reader)
            self = .appendEntries(previousIndex: index, previousTerm: term, entries: entries, commit: commit)
        case 6: self = .appendAccepted(match: try reader.index())
        case 7:
            self = .appendRejected(
                rejected: try reader.index(),
                hintIndex: try reader.index(),
                hintTerm: try reader.term()
            )
        case 8:
            let (commit, context) = (try reader.index(), try reader.number())
            var vouch: RaftMessage.Vouch?
            if try reader.flag("vouch") {
                vouch = .init(probe: try reader.number(), commit: try reader.index(), age: try reader.span())
            }
            self = .heartbeat(commit: commit, context: context, vouch: vouch)
        case 9: self = .heartbeatResponse(context: try reader.number(), probe: try reader.number())
        case 10: self = .installSnapshot(index: try reader.index(), term: try reader.term())
        case 11: self = .snapshotResponse(index: try reader.index(), installed: try reader.flag("installed"))
        case 12: self = .timeoutNow
        case 13: self = .readIndex(request: try reader.number())
        case 14:
            let request = try reader.number()
            self = .readIndexResponse(request: request, index: try reader.optional("index").map { LogIndex($0) })
        case 15: self = .removed(configuration: try reader.index())
        default: throw .invalidValue(field: "kind of message", value: kind)
        }
    }
}
