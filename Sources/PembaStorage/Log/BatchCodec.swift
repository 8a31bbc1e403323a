// Pemba: batches of log entries to bytes and back.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// A batch as it goes to disk.
package struct EncodedBatch: Sendable {
    /// What to write at the end of the log.
    package let bytes: [UInt8]
    /// The chain value after it.
    package let chain: UInt64
}

/// Encodes and decodes batches.
package enum BatchCodec {
    /// The batch of `entries` (not empty, without gaps) that follows the batch with chain value `previousChain`.
    package static func encode(
        _ entries: ArraySlice<LogEntry>,
        segment: UInt64,
        sequence: UInt64,
        previousChain: UInt64
    ) -> EncodedBatch {
        guard let first = entries.first, let last = entries.last else { preconditionFailure("a batch has no entries") }
        var writer = ByteWriter(capacity: rawBytes(entries))
        for (offset, entry) in entries.enumerated() {
            precondition(
                entry.index.rawValue == first.index.rawValue + UInt64(offset),
                "entry \(entry.index) leaves a gap in its batch"
            )
            entry.encode(into: &writer)
        }
        precondition(
            writer.bytes.count <= BatchHeader.rawBytesMax,
            "a batch of \(writer.bytes.count) bytes is too long"
        )
        let stored = LZ4Block.encode(writer.bytes)
        let header = BatchHeader(
            encoding: stored.encoding,
            storedLength: stored.bytes.count,
            rawLength: writer.bytes.count,
            count: entries.count,
            segment: segment,
            sequence: sequence,
            firstIndex: first.index,
            firstTerm: first.term,
            lastTerm: last.term,
            previousChain: previousChain
        ).encoded()
        let checksum = CRC32C.checksum(stored.bytes)
        return EncodedBatch(
            bytes: BatchFraming.frame(header: header, payload: stored.bytes, checksum: checksum),
            chain: header.withUnsafeBytes { BatchHeader.chain(header: $0, payloadChecksum: checksum) }
        )
    }

    /// Bytes of `entries` before compression, or a little more.
    package static func rawBytes(_ entries: ArraySlice<LogEntry>) -> Int {
        entries.reduce(0) { $0 + rawBytes($1) }
    }

    /// Bytes of `entry` before compression, or a little more.
    package static func rawBytes(_ entry: LogEntry) -> Int { LogEntry.fixedBytes + 5 + entry.payload.count }

    /// What stands where a batch could begin.
    package enum Reading {
        /// A batch, and the offset after it.
        case batch(BatchHeader, payload: [UInt8], chain: UInt64, end: Int)
        /// The batch was not written to its end; the text says what is missing.
        case torn(String)
        /// Something that no crash leaves, noticed at this offset.
        case damaged(Int, String)
        /// A newer version wrote it.
        case unknownVersion(UInt8)
    }

    /// Reads the batch at `offset` of a segment, without looking at its place in the chain.
    package static func read(_ segment: UnsafeRawBufferPointer, at offset: Int) -> Reading {
        // No batch is shorter than a page.
        let first = UnsafeRawBufferPointer(rebasing: segment[offset..<(offset + BatchFraming.pageBytes)])
        guard let header = BatchHeader.read(first) else {
            if let version = BatchHeader.unknownVersion(in: first) { return .unknownVersion(version) }
            switch BatchFraming.wholeness(first) {
            case .torn(let sector): return .torn("its sector at byte \(offset + sector) was not written")
            case .whole, .damaged: return .damaged(offset, "the checksum of a batch header is wrong")
            }
        }
        let end = offset + header.footprint
        guard end <= segment.count else { return .damaged(offset, "a batch is longer than its segment") }
        let extent = UnsafeRawBufferPointer(rebasing: segment[offset..<end])
        switch BatchFraming.wholeness(extent) {
        case .torn(let sector): return .torn("its sector at byte \(offset + sector) was not written")
        case .damaged(let sector): return .damaged(offset + sector, "a sector of a batch has wrong guards")
        case .whole: break
        }
        let contentCount = BatchHeader.bytes + header.storedLength + 4
        if let bad = BatchFraming.badPadding(of: extent, after: contentCount) {
            return .damaged(offset + bad, "the padding of a batch is damaged")
        }
        let content = BatchFraming.content(of: extent, count: contentCount)
        return content.withUnsafeBytes { bytes in
            let payload = UnsafeRawBufferPointer(rebasing: bytes[BatchHeader.bytes..<(contentCount - 4)])
            let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: contentCount - 4, as: UInt32.self))
            let checksum = CRC32C.checksum(payload)
            guard stored == checksum else {
                return .damaged(offset, "the checksum of a batch is wrong")
            }
            let decoded = LZ4Block.decode(payload, encoding: header.encoding, rawLength: header.rawLength)
            guard let raw = decoded else { return .damaged(offset, "a batch cannot be decompressed") }
            let chain = BatchHeader.chain(header: bytes, payloadChecksum: checksum)
            return .batch(header, payload: raw, chain: chain, end: end)
        }
    }

    /// The entries in the payload of a batch; an error names what is wrong with them.
    package static func entries(_ payload: [UInt8], of header: BatchHeader) throws(ByteError) -> [LogEntry] {
        try payload.withRawBytes { bytes throws(ByteError) in
            var reader = ByteReader(bytes)
            var entries: [LogEntry] = []
            entries.reserveCapacity(min(header.count, bytes.count / LogEntry.fixedBytes))
            for offset in 0..<UInt64(header.count) {
                let entry = try LogEntry(decoding: &reader)
                guard entry.index.rawValue == header.firstIndex.rawValue + offset else {
                    throw .invalidValue(field: "entry index", value: entry.index.rawValue)
                }
                entries.append(entry)
            }
            try reader.expectEnd()
            return entries
        }
    }
}
