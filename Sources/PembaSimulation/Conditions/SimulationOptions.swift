// Pemba: what one simulated run is like.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The conditions of one run: how many nodes, how bad the network and the disks, how much goes wrong.
package struct SimulationOptions: Sendable, Equatable {
    /// The seed of everything.
    package var seed: UInt64
    /// How long faults and clients go on, in simulated time; then everything is healed and must come right.
    package var duration: TimeSpan
    /// Nodes in the cluster.
    package var nodeCount = 3
    /// Machines that an operator may add.
    package static let sparesMax = 8
    /// Clients at work.
    package var clientCount = 4
    /// Whether promises are checked; false only to measure what checking costs.
    package var isChecked = true

    /// How much happens in a simulated second.
    package enum Pace: Sendable {
        /// Nodes with their default timeouts, clients that think.
        case slow
        /// The same nodes, and clients that think five times as fast.
        case busy
        /// Short timeouts, and clients that hardly think.
        case hasty
    }

    /// How much happens in a simulated second.
    package var pace = Pace.slow {
        didSet {
            electionTimeout = .milliseconds(pace == .hasty ? 150 : 500)
            thinkTime = .milliseconds(pace == .slow ? 1_000 : pace == .busy ? 200 : 20)
        }
    }
    /// Raft's election timeout; everything that a run does at its own pace follows it.
    package var electionTimeout = TimeSpan.milliseconds(500)
    /// How long a client thinks between two operations, at most; every other time a twentieth of it.
    package var thinkTime = TimeSpan.milliseconds(1_000)

    /// The kinds of trouble that exist.
    package var faults: Set<Fault> = []
    /// Those of them that are left out.
    ///
    /// What else happens is drawn as if they were there, so that a run changes as little as possible.
    package var without: Set<Fault> = []
    /// The mean time between two faults.
    package var faultInterval = TimeSpan.milliseconds(1_000)

    /// The shortest delay of a message.
    package var delayMin = TimeSpan.microseconds(50)
    /// How much longer the longest is; messages overtake each other by it.
    package var delaySpread = TimeSpan.microseconds(500)
    /// Messages lost, in a thousand.
    package var lossPerMille: UInt64 = 0
    /// Messages that arrive twice, in a thousand.
    package var duplicationPerMille: UInt64 = 0
    /// Messages delayed ten times as long, in a thousand.
    package var stragglersPerMille: UInt64 = 0

    /// The shortest time of a disk operation.
    package var diskMin = TimeSpan.microseconds(100)
    /// How much longer the longest takes.
    package var diskSpread = TimeSpan.microseconds(400)

    /// The settings of the nodes' first version.
    package var settings = NodeSettings()
    /// Those that an upgrade brings.
    package var upgraded = NodeSettings()

    /// Raft's heartbeat interval.
    package var heartbeatInterval: TimeSpan { TimeSpan(nanoseconds: electionTimeout.nanoseconds / 5) }
    /// How old the state may be at which reads are answered.
    package var stalenessBound: TimeSpan { electionTimeout * 6 }

    /// A run in which nothing goes wrong.
    package init(calm seed: UInt64, duration: TimeSpan) {
        self.seed = seed
        self.duration = duration
    }

    /// Draws the conditions from the seed.
    package init(seed: UInt64, duration: TimeSpan) {
        self.init(calm: seed, duration: duration)
        var random = SeededRandom(seed: SeededRandom.mix(seed ^ 0x5EED))
        for fault in Fault.allCases where random.chance(fault.likelihood, in: 100) { faults.insert(fault) }
        nodeCount = [3, 3, 3, 3, 3, 5, 5, 1, 2, 4, 6, 7][random.below(12)]
        clientCount = 2 + random.below(6)
        pace = [.slow, .slow, .slow, .slow, .slow, .busy, .busy, .hasty][random.below(8)]
        delaySpread = .microseconds(100 + random.below(UInt64(random.chance(1, in: 3) ? 30_000 : 2_000)))
        lossPerMille = random.below(UInt64(150))
        duplicationPerMille = random.below(UInt64(200))
        stragglersPerMille = random.below(UInt64(50))
        diskSpread = .microseconds(100 + random.below(UInt64(random.chance(1, in: 4) ? 20_000 : 1_000)))
        faultInterval = TimeSpan(nanoseconds: electionTimeout.nanoseconds / 2 * (1 + random.below(UInt64(12))))
        settings = NodeSettings(drawnFrom: &random)
        upgraded = NodeSettings(drawnFrom: &random)
    }

    /// Machines at most.
    var placesMax: Int { nodeCount + SimulationOptions.sparesMax }

    /// Whether a kind of trouble exists and is not left out.
    package func has(_ fault: Fault) -> Bool { faults.contains(fault) && !without.contains(fault) }
}

/// What nodes of one version do and of another do not: sizes and limits that may differ from node to node.
///
/// Files and messages have one version each so far. What an upgrade changes in a run is therefore what a new version may
/// change without one: how much goes into a message, a batch, a segment or a snapshot, and when.
package struct NodeSettings: Sendable, Equatable {
    /// Applied entries after which a snapshot is written.
    package var snapshotAfterEntries = 1_000_000
    /// Entries kept before a snapshot.
    package var trailingEntries = 1_000
    /// Pages of a segment; a batch begins on a page.
    package var segmentPages = 64
    /// Appends in flight to one follower.
    package var inflightMessagesMax = 64
    /// Bytes of one append.
    package var messageBytesMax = 1 << 20
    /// Blocks of a snapshot in flight.
    package var transferWindow = 3
    /// Bytes that end a block of a snapshot.
    package var snapshotBlockBytes = Limits.snapshotBlockBytes
    /// Blocks of snapshots that are sent in an election timeout.
    package var transferPace: UInt64 = 256
    /// Entries applied at once at most.
    package var applyBatchMax = 16
    /// The longest time between two blocks of a snapshot that is written.
    package var snapshotPause = TimeSpan.milliseconds(2)

    /// Settings for a run in which nothing is tiny.
    package init() {}

    /// Draws settings: often tiny ones, so that what is rare with large ones is not.
    init(drawnFrom random: inout SeededRandom) {
        if random.chance(3, in: 4) { snapshotAfterEntries = 4 + random.below(random.chance(1, in: 2) ? 12 : 100) }
        trailingEntries = random.below(random.chance(3, in: 4) ? 4 : 200)
        segmentPages = [2, 8, 64, 64][random.below(4)]
        inflightMessagesMax = random.chance(1, in: 4) ? 1 : 1 + random.below(64)
        messageBytesMax = random.chance(1, in: 3) ? 200 + random.below(2_000) : 1 << 20
        transferWindow = 1 + random.below(4)
        applyBatchMax = 1 + random.below(32)
        // So small that a snapshot has tens of them, or all of it in one.
        if random.chance(3, in: 4) { snapshotBlockBytes = 40 + random.below(500) }
        if random.chance(1, in: 2) { transferPace = 40 + random.below(UInt64(200)) }
        // So long that the node may fall far behind meanwhile.
        if random.chance(1, in: 4) { snapshotPause = .milliseconds(50) }
    }
}
