// Pemba: the 16 bytes before every payload.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Why bytes are not a frame.
///
/// After any of these the stream has no known position any more and is closed.
package enum FrameError: Error, Equatable, Sendable {
    /// The payload would be longer than the receiver takes.
    case payloadTooLong(length: UInt32, limit: Int)
    /// The reserved bytes are not zero.
    case reservedBytesSet(UInt16)
    /// Flags that this version does not define: the payload cannot be understood without knowing them.
    case unknownFlags(UInt8)
    /// A compressed payload that is not what it claims to be.
    case malformedCompression
}

/// What the flags byte of a frame says about its payload.
package struct FrameFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The payload is a raw length (u32) and an LZ4 block.
    package static var compressed: FrameFlags { FrameFlags(rawValue: 1) }

    /// The bits that this version does not define: a number, because asking an option set costs a call for every frame.
    package static var undefinedBits: UInt8 { 0xFE }
}

/// The header of a frame: payload length u32, type u8, flags u8, reserved u16 = 0, correlation u64; little-endian.
package struct FrameHeader: Hashable, Sendable {
    /// How many bytes a header has.
    package static var size: Int { 16 }

    /// Where the correlation is.
    static var correlationOffset: Int { 8 }

    /// Bytes after the header.
    package var payloadLength: UInt32
    /// The number of the type, which need not be one that this version knows (`FrameType`).
    package var typeNumber: UInt8
    /// What to know about the payload.
    package var flags: FrameFlags
    /// Chosen by whoever asks and repeated in the answer; 0 where nothing is asked.
    package var correlation: UInt64

    /// Makes a header.
    package init(payloadLength: UInt32, type: FrameType, flags: FrameFlags = [], correlation: UInt64) {
        self.payloadLength = payloadLength
        self.typeNumber = type.rawValue
        self.flags = flags
        self.correlation = correlation
    }

    /// Whether the payload is compressed, asked without the calls that an option set costs for every frame.
    package var isCompressed: Bool { flags.rawValue & FrameFlags.compressed.rawValue != 0 }

    /// The type; nil for a number that this version does not know.
    package var type: FrameType? { FrameType(rawValue: typeNumber) }

    /// Reads the first 16 of at least 16 bytes.
    ///
    /// Throws before anybody takes memory for the payload.
    ///
    /// - Requires: `bytes.count >= FrameHeader.size`.
    package init(
        decoding bytes: UnsafeRawBufferPointer,
        payloadLimit: Int = Limits.framePayloadBytes
    ) throws(FrameError) {
        precondition(bytes.count >= FrameHeader.size, "a frame header is read from fewer than 16 bytes")
        let first = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let length = UInt32(truncatingIfNeeded: first)
        let flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: first >> 40))
        let reserved = UInt16(truncatingIfNeeded: first >> 48)
        guard Int(length) <= payloadLimit else { throw .payloadTooLong(length: length, limit: payloadLimit) }
        guard reserved == 0 else { throw .reservedBytesSet(reserved) }
        guard flags.rawValue & FrameFlags.undefinedBits == 0 else { throw .unknownFlags(flags.rawValue) }
        self.payloadLength = length
        self.typeNumber = UInt8(truncatingIfNeeded: first >> 32)
        self.flags = flags
        self.correlation = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// The header as one little-endian number, so that it is appended in one step.
    var word: UInt128 {
        let first = UInt64(payloadLength) | (UInt64(typeNumber) << 32) | (UInt64(flags.rawValue) << 40)
        return UInt128(first) | (UInt128(correlation) << 64)
    }

    /// Appends the 16 bytes.
    package func encode(into output: inout ByteWriter) { output.integer(word) }
}
