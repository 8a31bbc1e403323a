// Pemba: checks that are encoded once.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A check as it stands in frames, for whoever asks it again and again.
package struct EncodedCheck: Sendable {
    /// A whole `check` frame that minimizes latency, without correlation and deadline.
    let frame: [UInt8]

    /// Where the deadline is.
    static let deadlineOffset = FrameHeader.size
    /// Where the consistency is: one byte, since it is the one without parameters.
    private static let consistencyOffset = deadlineOffset + MemoryLayout<UInt32>.size

    /// The payload after the deadline and the consistency.
    var question: ArraySlice<UInt8> { frame[(EncodedCheck.consistencyOffset + 1)...] }

    /// Encodes a check.
    package init(_ item: CheckItem) {
        var output = ByteWriter()
        FrameWriter.frame(type: .check, correlation: 0, compressing: false, into: &output) {
            item.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &$0)
        }
        frame = output.bytes
    }
}

extension FrameWriter {
    /// Appends a whole `check` frame.
    package static func check(
        _ check: EncodedCheck,
        consistency: Consistency,
        deadlineMilliseconds: UInt32,
        correlation: UInt64,
        into output: inout ByteWriter
    ) {
        if case .minimizeLatency = consistency {
            let start = output.bytes.count
            output.bytes.append(contentsOf: check.frame)
            output.overwrite(correlation, at: start + FrameHeader.correlationOffset)
            return output.overwrite(deadlineMilliseconds, at: start + EncodedCheck.deadlineOffset)
        }
        let start = begin(type: .check, correlation: correlation, into: &output)
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.bytes.append(contentsOf: check.question)
        end(start, compressing: false, in: &output)
    }
}
