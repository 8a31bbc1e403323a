// Pemba: fetching a snapshot from the leader.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// One snapshot on its way to this node: which blocks are stored, which are asked for, and when to ask again.
///
/// The receiver drives: it asks for blocks in order, a window at a time beyond those that are stored, and after any break
/// again from the first that is missing. Block 0, the manifest, says how many there are.
struct SnapshotReceiver {
    /// What the transfer wants done.
    enum Action: Equatable {
        /// Ask the source for blocks.
        case fetch(from: UInt32, count: UInt32)
        /// Write a block.
        case store(number: UInt32, bytes: [UInt8])
        /// All blocks are stored.
        case complete
        /// The transfer is hopeless.
        case fail
    }

    /// Who has the snapshot.
    let source: NodeID
    /// Its index.
    let index: LogIndex
    /// The term of the entry at its index.
    let term: Term
    /// Blocks in all; 0 before the manifest has come.
    private(set) var total: UInt32 = 0
    /// Blocks stored, which are the first ones.
    private(set) var stored: UInt32 = 0
    /// Whether all blocks are stored and the snapshot is being installed.
    private(set) var isInstalling = false
    /// The next block to arrive; the ones before are stored or being written.
    private var received: UInt32 = 0
    /// Blocks before this one have been asked for.
    private var requested: UInt32 = 0
    /// When to ask again if nothing arrives.
    private(set) var retryAt: Instant
    /// Times in a row that nothing arrived.
    private var retries = 0

    private let window: UInt32
    private let timeout: TimeSpan

    /// Times in a row that nothing may arrive before the transfer fails.
    private static let retriesMax = 8

    init(source: NodeID, index: LogIndex, term: Term, window: Int, timeout: TimeSpan, now: Instant) {
        self.source = source
        self.index = index
        self.term = term
        self.window = UInt32(window)
        self.timeout = timeout
        retryAt = now + timeout
    }

    /// The first question.
    mutating func start() -> Action {
        requested = 1
        return .fetch(from: 0, count: 1)
    }

    /// A block arrived.
    mutating func receive(number: UInt32, total: UInt32, bytes: [UInt8], now: Instant) -> [Action] {
        guard !isInstalling, number == received, number < requested, total > 0, self.total == 0 || self.total == total
        else {
            return []
        }
        self.total = total
        received += 1
        retries = 0
        retryAt = now + timeout
        return [.store(number: number, bytes: bytes)]
    }

    /// A block was written, or refused.
    mutating func blockStored(number: UInt32, succeeded: Bool, now: Instant) -> [Action] {
        guard !isInstalling, number == stored else { return [] }
        guard succeeded else {
            // Damaged on the way: everything from it on is asked for again.
            return retry(now: now)
        }
        stored += 1
        if stored == total {
            isInstalling = true
            retryAt = .distantFuture
            return [.complete]
        }
        return ask()
    }

    /// Asks for more once half of the window is free.
    private mutating func ask() -> [Action] {
        let end = min(total, stored + window)
        guard end > requested, end - requested >= window / 2 || end == total else { return [] }
        let start = requested
        requested = end
        return [.fetch(from: start, count: end - start)]
    }

    /// Nothing arrived in time, or the link came back.
    mutating func retry(now: Instant) -> [Action] {
        guard !isInstalling else { return [] }
        retries += 1
        guard retries <= SnapshotReceiver.retriesMax else { return [.fail] }
        received = stored
        requested = total == 0 ? 1 : min(total, stored + window)
        retryAt = now + timeout
        return [.fetch(from: stored, count: requested - stored)]
    }
}
