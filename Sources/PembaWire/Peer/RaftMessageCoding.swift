// Pemba: Raft's messages as bytes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// The number in front of each kind of Raft message.
enum RaftMessageKind: UInt8, CaseIterable {
    case preVote = 1
    case preVoteResponse = 2
    case requestVote = 3
    case voteResponse = 4
    case appendEntries = 5
    case appendAccepted = 6
    case appendRejected = 7
    case heartbeat = 8
    case heartbeatResponse = 9
    case installSnapshot = 10
    case snapshotResponse = 11
    case timeoutNow = 12
    case readIndex = 13
    case readIndexResponse = 14
    case removed = 15
    case conditionalGrant = 16
}

extension RaftMessage {
    private var kind: RaftMessageKind {
        switch body {
        case .preVote: .preVote
        case .preVoteResponse: .preVoteResponse
        case .requestVote: .requestVote
        case .voteResponse: .voteResponse
        case .appendEntries: .appendEntries
        case .appendAccepted: .appendAccepted
        case .appendRejected: .appendRejected
        case .heartbeat: .heartbeat
        case .heartbeatResponse: .heartbeatResponse
        case .installSnapshot: .installSnapshot
        case .snapshotResponse: .snapshotResponse
        case .timeoutNow: .timeoutNow
        case .readIndex: .readIndex
        case .readIndexResponse: .readIndexResponse
        case .removed: .removed
        case .conditionalGrant: .conditionalGrant
        }
    }

    /// Appends kind u8, from u64, to u64, term u64 and the body.
    func encode(into output: inout ByteWriter) {
        output.integer(kind.rawValue)
        output.integer(from.rawValue)
        output.integer(to.rawValue)
        output.integer(term.rawValue)
        body.encode(into: &output)
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        let number: UInt8 = try reader.integer()
        guard let kind = RaftMessageKind(rawValue: number) else {
            throw .invalidValue(field: "raft message kind", value: UInt64(number))
        }
        let from = try reader.nodeID()
        let to = try reader.nodeID()
        let term = Term(try reader.integer())
        self.init(from: from, to: to, term: term, body: try Body(kind, decoding: &reader))
    }
}

extension RaftMessage.Body {
    fileprivate func encode(into output: inout ByteWriter) {
        switch self {
        case .preVote(let lastIndex, let lastTerm): output.point(lastIndex, lastTerm)
        case .preVoteResponse(let granted), .voteResponse(let granted): output.boolean(granted)
        case .requestVote(let lastIndex, let lastTerm, let transfer):
            output.point(lastIndex, lastTerm)
            output.boolean(transfer)
        case .appendEntries(let previousIndex, let previousTerm, let entries, let commit):
            output.point(previousIndex, previousTerm)
            output.integer(commit.rawValue)
            output.count(entries.count)
            for entry in entries { entry.encode(into: &output) }
        case .appendAccepted(let match): output.integer(match.rawValue)
        case .appendRejected(let rejected, let hintIndex, let hintTerm):
            output.integer(rejected.rawValue)
            output.point(hintIndex, hintTerm)
        case .heartbeat(let commit, let context, let vouch):
            output.integer(commit.rawValue)
            output.integer(context)
            output.boolean(vouch != nil)
            if let vouch {
                output.integer(vouch.probe)
                output.integer(vouch.commit.rawValue)
                output.integer(vouch.age.nanoseconds)
            }
        case .heartbeatResponse(let context, let probe):
            output.integer(context)
            output.integer(probe)
        case .installSnapshot(let index, let term): output.point(index, term)
        case .snapshotResponse(let index, let installed):
            output.integer(index.rawValue)
            output.boolean(installed)
        case .timeoutNow: break
        case .readIndex(let request): output.integer(request)
        case .readIndexResponse(let request, let index):
            output.integer(request)
            output.boolean(index != nil)
            if let index { output.integer(index.rawValue) }
        case .removed(let configuration): output.integer(configuration.rawValue)
        case .conditionalGrant(let isPreVote): output.boolean(isPreVote)
        }
    }

