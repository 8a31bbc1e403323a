// Pemba: what can happen to a replica.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft
package import PembaService

/// Names one request of this node's clients, unique since the node started.
///
/// The shell chooses it.
package struct RequestID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static func < (left: RequestID, right: RequestID) -> Bool { left.rawValue < right.rawValue }
}

/// The time of an input: the monotonic clock for timeouts, the civil clock for what the leader stamps.
package struct ReplicaTime: Sendable {
    package var now: Instant
    package var wall: Timestamp

    package init(now: Instant, wall: Timestamp) {
        self.now = now
        self.wall = wall
    }
}

/// One thing that happened to a replica.
///
/// Every input is legal in every state.
package enum ReplicaInput: Sendable {
    /// Time passed; due at `Replica.nextDeadline` at the latest.
    case tick
    /// A message of the node `from`, whose identity the transport has verified.
    case peer(from: NodeID, PeerMessage)
    /// A node has opened a connection to this one.
    case called(by: NodeID)
    /// The link to a node is up.
    case linkUp(NodeID)
    /// The link to a node broke.
    case linkDown(NodeID)
    /// A client's command; answered by `ReplicaEffect.reply`, at the latest at `deadline`.
    case submit(RequestID, ClientCommand, deadline: Instant)
    /// A read that cannot be evaluated at once (`Replica.readiness`); answered by `readReady` or `readFailed`.
    case awaitRead(RequestID, Consistency, deadline: Instant)
    /// The persist effect is durable, and the log with it up to this entry.
    case persisted(sequence: PersistSequence, lastIndex: LogIndex, lastTerm: Term)
    /// Blocks that `readSnapshotBlocks` asked for, as they stand on disk, the first being number `from`; nil: no such snapshot.
    case snapshotBlocksRead(for: NodeID, index: LogIndex, from: UInt32, blocks: [[UInt8]]?)
    /// The block that `storeSnapshotBlock` asked for is written, and the first one that is missing now is `missing`, or
    /// none if that is beyond the last; nil: the block was refused (checksum) or could not be written.
    case snapshotBlockStored(index: LogIndex, number: UInt32, missing: UInt32?)
    /// The received snapshot could not be verified or made current. (Success is `Replica.install`, which brings the state.)
    case snapshotInstallFailed(index: LogIndex)
    /// The snapshot that this node wrote of its own state is durable: the log before it may go. Of its blocks,
    /// those of content count: the manifest does not.
    case snapshotWritten(index: LogIndex, term: Term, blockCount: UInt32)
    /// The snapshot that `writeSnapshot` asked for could not be written (disk full); asked for again later.
    case snapshotNotWritten
    /// The disk has become fuller or emptier.
    case diskSpace(DiskSpace)
    /// Something stored is damaged that this node has in memory.
    case storageDamaged
    /// Hand leadership to another node (nil: the best) if this one leads.
    case transferLeadership(to: NodeID?)
}

/// What a client wants written to the log.
///
/// What is rare and large is behind a reference: every message and every tick travels in an enumeration with these.
package enum ClientCommand: Sendable, Equatable {
    /// Open a client session.
    case openSession
    /// Write tuples.
    case write(WriteRequest)
    /// Replace the schema.
    case writeSchema(source: String)
    /// Remove all tuples that a filter means.
    indirect case delete(DeleteRequest)
    /// Make the subjects of a relation exactly those listed.
    indirect case set(SetRequest)
    /// Add many tuples.
    case importTuples(ImportRequest)
    /// Nothing but the time of its entry: the leader appends it so that what is due happens.
    case advanceTime
    /// What the state of the proposing node was: written by the leader now and then, and by whoever has another one.
    case audit(AuditStatement)

    /// Which write of which client session it is, if it says so.
    package var idempotencyKey: IdempotencyKey? {
        switch self {
        case .write(let request): request.idempotencyKey
        case .delete(let request): request.idempotencyKey
        case .set(let request): request.idempotencyKey
        case .importTuples(let request): request.idempotencyKey
        case .openSession, .writeSchema, .advanceTime, .audit: nil
        }
    }
}
