// Pemba: what a replica does about a disk that is full, hangs or rots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService

/// How much room the disk of a node has.
package enum DiskSpace: UInt8, Sendable, Comparable {
    /// Enough.
    case ample = 0
    /// So little that what is not needed should go.
    case low = 1
    /// So little that nothing is to be added but what the others have added already.
    case critical = 2

    package static func < (left: DiskSpace, right: DiskSpace) -> Bool { left.rawValue < right.rawValue }
}

/// With little room a node writes a snapshot and deletes all of the log before it, for slow followers too. With next to
/// none a leader hands over, as the others may have room; while it leads nevertheless, it refuses what clients want to
/// write, so that what it has left serves to end what was begun. When there is room again, all of that ends by itself.
extension Replica {
    /// How long a leader without room waits until it tries again to hand over: the others may have none either.
    private static let handoverPause = TimeSpan.seconds(30)

    /// When `relieve` has something to do.
    var nextRelief: Instant {
        leadership.role == .leader && (diskSpace == .critical || quarantine != nil) ? nextHandover : .distantFuture
    }

    /// Whether commands are refused for want of room.
    var lacksRoom: Bool { diskSpace == .critical && !raft.isHandingOver }

    mutating func diskSpaceChanged(_ space: DiskSpace, at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard space != diskSpace else { return }
        if space > diskSpace { makeRoom(at: time, into: &effects) }
        if space == .critical { nextHandover = time.now }
        diskSpace = space
    }

    /// Whether the disk has completed nothing for so long that clients are better served by other nodes.
    ///
    /// The log may go on here without the disk, but not in a term that is not on it, which the next leader's is.
    var turnsWritesAway: Bool { leadership.role != .leader && raft.isDiskStalled }

    /// Sends the clients whose writes wait here to other nodes, while the disk completes nothing: those whose writes were
    /// never attempted, or have a key and may be done again.
    ///
    /// The others wait on. Nobody else can tell them what became of theirs, and a disk that was only slow soon does.
    mutating func turnWritesAway(into effects: inout [ReplicaEffect]) {
        guard commands.count > 0, turnsWritesAway else { return }
        commands.retryKeyed()
        replyFailed(commands.failQueued(.diskStalled(id)), into: &effects)
    }

    /// Something stored is not any more what was written; what is in memory is, so that it is written anew.
    mutating func storageDamaged(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        makeRoom(at: time, into: &effects)
    }

    /// A leader without room, or whose state is not to be believed, hands over, now and then.
    mutating func relieve(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard nextRelief <= time.now else { return }
        nextHandover = time.now + Replica.handoverPause
        stepRaft(.transferLeadership(to: nil), at: time, into: &effects)
    }

    /// Replaces the log, as far as it is applied, by a snapshot.
    private mutating func makeRoom(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        if snapshots.index > .zero { effects.append(.compactLog(upTo: snapshots.index)) }
        snapshots.demand()
        writeSnapshotIfDue(at: time, into: &effects)
    }
}

extension ServiceError {
    /// The node's disk completes nothing.
    static func diskStalled(_ node: NodeID) -> ServiceError {
        ServiceError(
            .unavailable,
            "the disk of node \(node) completes nothing: it takes no writes until it does; nothing was done; ask another node"
        )
    }

    /// The leader's disk is full.
    static let noRoom = ServiceError(
        .overloaded,
        "the leader's disk is almost full and no other node could take its place: it takes no writes until there is room; "
            + "nothing was done. Free space on the disks of the nodes; nothing needs to be restarted"
    )
}
