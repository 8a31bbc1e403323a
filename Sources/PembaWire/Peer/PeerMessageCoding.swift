// Pemba: messages between nodes as payloads of `peer` frames.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaRaft
package import PembaReplica
import PembaService

/// Limits of what nodes send each other.
package enum PeerLimits {
    /// Bytes in the payload of a frame between nodes: an entry of the greatest length and what surrounds it fit.
    package static let framePayloadBytes = Limits.entryPayloadBytes + (1 << 20)
    /// Entries of one append, and proposals of one forward.
    package static let entriesPerMessage = 65_536
}

/// The number in front of each kind of message.
enum PeerMessageKind: UInt8, CaseIterable {
    case raft = 1
    case forwardProposals = 2
    case proposalRefused = 3
    case fetchSnapshot = 4
    case snapshotBlock = 5
    case snapshotUnavailable = 6
}

extension PeerMessage {
    /// Whether compressing the message may pay: blocks of snapshots are compressed already.
    package var isCompressible: Bool {
        if case .snapshotBlock = self { return false }
        return true
    }

    /// Appends the payload of a `peer` frame.
    package func encode(into output: inout ByteWriter) {
        switch self {
        case .raft(let message):
            output.integer(PeerMessageKind.raft.rawValue)
            message.encode(into: &output)
        case .forwardProposals(let term, let proposals):
            output.integer(PeerMessageKind.forwardProposals.rawValue)
            output.integer(term.rawValue)
            output.count(proposals.count)
            for proposal in proposals { output.lengthPrefixed(proposal) }
        case .proposalRefused(let request, let error):
            output.integer(PeerMessageKind.proposalRefused.rawValue)
            output.integer(request)
            error.encode(into: &output)
        case .fetchSnapshot(let index, let from, let count):
            output.integer(PeerMessageKind.fetchSnapshot.rawValue)
            output.integer(index.rawValue)
            output.integer(from)
            output.integer(count)
        case .snapshotBlock(let index, let number, let total, let bytes):
            output.integer(PeerMessageKind.snapshotBlock.rawValue)
            output.integer(index.rawValue)
            output.integer(number)
            output.integer(total)
            output.lengthPrefixed(bytes)
        case .snapshotUnavailable(let index):
            output.integer(PeerMessageKind.snapshotUnavailable.rawValue)
            output.integer(index.rawValue)
        }
    }

    /// Reads the payload of a `peer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        try self.init(reading: &reader)
        try reader.expectEnd()
    }

    private init(reading reader: inout ByteReader) throws(ByteError) {
        let number: UInt8 = try reader.integer()
        switch PeerMessageKind(rawValue: number) {
        case .raft: self = .raft(try RaftMessage(decoding: &reader))
        case .forwardProposals:
            let term = Term(try reader.integer())
            var proposals: [[UInt8]] = []
            for _ in 0..<(try reader.count(limit: PeerLimits.entriesPerMessage)) {
                proposals.append(try reader.byteArray(limit: Limits.entryPayloadBytes))
            }
            self = .forwardProposals(term: term, proposals)
        case .proposalRefused:
            let request: UInt64 = try reader.integer()
            self = .proposalRefused(request: request, error: try ErrorFrame(reading: &reader).serviceError)
        case .fetchSnapshot:
            let index = LogIndex(try reader.integer())
            let from: UInt32 = try reader.integer()
            self = .fetchSnapshot(index: index, from: from, count: try reader.integer())
        case .snapshotBlock:
            let index = LogIndex(try reader.integer())
            let block: UInt32 = try reader.integer()
            let total: UInt32 = try reader.integer()
            let bytes = try reader.byteArray(limit: PeerLimits.framePayloadBytes)
            self = .snapshotBlock(index: index, number: block, total: total, bytes: bytes)
        case .snapshotUnavailable: self = .snapshotUnavailable(index: LogIndex(try reader.integer()))
        case nil: throw .invalidValue(field: "peer message kind", value: UInt64(number))
        }
    }
}
