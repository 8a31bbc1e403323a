// Pemba: what a snapshot is, in one small file.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// The state that a snapshot holds.
package struct SnapshotPoint: Sendable, Hashable {
    /// The last entry whose effect is in the snapshot.
    package var lastIndex: LogIndex
    /// The term of that entry.
    package var lastTerm: Term
    /// The timestamp of that entry.
    package var timestamp: Timestamp
    /// The configuration in force at that entry.
    package var configuration: RaftConfiguration
    /// The hash of the state, as the state machine defines it: 16 bytes.
    package var stateHash: [UInt8]

    /// Bytes of a state hash.
    package static let stateHashBytes = 16

    package init(
        lastIndex: LogIndex,
        lastTerm: Term,
        timestamp: Timestamp,
        configuration: RaftConfiguration,
        stateHash: [UInt8]
    ) {
        precondition(stateHash.count == SnapshotPoint.stateHashBytes, "a state hash has 16 bytes")
        self.lastIndex = lastIndex
        self.lastTerm = lastTerm
        self.timestamp = timestamp
        self.configuration = configuration
        self.stateHash = stateHash
    }
}

/// One row of a snapshot's block table.
package struct SnapshotBlockEntry: Sendable, Hashable {
    /// Bytes of the block as stored, its header included.
    package var storedBytes: Int
    /// Bytes of its content.
    package var rawBytes: Int
    /// Its checksum, which its header holds too.
    package var checksum: UInt32
}

/// The manifest of a snapshot (rule W6); block 0 of a transfer.
package struct SnapshotManifest: Sendable, Hashable {
    /// The version that `encode` writes.
    package static let version: UInt16 = 1
    /// Blocks that a snapshot has at most: 50 GiB of content, in a manifest that fits a frame.
    package static let blocksMax = 200_000
    /// How errors call the version.
    static let versionField = "manifest version"
    private static let magic: UInt32 = 0x4E41_4D50  // "PMAN"

    /// The cluster whose state it is.
    package var cluster: ClusterID
    /// The epoch of the cluster's history.
    package var epoch: Epoch
    /// The state it holds.
    package var point: SnapshotPoint
    /// The blocks 1, 2, … in order.
    package var blocks: [SnapshotBlockEntry]
    /// SHA-256 over the SHA-256 of the content of every block, in order.
    package var root: [UInt8]

    /// How many blocks of content there are; with the manifest as block 0, also the number of the last one.
    package var blockCount: UInt32 { UInt32(blocks.count) }

    /// The manifest's bytes, which end with their checksum.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256 + blocks.count * 12)
        writer.integer(SnapshotManifest.magic)
        writer.integer(SnapshotManifest.version)
        writer.integer(UInt16(0))
        cluster.encode(into: &writer)
        writer.integer(epoch.rawValue)
        writer.integer(point.lastIndex.rawValue)
        writer.integer(point.lastTerm.rawValue)
        writer.integer(point.timestamp.nanoseconds)
        writer.raw(point.stateHash)
        var configuration = ByteWriter()
        point.configuration.encode(into: &configuration)
        writer.lengthPrefixed(configuration.bytes)
        writer.integer(blockCount)
        for block in blocks {
            writer.integer(UInt32(block.storedBytes))
            writer.integer(UInt32(block.rawBytes))
            writer.integer(block.checksum)
        }
        writer.raw(root)
        writer.integer(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Reads what `encoded` wrote.
    package init(decoding bytes: [UInt8]) throws(ByteError) {
        guard bytes.count >= 4 else { throw .truncated(needed: 4, available: bytes.count) }
        self = try bytes.withRawBytes { buffer throws(ByteError) in
            let body = UnsafeRawBufferPointer(rebasing: buffer[..<(buffer.count - 4)])
            var tail = ByteReader(UnsafeRawBufferPointer(rebasing: buffer[(buffer.count - 4)...]))
            let checksum: UInt32 = try tail.integer()
            guard checksum == CRC32C.checksum(body) else {
                throw .invalidValue(field: "checksum of the manifest", value: UInt64(checksum))
            }
            return try SnapshotManifest(body: body)
        }
    }

    package init(cluster: ClusterID, epoch: Epoch, point: SnapshotPoint, blocks: [SnapshotBlockEntry], root: [UInt8]) {
        self.cluster = cluster
        self.epoch = epoch
        self.point = point
        self.blocks = blocks
        self.root = root
    }

    private init(body: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(body)
        let magic: UInt32 = try reader.integer()
        guard magic == SnapshotManifest.magic else { throw .invalidValue(field: "magic", value: UInt64(magic)) }
        let version: UInt16 = try reader.integer()
        guard version == SnapshotManifest.version else {
            throw .invalidValue(field: SnapshotManifest.versionField, value: UInt64(version))
        }
        _ = try reader.integer(UInt16.self)
        let cluster = try ClusterID(decoding: &reader)
        let epoch: UInt32 = try reader.integer()
        let index: UInt64 = try reader.integer()
        let term: UInt64 = try reader.integer()
        let timestamp: Int64 = try reader.integer()
        let stateHash = [UInt8](try reader.take(SnapshotPoint.stateHashBytes))
        var configuration = ByteReader(try reader.slice(limit: RaftConfiguration.encodedBytesMax))
        let members = try RaftConfiguration(decoding: &configuration)
        try configuration.expectEnd()
        let blocks = try SnapshotManifest.table(from: &reader)
        let root = [UInt8](try reader.take(SHA256.digestBytes))
        try reader.expectEnd()
        guard index > 0, index < .max else { throw .invalidValue(field: "last index", value: index) }
        self.init(
            cluster: cluster,
            epoch: Epoch(epoch),
            point: SnapshotPoint(
                lastIndex: LogIndex(index),
                lastTerm: Term(term),
                timestamp: Timestamp(nanoseconds: timestamp),
                configuration: members,
                stateHash: stateHash
            ),
            blocks: blocks,
            root: root
        )
    }

    private static func table(from reader: inout ByteReader) throws(ByteError) -> [SnapshotBlockEntry] {
        let count: UInt32 = try reader.integer()
        guard count <= blocksMax else { throw .exceedsLimit(value: UInt64(count), limit: UInt64(blocksMax)) }
        var blocks: [SnapshotBlockEntry] = []
        blocks.reserveCapacity(min(Int(count), reader.remaining / 12))
        for _ in 0..<count {
            let stored: UInt32 = try reader.integer()
            let raw: UInt32 = try reader.integer()
            let checksum: UInt32 = try reader.integer()
            guard stored >= SnapshotBlock.headerBytes, stored <= SnapshotBlock.storedBytesMax else {
                throw .exceedsLimit(value: UInt64(stored), limit: UInt64(SnapshotBlock.storedBytesMax))
            }
            guard raw <= SnapshotBlock.rawBytesMax else {
                throw .exceedsLimit(value: UInt64(raw), limit: UInt64(SnapshotBlock.rawBytesMax))
            }
            blocks.append(SnapshotBlockEntry(storedBytes: Int(stored), rawBytes: Int(raw), checksum: checksum))
        }
        return blocks
    }
}
