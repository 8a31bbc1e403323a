// Pemba: the configurations that a simulated cluster has had, and may have.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica

/// Which configuration is committed, and which others some log has after it.
struct Memberships {
    /// A configuration in a log.
    struct Item {
        var index: LogIndex
        var term: Term
        var configuration: RaftConfiguration
    }

    /// The one that is committed.
    private(set) var settled: Item
    /// Those after it that some node was told to write, whether it did or not.
    private(set) var pending: [Item] = []

    /// Starts with that of the first entry.
    init(_ entry: LogEntry) {
        guard let configuration = try? RaftConfiguration(payload: entry.payload) else {
            preconditionFailure("a cluster begins with a configuration")
        }
        settled = Item(index: entry.index, term: entry.term, configuration: configuration)
    }

    /// A node is told to write entries.
    mutating func note(_ entries: [LogEntry]) {
        for entry in entries where entry.kind == .configuration && entry.index > settled.index {
            guard !pending.contains(where: { $0.index == entry.index && $0.term == entry.term }),
                let configuration = try? RaftConfiguration(payload: entry.payload)
            else { continue }
            pending.append(Item(index: entry.index, term: entry.term, configuration: configuration))
        }
    }

    /// Looks whether a node knows more of what is committed.
    mutating func settle(_ replica: borrowing Replica) {
        guard !pending.isEmpty else { return }
        for item in pending where item.index > settled.index && item.index <= replica.commit {
            if replica.term(at: item.index) == item.term { settled = item }
        }
        pending.removeAll { $0.index <= settled.index }
    }
}
