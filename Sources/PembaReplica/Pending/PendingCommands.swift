// Pemba: commands of this node's clients that have no answer yet.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaRaft
import PembaService

/// Remembers what was asked, how far it has got, and therefore what may be said about it when time runs out.
///
/// A command is queued, then attempted: appended here, or forwarded to the leader. Each attempt has a number of its own,
/// which stands in the log; when the entry with that number is applied, the command is answered. A command whose attempt
/// may yet be committed is attempted again only if it has an idempotency key.
struct PendingCommands {
    /// How far a command has got.
    private enum State {
        /// It waits to be attempted.
        case queued
        /// Appended by this node, as this attempt.
        case appended(UInt64)
        /// Sent to the leader of this term, as this attempt.
        case forwarded(UInt64, term: Term)
    }

    private struct Command {
        /// The encoded proposal; its request number is that of the last attempt.
        var payload: [UInt8]
        let deadline: Instant
        let hasKey: Bool
        var state: State = .queued
        /// Whether an attempt before the current one may yet be committed.
        var isUncertain = false
    }

    /// One attempt, ready to be appended or sent.
    struct Attempt {
        let number: UInt64
        let id: RequestID
        let payload: [UInt8]
    }

    private var commands: [RequestID: Command] = [:]
    /// The attempts that may be answered by the log: the last one of each command.
    private var attempts: [UInt64: RequestID] = [:]
    /// Commands to attempt, in the order in which they came.
    ///
    /// May name commands that have gone.
    private var queue: Deque<RequestID> = []
    /// Where this node appended attempts, in the order of appending.
    private var places: Deque<(index: LogIndex, attempt: UInt64)> = []
    private var deadlines = PriorityQueue<Instant, RequestID>()
    /// The number of the next attempt; the high half is random for each start of the node.
    private var nextAttempt: UInt64
    /// The highest term of an applied entry: what was sent to leaders of earlier terms is decided.
    private var decidedTerm = Term.zero
    /// Bytes of the pending proposals.
    private(set) var bytes = 0

    /// `boot` is random for each start.
    init(boot: UInt32) { nextAttempt = UInt64(boot) << 32 | 1 }

    /// How many commands wait for an answer.
    var count: Int { commands.count }

    /// Whether there is something to attempt.
    var hasQueued: Bool { !queue.isEmpty }

    /// When the next command runs out of time.
    var nextDeadline: Instant { deadlines.firstKey ?? .distantFuture }

    /// Queues a command.
    mutating func add(_ id: RequestID, payload: [UInt8], hasKey: Bool, deadline: Instant) {
        let command = Command(payload: payload, deadline: deadline, hasKey: hasKey)
        let replaced = commands.updateValue(command, forKey: id)
        precondition(replaced == nil, "two commands have the id \(id.rawValue)")
        bytes += payload.count
        queue.append(id)
        deadlines.insert(id, at: deadline)
        if deadlines.count > 2 * commands.count + 1_024 { deadlines.keep { commands[$0] != nil } }
    }

    /// Takes queued commands of at most `maxBytes` (one may exceed it) and gives each a number.
    mutating func takeBatch(maxBytes: Int) -> [Attempt] {
        var batch: [Attempt] = []
        var size = 0
        while let id = queue.first {
            guard let command = commands[id], case .queued = command.state else {
                queue.removeFirst()
                continue
            }
            guard batch.isEmpty || size + command.payload.count <= maxBytes else { break }
            queue.removeFirst()
            let number = nextAttempt
            nextAttempt += 1
            let payload = Proposal.renumbered(command.payload, request: number)
            commands[id]?.payload = payload
            batch.append(Attempt(number: number, id: id, payload: payload))
            size += payload.count
        }
        return batch
    }

    /// This node appended the attempts from `first` on.
    mutating func appended(_ batch: ArraySlice<Attempt>, first: LogIndex) {
        var index = first
        for attempt in batch {
            commands[attempt.id]?.state = .appended(attempt.number)
            attempts[attempt.number] = attempt.id
            places.append((index, attempt.number))
            index = index.next
        }
    }

    /// The attempts were sent to the leader of `term`, which appends them in that term or not at all.
    mutating func forwarded(_ batch: [Attempt], term: Term) {
        for attempt in batch {
            commands[attempt.id]?.state = .forwarded(attempt.number, term: term)
            attempts[attempt.number] = attempt.id
        }
    }

    /// The attempts were not made after all: their commands wait again, before all others.
    mutating func putBack(_ batch: ArraySlice<Attempt>) {
        for attempt in batch.reversed() { queue.prepend(attempt.id) }
    }

    /// The log answers attempt `number`; nil if nobody waits for it.
    mutating func answer(_ number: UInt64) -> RequestID? {
        guard let id = attempts.removeValue(forKey: number) else { return nil }
        remove(id)
        return id
    }

