// Pemba: fetching a snapshot from the leader.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// One snapshot on its way to this node: which blocks are stored, which are asked for, and when to ask again.
///
/// The receiver drives: it asks for blocks in order, a window at a time beyond those that are stored, and after any break
/// again from the first that is missing. Block 0, the manifest, says how many there are, and storage says after it how
/// many of them it has from before: from this source or another with the same snapshot, in this process or before it.
///
/// What is asked for travels on the connection that brings the leader's heartbeats too. So the window shrinks while it
/// takes longer to come than these may be late, and grows again.
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
    /// Blocks that have overtaken that one, by number: fewer than a window of them.
    private var early: [UInt32: [UInt8]] = [:]
    /// Blocks before this one have been asked for.
    private var requested: UInt32 = 0
    /// When to ask again if nothing arrives.
    private(set) var retryAt: Instant
    /// Times in a row that something was asked for again without a block having been stored.
    private var retries = 0
    /// Blocks asked for beyond those that are stored.
    private(set) var window: UInt32
    /// The questions that are not answered in full: before which block each ends, and when it was asked.
    private var questions: [(end: UInt32, askedAt: Instant)]

    private let windowMax: UInt32
    private let latency: TimeSpan
    private let timeout: TimeSpan

    /// Times in a row that nothing may be stored before the transfer fails.
    private static let retriesMax = 8

    init(
        source: NodeID,
        index: LogIndex,
        term: Term,
        window: Int,
        latency: TimeSpan,
        timeout: TimeSpan,
        now: Instant
    ) {
        self.source = source
        self.index = index
        self.term = term
        self.window = UInt32(window)
        windowMax = UInt32(window)
        self.latency = latency
        questions = [(1, now)]
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
        guard !isInstalling, number >= received, number < requested, total > 0, self.total == 0 || self.total == total
        else {
            return []
        }
        self.total = total
        early[number] = bytes
        var actions: [Action] = []
        while let bytes = early.removeValue(forKey: received) {
            actions.append(.store(number: received, bytes: bytes))
            received += 1
        }
        guard !actions.isEmpty else { return [] }
        // After a break less may be asked for than had come before it.
        requested = max(requested, received)
        retryAt = now + timeout
        while let question = questions.first, question.end <= received {
            questions.removeFirst()
            fitWindow(to: now - question.askedAt)
        }
        return actions
    }

    /// A block was written, and the first one that is missing now is `missing`; nil: it was refused.
    mutating func blockStored(number: UInt32, missing: UInt32?, now: Instant) -> [Action] {
        // Before the manifest has come, what was written belongs to a transfer before this one.
        guard !isInstalling, number == stored, total > 0 else { return [] }
        guard let missing else {
            // Damaged on the way: everything from it on is asked for again. A disk that takes nothing is not asked as fast
            // as it refuses.
            if retries == 0 { return retry(now: now) }
            retryAt = now + timeout
            return []
        }
        retries = 0
        stored = min(max(stored + 1, missing), total)
        received = max(received, stored)
        requested = max(requested, stored)
        if stored == total {
            isInstalling = true
            retryAt = .distantFuture
            return [.complete]
        }
        return ask(now: now)
    }

    /// Asks for more once half of the window is free.
    private mutating func ask(now: Instant) -> [Action] {
        let end = min(total, stored + window)
        guard end > requested, end - requested >= window / 2 || end == total else { return [] }
        let start = requested
        requested = end
        questions.append((end, now))
        return [.fetch(from: start, count: end - start)]
    }

    /// A question was answered in full after `span`.
    private mutating func fitWindow(to span: TimeSpan) {
        if span > latency {
            window = max(1, window / 2)
        } else if span * 2 <= latency {
            window = min(windowMax, window * 2)
        }
    }

    /// Nothing arrived in time, or the link came back.
    mutating func retry(now: Instant) -> [Action] {
        guard !isInstalling else { return [] }
        if planted("asks-once") {
            retryAt = now + timeout
            return []
        }
        retries += 1
        guard retries <= SnapshotReceiver.retriesMax else { return [.fail] }
        received = stored
        window = max(1, window / 2)
        requested = total == 0 ? 1 : min(total, stored + window)
        retryAt = now + timeout
        questions = [(requested, now)]
        return [.fetch(from: stored, count: requested - stored)]
    }
}