    fileprivate init(_ kind: RaftMessageKind, decoding reader: inout ByteReader) throws(ByteError) {
        switch kind {
        case .preVote:
            let (lastIndex, lastTerm) = try reader.point()
            self = .preVote(lastIndex: lastIndex, lastTerm: lastTerm)
        case .preVoteResponse: self = .preVoteResponse(granted: try reader.boolean(field: "granted"))
        case .requestVote:
            let (lastIndex, lastTerm) = try reader.point()
            let transfer = try reader.boolean(field: "transfer")
            self = .requestVote(lastIndex: lastIndex, lastTerm: lastTerm, transfer: transfer)
        case .voteResponse: self = .voteResponse(granted: try reader.boolean(field: "granted"))
        case .appendEntries: self = try .appendEntries(decoding: &reader)
        case .appendAccepted: self = .appendAccepted(match: LogIndex(try reader.integer()))
        case .appendRejected:
            let rejected = LogIndex(try reader.integer())
            let (hintIndex, hintTerm) = try reader.point()
            self = .appendRejected(rejected: rejected, hintIndex: hintIndex, hintTerm: hintTerm)
        case .heartbeat:
            let commit = LogIndex(try reader.integer())
            let context: UInt64 = try reader.integer()
            let vouch = try reader.boolean(field: "vouch present") ? reader.vouch() : nil
            self = .heartbeat(commit: commit, context: context, vouch: vouch)
        case .heartbeatResponse:
            let context: UInt64 = try reader.integer()
            self = .heartbeatResponse(context: context, probe: try reader.integer())
        case .installSnapshot:
            let (index, term) = try reader.point()
            self = .installSnapshot(index: index, term: term)
        case .snapshotResponse:
            let index = LogIndex(try reader.integer())
            self = .snapshotResponse(index: index, installed: try reader.boolean(field: "installed"))
        case .timeoutNow: self = .timeoutNow
        case .readIndex: self = .readIndex(request: try reader.integer())
        case .readIndexResponse:
            let request: UInt64 = try reader.integer()
            let index = try reader.boolean(field: "index present") ? LogIndex(reader.integer()) : nil
            self = .readIndexResponse(request: request, index: index)
        case .removed: self = .removed(configuration: LogIndex(try reader.integer()))
        case .conditionalGrant: self = .conditionalGrant(isPreVote: try reader.boolean(field: "pre-vote"))
        }
    }

    private static func appendEntries(decoding reader: inout ByteReader) throws(ByteError) -> RaftMessage.Body {
        let (previousIndex, previousTerm) = try reader.point()
        let commit = LogIndex(try reader.integer())
        let count = try reader.count(limit: PeerLimits.entriesPerMessage)
        // Each entry takes its fixed bytes at least: the count is no promise of memory.
        guard count * LogEntry.fixedBytes <= reader.remaining else {
            throw .truncated(needed: count * LogEntry.fixedBytes, available: reader.remaining)
        }
        var entries: [LogEntry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count { entries.append(try LogEntry(decoding: &reader)) }
        return .appendEntries(
            previousIndex: previousIndex,
            previousTerm: previousTerm,
            entries: entries,
            commit: commit
        )
    }
}

extension ByteWriter {
    fileprivate mutating func point(_ index: LogIndex, _ term: Term) {
        integer(index.rawValue)
        integer(term.rawValue)
    }
}

extension ByteReader {
    fileprivate mutating func point() throws(ByteError) -> (LogIndex, Term) {
        let index = LogIndex(try integer())
        return (index, Term(try integer()))
    }

    fileprivate mutating func vouch() throws(ByteError) -> RaftMessage.Vouch {
        let probe: UInt64 = try integer()
        let commit = LogIndex(try integer())
        return RaftMessage.Vouch(probe: probe, commit: commit, age: TimeSpan(nanoseconds: try integer()))
    }
}