    /// Everything up to `applied`, an entry of `term`, is applied: attempts without an answer that can never be
    /// committed any more wait to be attempted again, with or without a key.
    ///
    /// Those that were appended up to there have been replaced by others' entries. Those that were sent to the leader of
    /// an earlier term would stand before this entry: terms only rise along the log.
    mutating func settle(applied: LogIndex, term: Term) {
        while let place = places.first, place.index <= applied {
            places.removeFirst()
            attemptAgain(place.attempt)
        }
        guard decidedTerm < term else { return }
        decidedTerm = term
        for number in attempts.keys.sorted() where wasForwarded(number, before: term) { attemptAgain(number) }
    }

    private mutating func attemptAgain(_ number: UInt64) {
        guard let id = attempts.removeValue(forKey: number) else { return }
        commands[id]?.state = .queued
        queue.append(id)
    }

    private func wasForwarded(_ number: UInt64, before term: Term) -> Bool {
        guard let id = attempts[number], case .forwarded(_, term: let sent)? = commands[id]?.state else { return false }
        return sent < term || (sent == term && planted("settles-too-early"))
    }

    /// The log jumped to a snapshot whose last entry is of `term`: what became of attempts in between was not seen.
    ///
    /// Those with a key are attempted again; the others are given up: returns them with their answers, in order.
    mutating func jumped(to term: Term) -> [(RequestID, ServiceError)] {
        places.removeAll()
        decidedTerm = max(decidedTerm, term)
        retryKeyed()
        var failed: [(RequestID, ServiceError)] = []
        for number in attempts.keys.sorted() {
            guard let id = attempts[number] else { continue }
            // What the leader of a later term was sent comes after the snapshot.
            if case .forwarded(_, term: let sent)? = commands[id]?.state, term < sent { continue }
            if planted("jump-repeats-writes") {
                attemptAgain(number)
                continue
            }
            attempts[number] = nil
            remove(id)
            failed.append((id, .outcomeUnknown))
        }
        return failed
    }

    /// The leader did not append attempt `number`: the command waits again, if the refusal is worth waiting out.
    ///
    /// Otherwise it is answered: returns its id and the answer.
    mutating func refused(_ number: UInt64, _ error: ServiceError) -> (RequestID, ServiceError)? {
        guard let id = attempts.removeValue(forKey: number), let command = commands[id] else { return nil }
        guard error.code != .noLeader else {
            commands[id]?.state = .queued
            queue.append(id)
            return nil
        }
        remove(id)
        return (id, command.isUncertain ? .outcomeUnknown : error)
    }

    /// The leader changed, its link broke, or the disk hangs: commands with a key are attempted again, here or by their
    /// clients, since the session keeps a second attempt from doing anything.
    ///
    /// The others wait until the log decides (`settle`).
    mutating func retryKeyed() {
        for number in attempts.keys.sorted() {
            guard let id = attempts[number] else { continue }
            guard commands[id]?.hasKey == true || planted("repeats-unkeyed-writes") else { continue }
            attempts[number] = nil
            commands[id]?.state = .queued
            commands[id]?.isUncertain = true
            queue.append(id)
        }
    }

    /// Gives up the queued commands; returns them with their answers, in order.
    mutating func failQueued(_ error: ServiceError) -> [(RequestID, ServiceError)] {
        var failed: [(RequestID, ServiceError)] = []
        while let id = queue.popFirst() {
            guard let command = commands[id], case .queued = command.state else { continue }
            remove(id)
            failed.append((id, command.isUncertain ? .outcomeUnknown : error))
        }
        return failed
    }

    /// This node hears of nothing any more that is applied: gives all commands up, those that were never attempted for
    /// the reason of `error`; returns them with their answers.
    mutating func failAll(_ error: ServiceError) -> [(RequestID, ServiceError)] {
        jumped(to: Term(.max)) + failQueued(error)
    }

    /// The commands whose deadline has come, with their answers.
    mutating func expire(at now: Instant, hasLeader: Bool) -> [(RequestID, ServiceError)] {
        var expired: [(RequestID, ServiceError)] = []
        while let deadline = deadlines.firstKey, deadline <= now, let id = deadlines.removeFirst() {
            guard let command = commands[id], command.deadline == deadline else { continue }
            switch command.state {
            case .queued where !command.isUncertain: expired.append((id, hasLeader ? .notProposed : .noLeader))
            case .queued: expired.append((id, .outcomeUnknown))
            case .appended(let number), .forwarded(let number, _):
                attempts[number] = nil
                expired.append((id, planted("unknown-is-not-done") ? .notProposed : .outcomeUnknown))
            }
            remove(id)
        }
        return expired
    }

    private mutating func remove(_ id: RequestID) {
        guard let command = commands.removeValue(forKey: id) else { return }
        bytes -= command.payload.count
    }
}
