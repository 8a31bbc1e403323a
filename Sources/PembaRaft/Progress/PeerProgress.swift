// Pemba: how far one peer has followed its leader.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// A leader's knowledge of one other member.
///
/// - In `probe`, `next` is a guess: one append goes out and its answer, or a heartbeat's, is awaited.
/// - In `replicate`, `next` runs ahead of `match` by what is in flight.
/// - In `snapshot`, nothing is appended until the peer has the snapshot, or has caught up otherwise.
struct PeerProgress: Sendable {
    let id: NodeID
    /// The end of the peer's log as far as it is durable there and known to agree; never falls in a term, but for a
    /// learner that has lost its log.
    private(set) var match: LogIndex = .zero
    /// The next entry to send; always after `match`.
    private(set) var next: LogIndex
    private(set) var state: ReplicationState = .probe
    /// In `probe`: an append is out, so no other is sent.
    var isProbeOut = false
    /// In `replicate`: what is unacknowledged; empty in the other states.
    private(set) var inflights = Inflights()
    /// The highest commit index that an append has told the peer.
    var commitTold: LogIndex = .zero
    /// When it last said anything in this term; at first, when this node became leader.
    var lastContact: Instant
    /// When entries were last sent to it or acknowledged by it.
    var lastMovement: Instant
    /// The latest heartbeat context that it has answered.
    var context: UInt64 = 0
    /// The latest probe of its clock; 0 until it has sent one.
    var probe: UInt64 = 0
    /// Its latest answer to a heartbeat was that of a node with an empty log.
    var answersBlank = false
    /// It votes and came back with an empty log: it is sent nothing, and nothing that it says counts.
    var hasLostData = false

    init(id: NodeID, next: LogIndex, now: Instant) {
        self.id = id
        self.next = next
        lastContact = now
        lastMovement = now
    }

    /// Whether entries may be sent.
    func isPaused(_ options: RaftOptions) -> Bool {
        if hasLostData { return true }
        switch state {
        case .probe: return isProbeOut
        case .replicate:
            return inflights.isFull(messagesMax: options.inflightMessagesMax, bytesMax: options.inflightBytesMax)
        case .snapshot: return true
        }
    }

    /// Notes that entries up to `last` went out.
    mutating func didSend(last: LogIndex, bytes: Int) {
        precondition(state == .replicate, "entries ahead of their acknowledgement outside of replication")
        next = last.next
        inflights.add(last: last, bytes: bytes)
    }

    /// Notes an acknowledgement; false if it brings nothing new.
    mutating func accept(_ index: LogIndex) -> Bool {
        if state == .replicate { inflights.free(upTo: index) }
        guard index > match else { return false }
        match = index
        next = max(next, index.next)
        return true
    }

    /// Takes up the rejection of an append after `rejected`, to look next after `guess`; false if it is a stale one.
    mutating func reject(_ rejected: LogIndex, guess: LogIndex) -> Bool {
        switch state {
        case .replicate:
            guard rejected > match else { return false }
            // All up to `match` certainly agrees, and what was sent after it arrives in vain.
            becomeProbe()
            return true
        case .probe:
            guard rejected.next == next else { return false }
            next = max(min(rejected, guess.next), match.next)
            isProbeOut = false
            return true
        case .snapshot: return false
        }
    }

    /// Takes the peer for one that has nothing.
    mutating func forget() {
        match = .zero
        becomeProbe()
        commitTold = .zero
    }

    /// Looks for the end of agreement again, from what is known.
    mutating func becomeProbe() {
        state = .probe
        next = match.next
        isProbeOut = false
        inflights.reset()
    }

    /// Streams from what is known to agree.
    mutating func becomeReplicate() {
        state = .replicate
        next = match.next
        isProbeOut = false
        inflights.reset()
    }

    /// Waits until the peer has the snapshot at `index`.
    mutating func becomeSnapshot(_ index: LogIndex) {
        state = .snapshot(index)
        isProbeOut = false
        inflights.reset()
    }
}

extension [PeerProgress] {
    /// Keeps what is known of `members`, begins with nothing known of those that are new, and forgets the others.
    mutating func follow(_ members: [NodeID], next: LogIndex, now: Instant) {
        self = members.map { member in
            first { $0.id == member } ?? PeerProgress(id: member, next: next, now: now)
        }
    }
}

// MARK: - Flight recordings

extension PeerProgress {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(id.rawValue, match.rawValue, next.rawValue)
        switch state {
        case .probe: sink.number(0)
        case .replicate: sink.number(1)
        case .snapshot(let index): sink.fields(2, index.rawValue)
        }
        sink.flag(isProbeOut)
        inflights.record(into: &sink)
        sink.fields(commitTold.rawValue, lastContact.nanoseconds, lastMovement.nanoseconds)
        sink.fields(context, probe)
        sink.flag(answersBlank)
        sink.flag(hasLostData)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        id = try reader.node()
        match = try reader.index()
        next = try reader.index()
        let kind = try reader.number()
        switch kind {
        case 0: state = .probe
        case 1: state = .replicate
        case 2: state = .snapshot(try reader.index())
        default: throw .invalidValue(field: "state of a peer", value: kind)
        }
        isProbeOut = try reader.flag("probe out")
        inflights = try Inflights(decoding: &reader)
        commitTold = try reader.index()
        lastContact = try reader.instant()
        lastMovement = try reader.instant()
        context = try reader.number()
        probe = try reader.number()
        answersBlank = try reader.flag("answers blank")
        hasLostData = try reader.flag("lost data")
    }
}
