// Pemba: what a message says, as one number.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RaftMessage {
    /// A hash of what the message says, but for how fresh anybody is (`RaftCore.digest`).
    package func digest(naming name: (NodeID) -> UInt64) -> UInt64 {
        var hasher = StateHasher(domain: 10)
        hasher.combine([name(from), name(to), term.rawValue])
        switch body {
        case .preVote(let index, let term): hasher.combine([0, index.rawValue, term.rawValue])
        case .preVoteResponse(let granted): hasher.combine([1, granted ? 1 : 0])
        case .requestVote(let index, let term, let transfer):
            hasher.combine([2, index.rawValue, term.rawValue, transfer ? 1 : 0])
        case .voteResponse(let granted): hasher.combine([3, granted ? 1 : 0])
        case .appendEntries(let index, let term, let entries, let commit):
            hasher.combine([4, index.rawValue, term.rawValue, commit.rawValue])
            for entry in entries { hasher.combine(entry.digest(naming: name)) }
        case .appendAccepted(let match): hasher.combine([5, match.rawValue])
        case .appendRejected(let rejected, let index, let term):
            hasher.combine([6, rejected.rawValue, index.rawValue, term.rawValue])
        case .heartbeat(let commit, let context, _): hasher.combine([7, commit.rawValue, context])
        case .heartbeatResponse(let context, _): hasher.combine([8, context])
        case .installSnapshot(let index, let term): hasher.combine([9, index.rawValue, term.rawValue])
        case .snapshotResponse(let index, let installed): hasher.combine([10, index.rawValue, installed ? 1 : 0])
        case .timeoutNow: hasher.combine([11])
        case .readIndex(let request): hasher.combine([12, request])
        case .readIndexResponse(let request, let index):
            hasher.combine([13, request, index?.rawValue ?? .max])
        case .conditionalGrant(let isPreVote): hasher.combine([15, isPreVote ? 1 : 0])
        case .removed(let index): hasher.combine([14, index.rawValue])
        }
        return hasher.value
    }
}
