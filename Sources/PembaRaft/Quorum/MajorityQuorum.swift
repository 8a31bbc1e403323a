// Pemba: what more than half of a set of voters agrees on.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// How an election stands.
package enum VoteResult: Sendable, Hashable {
    /// The outcome depends on votes that are missing.
    case pending
    /// A quorum has refused, or can no longer be reached.
    case lost
    /// A quorum has agreed.
    case won
}

/// The quorums of one set of voters.
///
/// The empty set agrees on everything, so that a joint quorum without an outgoing half behaves like its incoming half.
package struct MajorityQuorum: Sendable, Hashable {
    /// The voters, ascending, without repeats.
    package var voters: [NodeID]

    package init(_ voters: [NodeID]) { self.voters = voters }

    /// The greatest value that a quorum has reached, where a voter that says nothing has reached 0; without voters
    /// there is no bound, and the answer is the greatest number.
    package func reached(_ value: (NodeID) -> UInt64?) -> UInt64 {
        guard !voters.isEmpty else { return .max }
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: voters.count) { sorted in
            var count = 0
            for voter in voters {
                let current = value(voter) ?? 0
                // Insertion keeps the values ascending; there are few voters.
                var position = count
                while position > 0, sorted[position - 1] > current {
                    sorted[position] = sorted[position - 1]
                    position -= 1
                }
                sorted[position] = current
                count += 1
            }
            if planted("half-is-a-majority") { return sorted[count - max(count / 2, 1)] }
            return sorted[count - (count / 2 + 1)]
        }
    }

    /// How the election stands where `vote` tells what a voter answered.
    package func result(_ vote: (NodeID) -> Bool?) -> VoteResult {
        guard !voters.isEmpty else { return .won }
        var granted = 0
        var missing = 0
        for voter in voters {
            switch vote(voter) {
            case .some(true): granted += 1
            case .some(false): break
            case .none: missing += 1
            }
        }
        let needed = voters.count / 2 + 1
        if granted >= needed { return .won }
        return granted + missing >= needed ? .pending : .lost
    }
}
