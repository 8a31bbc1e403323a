// Pemba: the head of a batch of log entries.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The head of a batch: what one group commit wrote (rule W2).
package struct BatchHeader: Sendable, Hashable {
    /// Bytes of the encoded header.
    package static let bytes = 80
    /// The version that `encode` writes.
    package static let version: UInt8 = 1
    /// Bytes of the raw payload at most: one entry of the largest size and as much again.
    package static let rawBytesMax = 16 << 20
    private static let magic: UInt32 = 0x5441_4250  // "PBAT"

    /// How the payload is stored.
    package var encoding: StoredEncoding
    /// Bytes of the payload as stored.
    package var storedLength: Int
    /// Bytes of the payload as it was.
    package var rawLength: Int
    /// Entries in the batch, at least 1.
    package var count: Int
    /// The segment that the batch was written to: bytes of a recycled file prove nothing.
    package var segment: UInt64
    /// The batch's number: one more than that of the batch before.
    package var sequence: UInt64
    /// The index of the first entry.
    ///
    /// Entries from there on that are in the log already are replaced.
    package var firstIndex: LogIndex
    /// The term of the first entry.
    package var firstTerm: Term
    /// The term of the last entry.
    package var lastTerm: Term
    /// The chain value of the batch before.
    package var previousChain: UInt64

    /// The index of the last entry.
    package var lastIndex: LogIndex { LogIndex(firstIndex.rawValue + UInt64(count) - 1) }

    /// Bytes on disk: header, payload and checksum spread over guarded sectors, filled up to whole pages.
    package var footprint: Int { BatchFraming.footprint(BatchHeader.bytes + storedLength + 4) }

    /// The header with its checksum.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: BatchHeader.bytes)
        writer.integer(BatchHeader.magic)
        writer.integer(BatchHeader.version)
        writer.integer(encoding.rawValue)
        writer.integer(UInt16(0))
        writer.integer(UInt32(storedLength))
        writer.integer(UInt32(rawLength))
        writer.integer(UInt32(count))
        writer.integer(UInt32(0))
        writer.integer(segment)
        writer.integer(sequence)
        writer.integer(firstIndex.rawValue)
        writer.integer(firstTerm.rawValue)
        writer.integer(lastTerm.rawValue)
        writer.integer(previousChain)
        writer.integer(UInt32(0))
        writer.integer(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// The chain value of a batch with this encoded header and this checksum of its payload: since the header holds
    /// the chain value before it, the value depends on every byte of the log up to here.
    package static func chain(header: UnsafeRawBufferPointer, payloadChecksum: UInt32) -> UInt64 {
        let headerChecksum = UInt32(littleEndian: header.loadUnaligned(fromByteOffset: bytes - 4, as: UInt32.self))
        return UInt64(payloadChecksum) << 32 | UInt64(headerChecksum)
    }

    /// Reads a header; nil if the bytes are none.
    ///
    /// Bounds every length by `rawBytesMax`.
    package static func read(_ source: UnsafeRawBufferPointer) -> BatchHeader? {
        guard source.count >= bytes else { return nil }
        let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: source[..<(bytes - 4)]))
        do throws(ByteError) {
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: source[..<bytes]))
            guard try reader.integer(UInt32.self) == magic, try reader.integer(UInt8.self) == version,
                let encoding = StoredEncoding(rawValue: try reader.integer())
            else { return nil }
            _ = try reader.integer(UInt16.self)
            let storedLength = Int(try reader.integer(UInt32.self))
            let rawLength = Int(try reader.integer(UInt32.self))
            let count = Int(try reader.integer(UInt32.self))
            _ = try reader.integer(UInt32.self)
            let segment: UInt64 = try reader.integer()
            let sequence: UInt64 = try reader.integer()
            let firstIndex: UInt64 = try reader.integer()
            let firstTerm: UInt64 = try reader.integer()
            let lastTerm: UInt64 = try reader.integer()
            let previousChain: UInt64 = try reader.integer()
            _ = try reader.integer(UInt32.self)
            guard try reader.integer(UInt32.self) == checksum, rawLength <= rawBytesMax, storedLength <= rawLength,
                count > 0, count <= rawLength, firstIndex > 0, firstIndex < .max - UInt64(count)
            else { return nil }
            return BatchHeader(
                encoding: encoding,
                storedLength: storedLength,
                rawLength: rawLength,
                count: count,
                segment: segment,
                sequence: sequence,
                firstIndex: LogIndex(firstIndex),
                firstTerm: Term(firstTerm),
                lastTerm: Term(lastTerm),
                previousChain: previousChain
            )
        } catch {
            return nil
        }
    }

    /// The version of a whole header that this program does not know; nil for anything else.
    package static func unknownVersion(in source: UnsafeRawBufferPointer) -> UInt8? {
        guard source.count >= bytes, source[4] != version else { return nil }
        let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: source[..<(bytes - 4)]))
        let isWhole =
            UInt32(littleEndian: source.loadUnaligned(fromByteOffset: 0, as: UInt32.self)) == magic
            && UInt32(littleEndian: source.loadUnaligned(fromByteOffset: bytes - 4, as: UInt32.self)) == checksum
        return isWhole ? source[4] : nil
    }
}
