// Pemba: proposals that other nodes sent to this one as the leader.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// Proposals of other nodes' clients, waiting to be appended, and a memory of which have been seen.
///
/// A message that a network repeats must not be appended twice, since a write without a key would be done twice. Request
/// numbers of one start of a node ascend, so that one number for each start is memory enough; a message is only good in
/// the term it was meant for, so that the memory need not outlive this node's leadership.
struct ForwardedProposals {
    /// One proposal of another node.
    struct Item {
        let origin: NodeID
        let request: UInt64
        let payload: [UInt8]
    }

    private struct Source {
        let node: NodeID
        let boot: UInt32
        var last: UInt64
    }

    /// What to do with a proposal that arrived.
    enum Verdict {
        /// It is new: append or refuse it.
        case new
        /// It was seen before, or nobody can tell any more: say nothing, since what was done with it stands.
        case repeated
    }

    /// Starts of nodes that are remembered in one term; the oldest are forgotten.
    private static let sourcesMax = 1_024

    private var term: Term = .zero
    private var sources: [Source] = []
    private(set) var items: [Item] = []
    private(set) var bytes = 0

    /// This node leads in `term` from now on, and nobody can have sent it anything for that term.
    mutating func begin(term: Term) {
        self.term = term
        sources.removeAll()
    }

    /// Notes a proposal meant for `term`.
    mutating func note(origin: NodeID, request: UInt64, term: Term) -> Verdict {
        guard term == self.term else { return .repeated }
        let boot = UInt32(truncatingIfNeeded: request >> 32)
        if let place = sources.firstIndex(where: { $0.node == origin && $0.boot == boot }) {
            guard request > sources[place].last || planted("appends-repeated-proposals") else { return .repeated }
            sources[place].last = request
        } else {
            if sources.count == ForwardedProposals.sourcesMax { sources.removeFirst() }
            sources.append(Source(node: origin, boot: boot, last: request))
        }
        return .new
    }

    /// Queues a proposal to be appended.
    mutating func add(_ item: Item) {
        items.append(item)
        bytes += item.payload.count
    }

    /// Takes all that wait.
    mutating func takeAll() -> [Item] {
        let taken = items
        items.removeAll(keepingCapacity: true)
        bytes = 0
        return taken
    }
}
