// Pemba: the whole state of a Raft core in a flight recording.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// All that decides what the core does next, but for timestamps and commands.
extension RaftCore {
    /// The entries at the end of the log that are recorded one by one; of those before them the terms are, and their
    /// size in all.
    static let recordedEntriesMax: UInt64 = 1_024
    /// The entries of a recorded log at most.
    private static let logEntriesMax: UInt64 = 1 << 24

    /// Between two steps: nothing is unwritten.
    func record<Sink: FlightSink>(into sink: inout Sink) {
        options.record(into: &sink)
        sink.fields(random.position, now.nanoseconds)
        hardState.record(into: &sink)
        recordConfigurations(into: &sink)
        recordLog(into: &sink)
        snapshot.record(into: &sink)
        durability.record(into: &sink)
        sink.number(tombstones.index.rawValue)
        sink.nodes(tombstones.nodes)
        leadership.record(into: &sink)
        sink.fields(commitIndex.rawValue, appliedIndex.rawValue)
        sink.fields(electionDeadline.nanoseconds, leaderContact.nanoseconds, heartbeatDeadline.nanoseconds)
        votes.record(into: &sink)
        sink.flag(offered != nil)
        if let offered { sink.fields(offered.from.rawValue, offered.index.rawValue, offered.term.rawValue) }
        forwarded.record(into: &sink)
        sink.flag(acquaintance != nil)
        if let acquaintance {
            sink.fields(acquaintance.term.rawValue, acquaintance.firstRound, acquaintance.latestRound)
            sink.number(acquaintance.commit.rawValue)
        }
        freshness.record(into: &sink)
        sink.optional(removedAt?.rawValue)
        announcedLeadership.record(into: &sink)
        sink.number(announcedCommit.rawValue)
        sink.count(peers.count)
        for peer in peers { peer.record(into: &sink) }
        reads.record(into: &sink)
        sink.flag(transfer != nil)
        if let transfer {
            sink.fields(transfer.target.rawValue, transfer.deadline.nanoseconds, transfer.isToldToCampaign ? 1 : 0)
        }
        sink.flag(isMembershipSettled)
        sink.count(catchUps.count)
        for learner in catchUps { learner.record(into: &sink) }
        sink.nodes(departing)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        options = try RaftOptions(decoding: &reader)
        random = SeededRandom(seed: try reader.number())
        now = try reader.instant()
        hardState = try HardState(decoding: &reader)
        configurations = try ConfigurationHistory(decoding: &reader)
        log = try RaftCore.log(decoding: &reader, configurations)
        snapshot = try RaftSnapshotPoint(decoding: &reader)
        durability = try Durability(decoding: &reader)
        tombstones = Tombstones(index: try reader.index(), nodes: try reader.nodes())
        let leadership = try RaftLeadership(decoding: &reader)
        role = leadership.role
        leader = leadership.leader
        commitIndex = try reader.index()
        appliedIndex = try reader.index()
        electionDeadline = try reader.instant()
        leaderContact = try reader.instant()
        heartbeatDeadline = try reader.instant()
        votes = try VoteTally(decoding: &reader)
        if try reader.flag("offer") {
            let (from, index) = (try reader.node(), try reader.index())
            offered = OfferedSnapshot(from: from, index: index, term: try reader.term())
        }
        forwarded = try ForwardedReads(decoding: &reader)
        if try reader.flag("acquaintance") {
            acquaintance = Acquaintance(
                term: try reader.term(),
                firstRound: try reader.number(),
                latestRound: try reader.number(),
                commit: try reader.index()
            )
        }
        freshness = try FreshnessTracker(decoding: &reader)
        removedAt = try reader.optional("removal").map { LogIndex($0) }
        announcedLeadership = try RaftLeadership(decoding: &reader)
        announcedCommit = try reader.index()
        for _ in 0..<(try reader.count(limit: RaftConfiguration.listMax * 2)) {
            peers.append(try PeerProgress(decoding: &reader))
        }
        reads = try LeaderReads(decoding: &reader)
        if try reader.flag("transfer") {
            transfer = LeadershipTransfer(target: try reader.node(), deadline: try reader.instant())
            transfer?.isToldToCampaign = try reader.flag("told to campaign")
        }
        isMembershipSettled = try reader.flag("settled")
        for _ in 0..<(try reader.count(limit: RaftConfiguration.listMax)) {
            catchUps.append(try CatchUp(decoding: &reader))
        }
        departing = try reader.nodes()
        guard commitIndex >= log.baseIndex, commitIndex <= log.lastIndex else {
            throw .invalidValue(field: "commit index", value: commitIndex.rawValue)
        }
        if role == .leader {
            var index = commitIndex.next
            while index <= log.lastIndex {
                uncommittedBytes += log.byteCount(at: index)
                index = index.next
            }
        }
        nextDeadline = deadline
    }

