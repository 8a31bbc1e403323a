// Pemba: the first page of a log segment.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The first page of a segment: where in the log it stands and whose log it is (rule W2).
package struct SegmentHeader: Sendable, Hashable {
    /// Bytes of the encoded header: one page.
    package static let bytes = 4_096
    /// The version that `encode` writes.
    package static let version: UInt16 = 1
    private static let magic: UInt32 = 0x4745_5350  // "PSEG"

    /// The segment's number: from 1, without gaps, never reused.
    package var id: UInt64
    /// Bytes of the whole file.
    package var capacity: UInt64
    /// Whose log it is.
    package var identity: StoreIdentity
    /// The first index of the first batch.
    package var firstIndex: LogIndex
    /// The term of the entry before `firstIndex`; 0 if there is none.
    package var previousTerm: Term
    /// The number of the first batch.
    package var firstSequence: UInt64
    /// The chain value after the last batch of the segment before.
    package var previousChain: UInt64
    /// Whether the log begins anew here: a snapshot took the place of everything in earlier segments.
    package var restartsLog: Bool

    package init(
        id: UInt64,
        capacity: UInt64,
        identity: StoreIdentity,
        firstIndex: LogIndex,
        previousTerm: Term,
        firstSequence: UInt64,
        previousChain: UInt64,
        restartsLog: Bool
    ) {
        self.id = id
        self.capacity = capacity
        self.identity = identity
        self.firstIndex = firstIndex
        self.previousTerm = previousTerm
        self.firstSequence = firstSequence
        self.previousChain = previousChain
        self.restartsLog = restartsLog
    }

    /// The header as a page that ends with its checksum.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: SegmentHeader.bytes)
        writer.integer(SegmentHeader.magic)
        writer.integer(SegmentHeader.version)
        writer.integer(UInt16(restartsLog ? 1 : 0))
        writer.integer(id)
        writer.integer(capacity)
        identity.encode(into: &writer)
        writer.integer(UInt32(0))
        writer.integer(firstIndex.rawValue)
        writer.integer(previousTerm.rawValue)
        writer.integer(firstSequence)
        writer.integer(previousChain)
        writer.raw(repeatElement(BatchFraming.padding, count: SegmentHeader.bytes - 4 - writer.bytes.count))
        writer.integer(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Reads a header from the beginning of a segment; says what is wrong with it otherwise.
    package static func read(_ segment: UnsafeRawBufferPointer) -> Result<SegmentHeader, SegmentHeaderProblem> {
        guard segment.count >= bytes else { return .failure(.damaged("the file ends inside the segment header")) }
        do throws(ByteError) {
            var tail = ByteReader(UnsafeRawBufferPointer(rebasing: segment[(bytes - 4)..<bytes]))
            let checksum: UInt32 = try tail.integer()
            guard checksum == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: segment[..<(bytes - 4)])) else {
                return .failure(.damaged("the checksum of the segment header is wrong"))
            }
            var reader = ByteReader(segment)
            let magic: UInt32 = try reader.integer()
            let version: UInt16 = try reader.integer()
            guard magic == SegmentHeader.magic else { return .failure(.damaged("it is not a log segment")) }
            guard version == SegmentHeader.version else { return .failure(.unknownVersion(version)) }
            let flags: UInt16 = try reader.integer()
            let id: UInt64 = try reader.integer()
            let capacity: UInt64 = try reader.integer()
            let identity = try StoreIdentity(decoding: &reader)
            _ = try reader.integer(UInt32.self)
            let firstIndex: UInt64 = try reader.integer()
            let previousTerm: UInt64 = try reader.integer()
            let firstSequence: UInt64 = try reader.integer()
            let previousChain: UInt64 = try reader.integer()
            return .success(
                SegmentHeader(
                    id: id,
                    capacity: capacity,
                    identity: identity,
                    firstIndex: LogIndex(firstIndex),
                    previousTerm: Term(previousTerm),
                    firstSequence: firstSequence,
                    previousChain: previousChain,
                    restartsLog: flags & 1 == 1
                )
            )
        } catch {
            return .failure(.damaged("the segment header is truncated"))
        }
    }
}

/// Why a segment header could not be read.
package enum SegmentHeaderProblem: Error, Hashable, Sendable {
    /// It is damaged, in words.
    case damaged(String)
    /// A newer version wrote it.
    case unknownVersion(UInt16)
}
