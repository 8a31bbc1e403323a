// Pemba: checks that are encoded once.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A check as it stands in frames, for whoever asks it again and again.
package struct EncodedCheck: Sendable {
    /// The payload of a `check` frame after the deadline and the consistency.
    let question: [UInt8]

    /// Encodes a check.
    package init(_ item: CheckItem) {
        var output = ByteWriter()
        item.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &output)
        question = Array(output.bytes.dropFirst(MemoryLayout<UInt32>.size + 1))
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
        let start = begin(type: .check, correlation: correlation, into: &output)
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.bytes.append(contentsOf: check.question)
        end(start, compressing: false, in: &output)
    }
}
