// Pemba: a learner on its way to a vote.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// How far a learner has come that is to vote (dissertation, 4.2.1).
///
/// It is brought up to date in rounds: each replicates what the log held when the round began, and takes as long as new
/// entries gather for the next one. A round that takes no longer than an election timeout is short enough: with the
/// vote in this node's hands, the cluster would not stand still for longer than an election.
struct CatchUp: Sendable {
    /// What an observation says.
    enum Verdict: Sendable, Hashable {
        case underWay
        case caughtUp
        case failed(CatchUpFailure)
    }

    /// So many snapshots may fail to arrive without the log having grown.
    static let lostTransfersMax = 20

    let node: NodeID
    /// From 1.
    private(set) var round = 1
    /// The end of the log when the round began.
    private(set) var target: LogIndex
    private var roundStartedAt: Instant
    /// The match index and when it was last seen to grow.
    private var match = LogIndex.zero
    private var grownAt: Instant
    /// Whether a snapshot was on its way at the last look, and how many did not arrive since the log last grew.
    private var isFetching = false
    private var lostTransfers = 0
    private var isCaughtUp = false

    init(node: NodeID, target: LogIndex, now: Instant) {
        self.node = node
        self.target = target
        roundStartedAt = now
        grownAt = now
    }

    /// A hash of how far it has come, but for the time that it took.
    func digest(naming name: NodeNaming) -> UInt64 {
        var hasher = StateHasher(domain: 11)
        hasher.combine([name(node), UInt64(round), target.rawValue, match.rawValue, isCaughtUp ? 1 : 0])
        return hasher.value
    }

    /// The learner holds nothing, and may not vote before it has the log up to `index`.
    mutating func require(_ index: LogIndex) {
        target = max(target, index)
        isCaughtUp = false
    }

    /// Takes up what the leader knows of the learner.
    mutating func observe(_ peer: PeerProgress, last: LogIndex, now: Instant, options: RaftOptions) -> Verdict {
        if peer.match > match {
            match = peer.match
            grownAt = now
            lostTransfers = 0
        }
        if now - peer.lastContact >= options.catchUpTimeout { return .failed(.silent) }
        // One that has caught up and then falls silent does not count until it is heard again.
        if isCaughtUp { return now - peer.lastContact < options.electionTimeout ? .caughtUp : .underWay }
        guard match >= target else {
            // A snapshot may take long, and it goes on where it broke: as long as the receiver lives, it is on its way.
            if case .snapshot = peer.state {
                isFetching = true
                grownAt = now
                return .underWay
            }
            if isFetching { lostTransfers += 1 }
            isFetching = false
            if lostTransfers >= CatchUp.lostTransfersMax { return .failed(.silent) }
            return now - grownAt >= options.catchUpTimeout ? .failed(.silent) : .underWay
        }
        if now - roundStartedAt <= options.electionTimeout {
            isCaughtUp = true
            return .caughtUp
        }
        if round >= options.catchUpRoundsMax { return .failed(.tooSlow) }
        round += 1
        target = last
        roundStartedAt = now
        return .underWay
    }
}

// MARK: - Flight recordings

extension CatchUp {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.fields(node.rawValue, UInt64(round), target.rawValue)
        sink.fields(roundStartedAt.nanoseconds, match.rawValue, grownAt.nanoseconds)
        sink.flag(isCaughtUp)
        sink.flag(isFetching)
        sink.count(lostTransfers)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        node = try reader.node()
        round = try reader.count()
        target = try reader.index()
        roundStartedAt = try reader.instant()
        match = try reader.index()
        grownAt = try reader.instant()
        isCaughtUp = try reader.flag("caught up")
        isFetching = try reader.flag("fetching")
        lostTransfers = try reader.count()
    }
}
