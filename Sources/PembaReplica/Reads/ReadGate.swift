// Pemba: reads that cannot be evaluated yet.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// Holds reads until the applied state is one that they may see, or until their deadline.
///
/// Reads that need a ReadIndex round share it: while one is in flight, all that come wait for the next, so that an index
/// is never older than the question it answers.
struct ReadGate {
    /// What a read waits for.
    private enum Need {
        /// An index from a round, to be applied: fully consistent.
        case round
        /// An index from a round, to tell a zookie of the future from one that this node has not reached.
        case verdict(Revision)
        /// A revision to be applied.
        case revision(Revision)
    }

    private struct Waiter {
        let deadline: Instant
        var need: Need
    }

    /// Every waiting read.
    ///
    /// The lists below may name reads that have gone; this decides.
    private var waiters: [RequestID: Waiter] = [:]
    /// Reads that wait for the next round, in the order in which they came.
    private(set) var joining: [RequestID] = []
    /// Reads that wait for the round in flight.
    private(set) var inRound: [RequestID] = []
    /// The round in flight.
    private var ticket: UInt64?
    /// When the round in flight counts as lost, or when the next may start after one failed.
    private var roundDue: Instant = .zero
    private var byRevision = PriorityQueue<Revision, RequestID>()
    private var deadlines = PriorityQueue<Instant, RequestID>()
    /// Reads that join a round when their moment has come.
    private var moments = PriorityQueue<Instant, RequestID>()

    /// How many reads wait.
    var count: Int { waiters.count }

    /// When something is due: a deadline, a moment that is asked about, or a round to be asked for again.
    var nextDeadline: Instant {
        let round = ticket != nil || !joining.isEmpty ? roundDue : .distantFuture
        return min(round, deadlines.firstKey ?? .distantFuture, moments.firstKey ?? .distantFuture)
    }

    /// Waits for a round and then until its index is applied.
    mutating func awaitRound(_ id: RequestID, deadline: Instant) {
        add(id, .round, deadline)
        joining.append(id)
    }

    /// Waits until `due`, and then for a round as any other.
    mutating func awaitMoment(_ id: RequestID, due: Instant, deadline: Instant) {
        add(id, .round, deadline)
        moments.insert(id, at: due)
    }

    /// Lets the reads whose moment has come join the next round.
    mutating func reach(_ now: Instant) {
        while let due = moments.firstKey, due <= now, let id = moments.removeFirst() {
            if waiters[id] != nil { joining.append(id) }
        }
    }

    /// Waits for a round that says whether the cluster has reached `revision`, and then until it is applied.
    mutating func awaitVerdict(_ id: RequestID, on revision: Revision, deadline: Instant) {
        add(id, .verdict(revision), deadline)
        joining.append(id)
    }

    /// Waits until `revision` is applied.
    mutating func awaitRevision(_ id: RequestID, _ revision: Revision, deadline: Instant) {
        add(id, .revision(revision), deadline)
        byRevision.insert(id, at: revision)
    }

    private mutating func add(_ id: RequestID, _ need: Need, _ deadline: Instant) {
        let replaced = waiters.updateValue(Waiter(deadline: deadline, need: need), forKey: id)
        precondition(replaced == nil, "two reads have the id \(id.rawValue)")
        deadlines.insert(id, at: deadline)
        // Reads that were answered long before their deadlines would fill the queues.
        if deadlines.count > 2 * waiters.count + 1_024 {
            deadlines.keep { waiters[$0] != nil }
            byRevision.keep { waiters[$0] != nil }
            moments.keep { waiters[$0] != nil }
        }
    }

    /// Whether a round should be asked for now.
    func wantsRound(at now: Instant) -> Bool {
        if ticket != nil { return roundDue <= now }
        return !joining.isEmpty && roundDue <= now
    }

    /// Begins a round with everything that waits for one.
    ///
    /// A round in flight is given up: its answer is too late.
    mutating func startRound(ticket: UInt64, lostAt due: Instant) {
        forgetGone()
        inRound.append(contentsOf: joining)
        joining.removeAll(keepingCapacity: true)
        self.ticket = ticket
        roundDue = due
    }

    /// The round could not be held; it may be tried again at `retry`.
    mutating func failRound(ticket: UInt64, retry: Instant) {
        guard self.ticket == ticket else { return }
        self.ticket = nil
        forgetGone()
        joining = inRound + joining
        inRound.removeAll(keepingCapacity: true)
        roundDue = retry
    }

    /// Drops the reads of a lost round that have run out of time: where no round can be held, nothing else removes them.
    private mutating func forgetGone() { inRound.removeAll { waiters[$0] == nil } }

    /// Lets the next round start without waiting: the leader changed.
    mutating func retryRound() {
        if ticket == nil { roundDue = .zero }
    }

    /// The round said that everything acknowledged before it began is at most at `index`.
    mutating func completeRound(ticket: UInt64, index: LogIndex, applied: Revision, into effects: inout [ReplicaEffect])
    {
        guard self.ticket == ticket else { return }
        self.ticket = nil
        roundDue = .zero
        let reads = inRound
        inRound.removeAll(keepingCapacity: true)
        for id in reads {
            guard let waiter = waiters[id] else { continue }
            switch waiter.need {
            case .verdict(let revision) where revision.index > index:
                waiters[id] = nil
                effects.append(.readFailed(id, .futureZookie(revision, reached: Revision(index))))
            case .verdict(let revision): settle(id, at: revision, applied: applied, into: &effects)
            case .round: settle(id, at: Revision(index), applied: applied, into: &effects)
            case .revision: break
            }
        }
    }

    private mutating func settle(
        _ id: RequestID,
        at revision: Revision,
        applied: Revision,
        into effects: inout [ReplicaEffect]
    ) {
        if revision <= applied || planted("reads-before-applied") {
            waiters[id] = nil
            effects.append(.readReady(id))
        } else {
            waiters[id]?.need = .revision(revision)
            byRevision.insert(id, at: revision)
        }
    }

    /// Answers the reads whose revision is applied.
    mutating func release(applied: Revision, into effects: inout [ReplicaEffect]) {
        while let revision = byRevision.firstKey, revision <= applied, let id = byRevision.removeFirst() {
            guard waiters.removeValue(forKey: id) != nil else { continue }
            effects.append(.readReady(id))
        }
    }

    /// Fails the reads whose deadline has come.
    mutating func expire(at now: Instant, applied: Revision, hasLeader: Bool, into effects: inout [ReplicaEffect]) {
        while let deadline = deadlines.firstKey, deadline <= now, let id = deadlines.removeFirst() {
            guard let waiter = waiters[id], waiter.deadline == deadline else { continue }
            waiters[id] = nil
            switch waiter.need {
            case .revision(let revision), .verdict(let revision):
                effects.append(.readFailed(id, .revisionNotReached(revision, reached: applied)))
            case .round:
                effects.append(.readFailed(id, hasLeader ? .readTooLate : .noLeader))
            }
        }
    }
}