    // MARK: The log

    private func recordConfigurations<Sink: FlightSink>(into sink: inout Sink) {
        sink.count(configurations.items.count)
        for item in configurations.items {
            sink.number(item.index.rawValue)
            item.configuration.record(into: &sink)
        }
    }

    private func recordLog<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(log.baseIndex.rawValue, log.term(at: log.baseIndex)?.rawValue ?? 0)
        let isShort = UInt64(log.count) <= RaftCore.recordedEntriesMax
        let before = isShort ? log.baseIndex : LogIndex(log.lastIndex.rawValue - RaftCore.recordedEntriesMax)
        let tail = log.entries(from: before.next, upTo: log.lastIndex, maxBytes: .max)
        sink.number(UInt64(log.byteCount - tail.reduce(0) { $0 + $1.byteCount }))
        sink.number(before.rawValue)
        var position = log.firstIndex
        while position <= before {
            let term = log.term(at: position) ?? .zero
            let last = log.lastIndex(upTo: before, termAtMost: term)
            sink.fields(last.rawValue, term.rawValue)
            position = last.next
        }
        tail.record(into: &sink)
    }

    private static func log(
        decoding reader: inout FlightReader,
        _ configurations: ConfigurationHistory
    ) throws(ByteError) -> RaftLog {
        let (base, baseTerm) = (try reader.index(), try reader.term())
        let bytes = try reader.amount("bytes of old entries")
        let before = try reader.index()
        guard before >= base, before.rawValue - base.rawValue <= logEntriesMax else {
            throw .invalidValue(field: "old entries", value: before.rawValue)
        }
        var log = RaftLog(baseIndex: base, baseTerm: baseTerm, baseTimestamp: .zero)
        let known = configurations.items.filter { $0.index > base && $0.index <= before }
        let knownBytes = known.reduce(0) { $0 + LogEntry.fixedBytes + $1.configuration.encoded.count }
        let others = Int(before.rawValue - base.rawValue) - known.count
        let payload = others > 0 ? max(0, (bytes - knownBytes) / others - LogEntry.fixedBytes) : 0
        while log.lastIndex < before {
            let (last, term) = (try reader.index(), try reader.term())
            guard last > log.lastIndex, last <= before, term >= log.lastTerm else {
                throw .invalidValue(field: "old entries of a term", value: last.rawValue)
            }
            while log.lastIndex < last {
                let index = log.lastIndex.next
                let bytes: [UInt8]
                let item = known.first { $0.index == index }
                if let item {
                    bytes = item.configuration.encoded
                } else {
                    bytes = try reader.payload(ofLength: payload)
                }
                let kind = item == nil ? LogEntry.Kind.command : .configuration
                log.append(LogEntry(index: index, term: term, timestamp: .zero, kind: kind, payload: bytes))
            }
        }
        for entry in try [LogEntry](decoding: &reader) {
            guard entry.index == log.lastIndex.next, entry.term >= log.lastTerm else {
                throw .invalidValue(field: "entry", value: entry.index.rawValue)
            }
            log.append(entry)
        }
        return log
    }
}
