// Pemba: this node's own snapshot: when to write the next, and who is fetching it.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// Decides when the log has grown enough for a snapshot, and keeps the current one while others fetch it.
///
/// A snapshot is due when the log since the last one is as long as that one: a start then replays no more than it loads,
/// and no more bytes are written for snapshots than twice what the log has. Options say how much of a log is too little
/// and how much is too much for that.
struct SnapshotKeeper {
    /// Where the writing of a snapshot stands.
    private enum Writing {
        case none
        /// Asked for or being written; what was applied since.
        case inProgress
        /// It failed; not tried again before.
        case failed(retry: Instant)
    }

    /// A node that fetches the snapshot.
    private struct Transfer {
        let peer: NodeID
        let index: LogIndex
        var lastQuestion: Instant
        /// Blocks before this one have been asked for.
        var asked: UInt32
    }

    /// The current snapshot; zero if there is none.
    private(set) var index: LogIndex
    /// Its blocks of content: the number of the last one, since the manifest is block 0.
    private(set) var blockCount: UInt32
    private var writing: Writing = .none
    private var bytes = 0
    private var entries = 0
    /// Whether a snapshot is wanted as soon as anything was applied since the last one.
    private(set) var isDemanded = false
    /// Ascending by node.
    private var transfers: [Transfer] = []

    private let blockBytes: Int
    private let bytesMax: Int
    private let entriesMax: Int
    private let timeout: TimeSpan
    /// How long a node may take with what it has got to the last block: it verifies and loads it.
    private let installPatience: TimeSpan

    init(index: LogIndex, blockCount: UInt32, options: ReplicaOptions) {
        self.index = index
        self.blockCount = blockCount
        blockBytes = options.snapshotBlockBytes
        bytesMax = options.snapshotAfterBytes
        entriesMax = options.snapshotAfterEntries
        timeout = options.transferTimeout
        installPatience = max(options.transferTimeout, options.raft.snapshotRetention)
    }

    /// Whether a snapshot was asked for and not yet reported as written or not.
    var isWriting: Bool {
        if case .inProgress = writing { return true }
        return false
    }

    /// The blocks of a transfer, the manifest included.
    var total: UInt32 { blockCount + 1 }

    /// When the next transfer counts as broken.
    var nextDeadline: Instant { transfers.map { deadline(of: $0) }.min() ?? .distantFuture }

    /// Until when a transfer is waited for.
    private func deadline(of transfer: Transfer) -> Instant {
        transfer.lastQuestion + (transfer.asked >= total ? installPatience : timeout)
    }

    /// An entry was applied.
    mutating func applied(payloadBytes: Int) {
        bytes += payloadBytes
        entries += 1
    }

    /// Whether a snapshot should be written now; if so, it counts as being written.
    mutating func beginIfDue(at now: Instant) -> Bool {
        switch writing {
        case .none: break
        case .inProgress: return false
        case .failed(let retry): guard retry <= now else { return false }
        }
        let isFetched = !transfers.isEmpty && !planted("replaces-what-is-fetched")
        let factor = isFetched ? ReplicaOptions.snapshotPatience : 1
        let bytesDue = min(max(Int(blockCount) * blockBytes, ReplicaOptions.snapshotBytesMin), bytesMax)
        let isDue = bytes / factor >= bytesDue || entries / factor >= entriesMax || isDemanded && entries > 0
        guard isDue else { return false }
        writing = .inProgress
        return true
    }

    /// Asks for a snapshot however short the log is.
    mutating func demand() { isDemanded = true }

    /// The state for the snapshot was fixed: what is applied from now on counts for the next.
    mutating func fixed() {
        bytes = 0
        entries = 0
    }

    /// A snapshot became durable: written here or installed.
    mutating func replace(index: LogIndex, blockCount: UInt32) {
        precondition(self.index <= index, "an older snapshot replaced a newer one")
        self.index = index
        self.blockCount = blockCount
        writing = .none
        isDemanded = false
        transfers.removeAll { $0.index != index }
    }

    /// The snapshot was not written.
    mutating func failed(retry: Instant) { writing = .failed(retry: retry) }

    /// A peer was told to fetch the snapshot, or asked for blocks before number `asked`.
    mutating func question(from peer: NodeID, index: LogIndex, asked: UInt32 = 0, at now: Instant) {
        if let place = transfers.firstIndex(where: { $0.peer == peer }) { transfers.remove(at: place) }
        let place = transfers.firstIndex { peer < $0.peer } ?? transfers.count
        transfers.insert(Transfer(peer: peer, index: index, lastQuestion: now, asked: asked), at: place)
    }

    /// How much of the snapshot `peer` has asked for; nil if it fetches none.
    func progress(of peer: NodeID) -> ReplicaStatus.SnapshotProgress? {
        transfers.first { $0.peer == peer }.map { .init(done: $0.asked, total: total) }
    }

    /// The peer has installed the snapshot, or cannot.
    mutating func ended(for peer: NodeID, index: LogIndex) {
        transfers.removeAll { $0.peer == peer && $0.index == index }
    }

    /// The transfers in which nobody has asked for too long; they end.
    mutating func takeBroken(at now: Instant) -> [(peer: NodeID, index: LogIndex)] {
        guard !transfers.isEmpty else { return [] }
        let broken = transfers.filter { deadline(of: $0) <= now }
        transfers.removeAll { transfer in broken.contains { $0.peer == transfer.peer } }
        return broken.map { ($0.peer, $0.index) }
    }
}
