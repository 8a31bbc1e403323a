// Pemba: the client sessions of the state machine.
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
package import PembaCore
import PembaService

/// Bounds on the client sessions; the same on every node, since they decide what the state is.
package struct SessionLimits: Sendable {
    /// Sessions kept.
    package var sessions = Limits.clientSessions
    /// How long an unused session is kept.
    package var lifetime = Limits.clientSessionLifetime
    /// Answers kept in one session.
    package var answersPerSession = Limits.answersPerSession
    /// Answers kept in all sessions together: what bounds their memory.
    package var answers = 1 << 20

    package init() {}
}

/// Makes writes happen exactly once: what was answered to which write of which client session (Raft dissertation, 6.3).
///
/// A session's id is the index of the entry that opened it. Sessions stand in the order in which the log last used them,
/// in a list threaded through the slots, so that the least recently used go first, in constant time and alike on every
/// node. Nothing iterates the dictionary, whose order differs from node to node.
package struct SessionTable: Sendable {
    /// One client session.
    struct Session: Sendable {
        /// The index of the entry that opened it; 0 in a free slot.
        var id: UInt64
        /// The entry that last used it.
        var lastUsed: LogIndex
        /// The log's time of that entry.
        var usedAt: Timestamp
        /// No answer below this sequence is kept.
        var firstUnacknowledged: UInt64
        /// What is kept of its writes, ascending by sequence: nearly always added at the end, and acknowledged from the
        /// beginning.
        fileprivate var kept: Deque<Kept> = []
        /// The slot of the session used next after this one; -1: this is the newest.
        var newer: Int32 = -1
        /// The slot of the session used before this one; -1: this is the oldest.
        var older: Int32 = -1

        /// Makes a session without answers.
        init(id: UInt64, lastUsed: LogIndex, usedAt: Timestamp, firstUnacknowledged: UInt64) {
            self.id = id
            self.lastUsed = lastUsed
            self.usedAt = usedAt
            self.firstUnacknowledged = firstUnacknowledged
        }

        /// An array of the kept answers, ascending by sequence.
        var answers: [SessionAnswer] { kept.map(\.answer) }
    }

    /// An answer, and its hash as one of its session, which is needed again when it is forgotten.
    fileprivate struct Kept: Sendable {
        let answer: SessionAnswer
        let hash: UInt64
        var sequence: UInt64 { answer.sequence }
    }

    /// What the table says of a write before it is done.
    enum Admission: Equatable {
        /// It has not been done; do it and `record` what it did.
        case new
        /// It was done, with this result.
        case answered(Result<CommandOutcome, ServiceError>)
        /// Whether it was done cannot be told.
        case refused(ServiceError)
    }

    private let limits: SessionLimits
    private var slots: [Session] = []
    private var freeSlots: [Int32] = []
    private var slotsByID: [UInt64: Int32] = [:]
    private var oldest: Int32 = -1
    private var newest: Int32 = -1
    /// How many answers all sessions hold.
    private(set) var answerCount = 0
    /// The sum of the hashes of all sessions and answers: independent of slots and of how the state was reached.
    private(set) var contentHash: UInt64 = 0

    package init(limits: SessionLimits = SessionLimits()) { self.limits = limits }

    /// How many sessions there are.
    package var count: Int { slotsByID.count }

    /// Opens the session named by the entry at `index`; the least recently used one makes room if there must be.
    mutating func open(at index: LogIndex, time: Timestamp) {
        if count >= limits.sessions { remove(slot: oldest) }
        insertNewest(
            Session(id: index.rawValue, lastUsed: index, usedAt: time, firstUnacknowledged: 1)
        )
    }

    /// Closes the sessions that were last used longer ago than their lifetime.
    mutating func expire(at time: Timestamp) {
        while oldest >= 0 {
            let (age, overflow) = time.nanoseconds.subtractingReportingOverflow(slots[Int(oldest)].usedAt.nanoseconds)
            guard overflow || age > Int64(clamping: limits.lifetime.nanoseconds) else { return }
            remove(slot: oldest)
        }
    }

    /// Uses a session for the write that `key` names and says whether that has been done.
    mutating func admit(_ key: IdempotencyKey, at index: LogIndex, time: Timestamp) -> Admission {
        guard let slot = slotsByID[key.session] else {
            return .refused(
                ServiceError(
                    .unknownSession,
                    "client session \(key.session) is not known (any more): whether write \(key.sequence) was done cannot be "
                        + "told; read what it would have written, and open a new session"
                )
            )
        }
        touch(slot, at: index, time: time)
        acknowledge(below: key.firstUnacknowledged, in: slot)
        let session = slots[Int(slot)]
        guard key.sequence >= session.firstUnacknowledged else {
            return .refused(
                ServiceError(
                    .unknownSession,
                    "client session \(key.session) has acknowledged the answers below \(session.firstUnacknowledged): "
                        + "whether write \(key.sequence) was done cannot be told"
                )
            )
        }
        let place = session.place(of: key.sequence)
        let isKnown = place < session.kept.count && session.kept[place].sequence == key.sequence
        if isKnown, !planted("repeats-session-writes") {
            return .answered(session.kept[place].answer.result)
        }
        guard session.kept.count < limits.answersPerSession else {
            return .refused(
                ServiceError(
                    .limitExceeded,
                    "client session \(key.session) holds \(limits.answersPerSession) unacknowledged answers; acknowledge some"
                )
            )
        }
        return .new
    }

    /// Keeps what the write of `key`, just admitted as new, did.
    mutating func record(_ key: IdempotencyKey, _ result: Result<CommandOutcome, ServiceError>) {
        guard let slot = slotsByID[key.session] else {
            preconditionFailure("an answer for a session that was not admitted")
        }
        insert(SessionAnswer(sequence: key.sequence, result: result), in: slot)
        while answerCount > limits.answers, oldest != slot { remove(slot: oldest) }
    }

    /// The sessions from the least to the most recently used: what a snapshot holds.
    func ordered() -> [Session] {
        var sessions: [Session] = []
        sessions.reserveCapacity(count)
        var slot = oldest
        while slot >= 0 {
            sessions.append(slots[Int(slot)])
            slot = slots[Int(slot)].newer
        }
        return sessions
    }

    /// Appends a session of a snapshot, which must have been used after all that are there, without its answers: they
    /// follow.
    mutating func restore(_ session: Session) throws(SnapshotError) {
        guard session.id != 0, slotsByID[session.id] == nil, count < limits.sessions else {
            throw .malformed("client session \(session.id) is there twice or one too many")
        }
        guard newest < 0 || slots[Int(newest)].lastUsed < session.lastUsed else {
            throw .malformed("client session \(session.id) is out of order")
        }
        precondition(session.kept.isEmpty, "a session was restored with answers, which would not be counted")
        insertNewest(session)
    }

    /// Appends an answer of a snapshot to the session restored last.
    mutating func restore(_ answer: SessionAnswer) throws(SnapshotError) {
        guard newest >= 0 else { throw .malformed("an answer without a client session") }
        let session = slots[Int(newest)]
        guard answer.sequence >= session.firstUnacknowledged, session.kept.count < limits.answersPerSession,
            session.kept.last.map({ $0.sequence < answer.sequence }) ?? true
        else { throw .malformed("answer \(answer.sequence) of client session \(session.id) is out of place") }
        insert(answer, in: newest)
    }

    // MARK: - The list

    private mutating func insertNewest(_ session: Session) {
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            slots[Int(slot)] = session
        } else {
            slot = Int32(slots.count)
            slots.append(session)
        }
        precondition(slotsByID.updateValue(slot, forKey: session.id) == nil, "a client session was opened twice")
        contentHash &+= session.headerHash
        link(slot)
    }

    private mutating func link(_ slot: Int32) {
        slots[Int(slot)].older = newest
        slots[Int(slot)].newer = -1
        if newest >= 0 { slots[Int(newest)].newer = slot } else { oldest = slot }
        newest = slot
    }

    private mutating func unlink(_ slot: Int32) {
        let (older, newer) = (slots[Int(slot)].older, slots[Int(slot)].newer)
        if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
    }

    private mutating func remove(slot: Int32) {
        unlink(slot)
        let session = slots[Int(slot)]
        contentHash &-= session.headerHash
        for kept in session.kept { contentHash &-= kept.hash }
        answerCount -= session.kept.count
        slotsByID[session.id] = nil
        slots[Int(slot)] = Session(id: 0, lastUsed: .zero, usedAt: .zero, firstUnacknowledged: 1)
        freeSlots.append(slot)
    }

    private mutating func touch(_ slot: Int32, at index: LogIndex, time: Timestamp) {
        contentHash &-= slots[Int(slot)].headerHash
        slots[Int(slot)].lastUsed = index
        slots[Int(slot)].usedAt = time
        contentHash &+= slots[Int(slot)].headerHash
        unlink(slot)
        link(slot)
    }

    private mutating func acknowledge(below first: UInt64, in slot: Int32) {
        guard first > slots[Int(slot)].firstUnacknowledged else { return }
        let dropped = slots[Int(slot)].place(of: first)
        for place in 0..<dropped { contentHash &-= slots[Int(slot)].kept[place].hash }
        contentHash &-= slots[Int(slot)].headerHash
        answerCount -= dropped
        slots[Int(slot)].kept.removeFirst(dropped)
        slots[Int(slot)].firstUnacknowledged = first
        contentHash &+= slots[Int(slot)].headerHash
    }

    private mutating func insert(_ answer: SessionAnswer, in slot: Int32) {
        let kept = Kept(answer: answer, hash: answer.hash(session: slots[Int(slot)].id))
        let place = slots[Int(slot)].place(of: answer.sequence)
        slots[Int(slot)].kept.insert(kept, at: place)
        answerCount += 1
        contentHash &+= kept.hash
    }
}

extension SessionTable.Session {
    /// Where the answer of `sequence` is, or would be inserted.
    fileprivate func place(of sequence: UInt64) -> Int {
        var (low, high) = (0, kept.count)
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The hash of everything but the answers.
    fileprivate var headerHash: UInt64 {
        var hasher = StateHasher(domain: 1)
        hasher.combine(id)
        hasher.combine(lastUsed.rawValue)
        hasher.combine(UInt64(bitPattern: usedAt.nanoseconds))
        hasher.combine(firstUnacknowledged)
        return hasher.value
    }
}
