// Pemba: LZ4 blocks in frames.
// SPDX-License-Identifier: Apache-2.0

import CLZ4
import PembaCore

/// A compressed payload: raw length u32 little-endian, then one LZ4 block that decompresses to exactly that length.
package enum FrameCompression {
    /// No LZ4 block expands by more than this factor, so a claim beyond it is a lie (each extra byte of a length adds 255).
    private static let expansionMax = 255

    /// Replaces `bytes[start...]` by its compressed form if that is at least an eighth shorter; otherwise leaves it alone.
    static func compressTail(of bytes: inout [UInt8], from start: Int) -> Bool {
        let rawLength = bytes.count - start
        guard rawLength <= Int(LZ4_MAX_INPUT_SIZE) else { return false }
        let bound = Int(LZ4_compressBound(Int32(rawLength)))
        bytes.append(contentsOf: repeatElement(0, count: bound))
        let compressedLength = bytes.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else { return 0 }
            return Int(LZ4_compress_default(base + start, base + start + rawLength, Int32(rawLength), Int32(bound)))
        }
        guard compressedLength > 0, compressedLength + 4 <= rawLength - rawLength / 8 else {
            bytes.removeLast(bound)
            return false
        }
        bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            (base + start + 4).copyMemory(from: base + start + rawLength, byteCount: compressedLength)
            (base + start).storeBytes(of: UInt32(rawLength).littleEndian, as: UInt32.self)
        }
        bytes.removeLast(bytes.count - (start + 4 + compressedLength))
        return true
    }

    /// The length that a compressed payload states; throws if it exceeds `limit` or what the block could hold, before
    /// memory is taken for it.
    package static func rawLength(of payload: UnsafeRawBufferPointer, limit: Int) throws(FrameError) -> Int {
        guard payload.count > 4 else { throw .malformedCompression }
        let stated = UInt32(littleEndian: payload.loadUnaligned(as: UInt32.self))
        guard Int(stated) <= limit else { throw .payloadTooLong(length: stated, limit: limit) }
        guard stated > 0, Int(stated) <= (payload.count - 4) * expansionMax else { throw .malformedCompression }
        return Int(stated)
    }

    /// Decompresses `payload` into `scratch`, which is overwritten and keeps its capacity for the next.
    package static func decompress(
        _ payload: UnsafeRawBufferPointer,
        limit: Int,
        into scratch: inout [UInt8]
    ) throws(FrameError) {
        let length = try rawLength(of: payload, limit: limit)
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: repeatElement(0, count: length))
        let written = scratch.withUnsafeMutableBytes { target -> Int in
            guard let source = payload.baseAddress, let destination = target.baseAddress else { return -1 }
            return Int(
                LZ4_decompress_safe(
                    (source + 4).assumingMemoryBound(to: CChar.self),
                    destination.assumingMemoryBound(to: CChar.self),
                    Int32(payload.count - 4),
                    Int32(length)
                )
            )
        }
        guard written == length else { throw .malformedCompression }
    }
}
