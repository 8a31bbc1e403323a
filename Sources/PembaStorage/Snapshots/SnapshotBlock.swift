// Pemba: one block of a snapshot, on disk and in a transfer.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Encodes and decodes blocks: a header with a checksum over header and payload, then the payload, LZ4 if that pays.
package enum SnapshotBlock {
    /// Bytes of content at most.
    package static let rawBytesMax = Limits.snapshotBlockBytes
    /// Bytes before the payload.
    package static let headerBytes = 24
    /// Bytes of a stored block at most: content that does not compress is stored as it is.
    package static let storedBytesMax = headerBytes + rawBytesMax
    /// The version that `encode` writes.
    package static let version: UInt8 = 1
    private static let magic: UInt32 = 0x4B4C_4250  // "PBLK"

    /// Block `number` with this content.
    package static func encode(_ raw: [UInt8], number: UInt32) -> (bytes: [UInt8], entry: SnapshotBlockEntry) {
        precondition(raw.count <= rawBytesMax, "a snapshot block has \(raw.count) bytes and not at most \(rawBytesMax)")
        let stored = LZ4Block.encode(raw)
        var writer = ByteWriter(capacity: headerBytes + stored.bytes.count)
        writer.integer(magic)
        writer.integer(version)
        writer.integer(stored.encoding.rawValue)
        writer.integer(UInt16(0))
        writer.integer(number)
        writer.integer(UInt32(raw.count))
        writer.integer(UInt32(stored.bytes.count))
        let checksum = CRC32C.checksum(stored.bytes, seed: CRC32C.checksum(writer.bytes))
        writer.integer(checksum)
        writer.raw(stored.bytes)
        let entry = SnapshotBlockEntry(storedBytes: writer.bytes.count, rawBytes: raw.count, checksum: checksum)
        return (writer.bytes, entry)
    }

    /// Whether `bytes` are block `number` as the table describes it.
    package static func matches(_ bytes: [UInt8], number: UInt32, entry: SnapshotBlockEntry) -> Bool {
        (try? payload(of: bytes, number: number, entry: entry)) != nil
    }

    /// The content of block `number`, which must be the one that the table describes.
    package static func decode(_ bytes: [UInt8], number: UInt32, entry: SnapshotBlockEntry) throws(ByteError) -> [UInt8]
    {
        let (encoding, range) = try payload(of: bytes, number: number, entry: entry)
        let raw = bytes.withUnsafeBytes { buffer in
            LZ4Block.decode(
                UnsafeRawBufferPointer(rebasing: buffer[range]),
                encoding: encoding,
                rawLength: entry.rawBytes
            )
        }
        guard let raw else { throw .invalidValue(field: "compressed content of block", value: UInt64(number)) }
        return raw
    }

    private static func payload(
        of bytes: [UInt8],
        number: UInt32,
        entry: SnapshotBlockEntry
    ) throws(ByteError) -> (StoredEncoding, Range<Int>) {
        guard bytes.count == entry.storedBytes else {
            throw .truncated(needed: entry.storedBytes, available: bytes.count)
        }
        return try bytes.withRawBytes { buffer throws(ByteError) in
            var reader = ByteReader(buffer)
            let magic: UInt32 = try reader.integer()
            let version: UInt8 = try reader.integer()
            let encoding: UInt8 = try reader.integer()
            _ = try reader.integer(UInt16.self)
            let found: UInt32 = try reader.integer()
            let rawLength: UInt32 = try reader.integer()
            let storedLength: UInt32 = try reader.integer()
            let checksum: UInt32 = try reader.integer()
            let header = UnsafeRawBufferPointer(rebasing: buffer[..<(headerBytes - 4)])
            let computed = CRC32C.checksum(reader.rest(), seed: CRC32C.checksum(header))
            guard computed == checksum, checksum == entry.checksum else {
                throw .invalidValue(field: "checksum of block", value: UInt64(number))
            }
            guard magic == SnapshotBlock.magic, version == SnapshotBlock.version, found == number,
                Int(rawLength) == entry.rawBytes, Int(storedLength) == bytes.count - headerBytes,
                let encoding = StoredEncoding(rawValue: encoding)
            else { throw .invalidValue(field: "header of block", value: UInt64(number)) }
            return (encoding, headerBytes..<bytes.count)
        }
    }
}
