// Pemba: appending frames to an output buffer.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Appends whole frames to a `ByteWriter`.
///
/// Nothing is allocated beyond the output's own growth.
package enum FrameWriter {
    /// Payloads of at least so many bytes are compressed where the caller allows it and it pays.
    package static let compressionThreshold = 16 << 10

    /// Appends a frame whose payload is what `body` appends.
    ///
    /// The length is filled in afterwards.
    ///
    /// - Parameter compressing: whether a large payload may be compressed; pass false for what is compressed already.
    @inline(__always)
    package static func frame(
        type: FrameType,
        correlation: UInt64,
        compressing: Bool = true,
        into output: inout ByteWriter,
        _ body: (inout ByteWriter) -> Void
    ) {
        let start = begin(type: type, correlation: correlation, into: &output)
        body(&output)
        end(start, compressing: compressing, in: &output)
    }

    /// Appends the header of a frame whose payload is appended next; hand the result to `end`.
    package static func begin(type: FrameType, correlation: UInt64, into output: inout ByteWriter) -> Int {
        let start = output.bytes.count
        FrameHeader(payloadLength: 0, type: type, correlation: correlation).encode(into: &output)
        return start
    }

    /// Completes the frame that begins at `start`: fills its length in, compressing it where that is allowed and pays.
    package static func end(_ start: Int, compressing: Bool = true, in output: inout ByteWriter) {
        let payload = start + FrameHeader.size
        if compressing, output.bytes.count - payload >= compressionThreshold,
            FrameCompression.compressTail(of: &output.bytes, from: payload)
        {
            output.bytes[start + 5] |= FrameFlags.compressed.rawValue
        }
        let length = UInt32(clamping: output.bytes.count - payload)
        output.overwrite(length, at: start)
    }

    /// How many payload bytes the frame that begins at `start` has so far, to be compared with the receiver's limit.
    package static func payloadLength(of start: Int, in output: ByteWriter) -> Int {
        output.bytes.count - start - FrameHeader.size
    }

    /// Takes back the frame that begins at `start`.
    package static func abandon(_ start: Int, in output: inout ByteWriter) {
        output.bytes.removeLast(output.bytes.count - start)
    }
}
