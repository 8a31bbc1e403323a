// Pemba: what can go wrong in a simulated run.
// SPDX-License-Identifier: Apache-2.0

/// One kind of trouble.
///
/// Each seed first draws which kinds exist at all, and then how much of each: a run with a little of everything would
/// never see a long log, an untroubled network or the loss of nearly every message. Add a kind here, how likely it is to
/// exist, and what it does to `Simulation.inject` or, if it is always there, to what it troubles.
package enum Fault: String, CaseIterable, Sendable {
    // MARK: Messages, all the time

    /// Messages are lost.
    case loss
    /// Messages arrive twice.
    case duplication
    /// Messages take ten times as long.
    case stragglers

    // MARK: The network, now and then

    /// One node is cut off.
    case isolate
    /// The nodes are cut into two sides.
    case split
    /// One direction of one link passes nothing.
    case oneWay = "one-way"
    /// Two sides that only one node between them hears.
    case bridge
    /// A chain in which each node hears its neighbours only.
    case chain
    /// A connection breaks, with what was on it.
    case breakLink = "break-link"

    // MARK: Machines and processes

    /// A machine loses power, with what was not synced: pages are lost, torn or zero.
    case losePower = "lose-power"
    /// The same at a certain system call of the node's storage.
    case losePowerWhileWriting = "lose-power-while-writing"
    /// A process dies while its machine runs on.
    case kill
    /// A process stops for a while and goes on.
    case pause
    /// All machines lose power at once.
    case blackout

    // MARK: Disks

    /// A bit of the log or of a snapshot flips, on fewer than half of the disks in all of a run.
    case rot
    /// A read gets a page from another place, on the same disks.
    case misdirectedRead = "misdirected-read"
    /// A sync fails.
    case failSync = "fail-sync"
    /// A disk is full for a while.
    case fullDisk = "full-disk"
    /// A disk completes nothing for a while.
    case hungDisk = "hung-disk"

    // MARK: Clocks

    /// Civil clocks jump.
    case clockJump = "clock-jump"
    /// Monotonic clocks run at different speeds.
    case clockDrift = "clock-drift"

    // MARK: Operators

    /// Leadership is handed over on request.
    case transfer
    /// Nodes are stopped one after the other and start again with other settings, as in an upgrade.
    case upgrade
    /// The membership changes: nodes are added, get a vote and lose it, are removed and replaced.
    case members

    // MARK: Losses for good

    /// A machine loses its data folder and comes back with an empty one, under its old id, or, if it does not vote, with
    /// that of a node of a new cluster.
    case wipe

    /// In how many of a hundred seeds it exists.
    var likelihood: UInt64 {
        switch self {
        case .failSync, .fullDisk, .hungDisk, .blackout, .rot, .misdirectedRead, .wipe: 25
        case .transfer, .upgrade, .bridge, .chain: 33
        default: 50
        }
    }

    /// Whether it is an event; the others are conditions that last from the beginning to the end of faults.
    var isEvent: Bool {
        switch self {
        case .loss, .duplication, .stragglers, .clockDrift: false
        default: true
        }
    }
}
