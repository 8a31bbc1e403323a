// Pemba: which of a node's writes are durable, and what waits for them.
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import PembaCore

/// Writes in flight to the disk, and the messages that may not leave before them.
///
/// An acknowledgement counts for what its write still stands for. When entries are replaced, the claims of all earlier
/// writes are cut back to what is kept, so that a late acknowledgement of an overwritten entry is never taken for one
/// of the entry that took its place, not even where the same entry comes back.
struct Durability: Sendable {
    /// A write that was asked for.
    private struct Write: Sendable {
        let sequence: PersistSequence
        let lastIndex: LogIndex
        let lastTerm: Term
        let issuedAt: Instant
        /// The log is durable up to here once this write is; lowered by truncation.
        var covers: LogIndex
    }

    /// A message, and the write that must be durable before it leaves.
    private struct HeldMessage: Sendable {
        let after: PersistSequence
        let message: RaftMessage
    }

    /// Messages held at most; more are dropped, as if the network had lost them.
    static let heldMax = 4_096

    /// The latest write that was asked for.
    private(set) var issued = PersistSequence.zero
    /// All writes up to this one are durable.
    private(set) var acknowledged = PersistSequence.zero
    /// The write that holds the current term and vote.
    private(set) var hardStateSequence = PersistSequence.zero
    /// The current log is durable up to here.
    private(set) var index: LogIndex
    /// The writes after `acknowledged`, in order.
    private var writes: Deque<Write> = []
    /// In the order in which they were to be sent.
    private var held: [HeldMessage] = []

    init(index: LogIndex) { self.index = index }

    /// The write after the latest.
    var nextSequence: PersistSequence { PersistSequence(issued.rawValue + 1) }

    /// Since when the oldest write that is not durable waits.
    var waitingSince: Instant? { writes.first?.issuedAt }

    /// Whether the current term and vote are durable, unless they have been changed since the latest write.
    var isHardStateDurable: Bool { hardStateSequence <= acknowledged }

    /// Notes the next write, after which the log ends at (`lastIndex`, `lastTerm`).
    mutating func issue(
        lastIndex: LogIndex,
        lastTerm: Term,
        withHardState: Bool,
        now: Instant
    ) -> PersistSequence {
        issued = nextSequence
        if withHardState { hardStateSequence = issued }
        writes.append(
            Write(sequence: issued, lastIndex: lastIndex, lastTerm: lastTerm, issuedAt: now, covers: lastIndex)
        )
        return issued
    }

    /// Takes up the acknowledgement of `sequence` and of all before it; false if it brings nothing new.
    mutating func acknowledge(_ sequence: PersistSequence, lastIndex: LogIndex, lastTerm: Term) -> Bool {
        guard sequence > acknowledged, sequence <= issued else { return false }
        while let write = writes.first, write.sequence <= sequence {
            if write.sequence == sequence {
                let isTheSame = write.lastIndex == lastIndex && write.lastTerm == lastTerm
                precondition(isTheSame, "an acknowledgement for another write than the one that was asked for")
            }
            index = max(index, write.covers)
            writes.removeFirst()
        }
        acknowledged = sequence
        return true
    }

    /// Withdraws every claim to entries after `kept`, which are about to be replaced.
    mutating func truncate(after kept: LogIndex) {
        index = min(index, kept)
        guard !planted("overwritten-write-counts") else { return }
        for position in writes.indices { writes[position].covers = min(writes[position].covers, kept) }
    }

    /// A durable snapshot covers everything up to `index`.
    mutating func install(_ snapshot: LogIndex) { index = max(index, snapshot) }

    /// Keeps a message until `sequence` is durable.
    mutating func hold(_ message: RaftMessage, until sequence: PersistSequence) {
        if held.count < Durability.heldMax { held.append(HeldMessage(after: sequence, message: message)) }
    }

    /// Sends what waited for writes that are durable now, in order, without what a newer term has made void.
    mutating func release(term: Term, into effects: inout [RaftEffect]) {
        guard !held.isEmpty else { return }
        var kept = 0
        for position in held.indices {
            let item = held[position]
            if item.after > acknowledged {
                held[kept] = item
                kept += 1
            } else if item.message.term >= term {
                effects.append(.send(item.message))
            }
        }
        held.removeLast(held.count - kept)
    }

    /// Adds what is under way to a digest; writes count by their order, not by their numbers.
    func fold(into hasher: inout StateHasher, _ name: NodeNaming) {
        hasher.combine(index.rawValue)
        func distance(_ sequence: PersistSequence) -> UInt64 {
            sequence > acknowledged ? sequence.rawValue - acknowledged.rawValue : 0
        }
        hasher.combine(distance(hardStateSequence))
        for write in writes {
            hasher.combine([write.lastIndex.rawValue, write.lastTerm.rawValue, write.covers.rawValue])
        }
        hasher.combine(UInt64(writes.count))
        // Each message counts once, as a network may repeat it anyway.
        var waiting: [UInt64] = []
        for item in held {
            let hash = SeededRandom.mix(item.message.digest(naming: name) &+ distance(item.after))
            if !waiting.contains(hash) { waiting.append(hash) }
        }
        hasher.combine(waiting.reduce(0, &+))
    }

    /// How many messages wait.
    var heldCount: Int { held.count }
}

// MARK: - Flight recordings

extension Durability {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(issued.rawValue, acknowledged.rawValue, hardStateSequence.rawValue)
        sink.number(index.rawValue)
        sink.count(writes.count)
        for write in writes {
            sink.fields(write.sequence.rawValue, write.lastIndex.rawValue, write.lastTerm.rawValue)
            sink.fields(write.issuedAt.nanoseconds, write.covers.rawValue)
        }
        sink.count(held.count)
        for item in held {
            sink.number(item.after.rawValue)
            item.message.record(into: &sink)
        }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        issued = PersistSequence(try reader.number())
        acknowledged = PersistSequence(try reader.number())
        hardStateSequence = PersistSequence(try reader.number())
        index = try reader.index()
        for _ in 0..<(try reader.count()) {
            let write = Write(
                sequence: PersistSequence(try reader.number()),
                lastIndex: try reader.index(),
                lastTerm: try reader.term(),
                issuedAt: try reader.instant(),
                covers: try reader.index()
            )
            writes.append(write)
        }
        for _ in 0..<(try reader.count(limit: Durability.heldMax)) {
            let after = PersistSequence(try reader.number())
            held.append(HeldMessage(after: after, message: try RaftMessage(decoding: &reader)))
        }
    }
}
