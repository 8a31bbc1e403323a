// Pemba: what one simulated run is like.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The conditions of one run: how many nodes, how bad the network and the disks, how much goes wrong.
///
/// They are drawn from the seed, each fault first on or off and then how much of it: runs with averages of everything
/// would never see a long log, an untroubled network or a loss of nearly every message.
package struct SimulationOptions: Sendable, Equatable {
    /// The seed of everything.
    package var seed: UInt64
    /// How long faults and clients go on, in simulated time; then everything is healed and must come right.
    package var duration: TimeSpan
    /// Nodes in the cluster.
    package var nodeCount = 3
    /// Clients at work.
    package var clientCount = 4

    /// Raft's election timeout.
    package var electionTimeout = TimeSpan.milliseconds(150)
    /// Raft's heartbeat interval.
    package var heartbeatInterval = TimeSpan.milliseconds(30)
    /// How old the state may be at which reads are answered.
    package var stalenessBound = TimeSpan.milliseconds(1_000)

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

    /// Whether nodes lose power, with what they had not synced.
    package var powerFails = false
    /// Whether processes die while the machine runs on.
    package var processesDie = false
    /// Whether processes stop for a while.
    package var processesPause = false
    /// Whether links fail silently, in one direction or both.
    package var networkParts = false
    /// Whether connections break.
    package var linksBreak = false
    /// Whether syncs fail.
    package var syncsFail = false
    /// Whether civil clocks jump.
    package var clocksJump = false
    /// Whether monotonic clocks run at different speeds.
    package var clocksDrift = false
    /// Whether leadership is handed over on request.
    package var leadershipMoves = false
    /// The mean time between faults.
    package var faultInterval = TimeSpan.milliseconds(400)

    /// Applied entries after which a snapshot is written.
    package var snapshotAfterEntries = 1_000_000
    /// Entries kept before a snapshot.
    package var trailingEntries = 1_000
    /// Whether segments and batches of the stored log are tiny.
    package var hasTinySegments = false
    /// Appends in flight to one follower.
    package var inflightMessagesMax = 64
    /// Entries applied at once at most.
    package var applyBatchMax = 16

    /// A run in which nothing goes wrong.
    package init(calm seed: UInt64, duration: TimeSpan) {
        self.seed = seed
        self.duration = duration
    }

    /// Draws the conditions from the seed.
    package init(seed: UInt64, duration: TimeSpan) {
        self.init(calm: seed, duration: duration)
        var random = SeededRandom(seed: SeededRandom.mix(seed ^ 0x5EED))
        nodeCount = [3, 3, 3, 5, 1][random.below(5)]
        clientCount = 2 + random.below(6)
        delaySpread = .microseconds(100 + random.below(UInt64(random.chance(1, in: 3) ? 30_000 : 2_000)))
        if random.chance(1, in: 2) { lossPerMille = random.below(UInt64(150)) }
        if random.chance(1, in: 2) { duplicationPerMille = random.below(UInt64(200)) }
        if random.chance(1, in: 2) { stragglersPerMille = random.below(UInt64(50)) }
        diskSpread = .microseconds(100 + random.below(UInt64(random.chance(1, in: 4) ? 20_000 : 1_000)))
        powerFails = random.chance(1, in: 2)
        processesDie = random.chance(1, in: 2)
        processesPause = random.chance(1, in: 2)
        networkParts = random.chance(1, in: 2)
        linksBreak = random.chance(1, in: 2)
        syncsFail = random.chance(1, in: 4)
        clocksJump = random.chance(1, in: 2)
        clocksDrift = random.chance(1, in: 2)
        leadershipMoves = random.chance(1, in: 3)
        faultInterval = .milliseconds(100 + random.below(UInt64(900)))
        if random.chance(2, in: 3) { snapshotAfterEntries = 5 + random.below(100) }
        trailingEntries = random.below(random.chance(1, in: 2) ? 5 : 200)
        hasTinySegments = random.chance(1, in: 2)
        inflightMessagesMax = random.chance(1, in: 4) ? 1 : 1 + random.below(64)
        applyBatchMax = 1 + random.below(32)
    }
}
