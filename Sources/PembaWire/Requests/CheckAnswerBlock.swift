// Pemba: the plain answers of a burst.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaService

/// Gathers whole `checkAnswer` frames of answers that are not conditional, and appends them to an output in one step.
///
/// All of a block bear one zookie, which is encoded when it changes. It is behind pointers because each access to a
/// property of a class is checked for overlap at run time, several times for every answer. The owner calls `release`.
package struct CheckAnswerBlock {
    /// Bytes of a frame.
    private static var frameSize: Int { FrameHeader.size + CheckAnswer.encodedSize }

    private struct State {
        /// A frame without its correlation and decision.
        var template: [UInt8]
        /// The zookie in the template.
        var zookie: Zookie
        /// Bytes in `memory` that are in use.
        var count = 0
    }

    private let state: UnsafeMutablePointer<State>
    private let memory: UnsafeMutableRawBufferPointer

    /// Makes room for so many answers.
    package init(capacity: Int) {
        memory = .allocate(byteCount: capacity * CheckAnswerBlock.frameSize, alignment: 8)
        let zookie = Zookie(clusterPrefix: 0, epoch: Epoch(0), revision: .zero)
        state = .allocate(capacity: 1)
        state.initialize(to: State(template: CheckAnswerBlock.template(zookie), zookie: zookie))
    }

    /// Gives the memory back.
    package func release() {
        memory.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Says which zookie the answers bear that are appended from here on.
    package func begin(_ zookie: Zookie) {
        guard state.pointee.zookie != zookie else { return }
        state.pointee.zookie = zookie
        state.pointee.template = CheckAnswerBlock.template(zookie)
    }

    private static func template(_ zookie: Zookie) -> [UInt8] {
        var output = ByteWriter(capacity: frameSize)
        FrameWriter.checkAnswer(.noPermission, zookie: EncodedZookie(zookie), correlation: 0, into: &output)
        precondition(output.bytes.count == frameSize, "an answer that is not conditional has one size")
        return output.bytes
    }

    /// Adds an answer; there must be room for it.
    @inline(__always)
    package func append(_ has: Bool, correlation: UInt64) {
        let start = state.pointee.count
        let end = start + CheckAnswerBlock.frameSize
        precondition(end <= memory.count, "an answer was added to a full block")
        let frame = UnsafeMutableRawBufferPointer(rebasing: memory[start..<end])
        state.pointee.template.withUnsafeBytes { frame.copyMemory(from: $0) }
        frame.storeBytes(of: correlation.littleEndian, toByteOffset: FrameHeader.correlationOffset, as: UInt64.self)
        let decision: Permissionship = has ? .hasPermission : .noPermission
        frame[FrameHeader.size] = decision.rawValue
        state.pointee.count = end
    }

    /// Appends all of them to an output and forgets them.
    package func flush(into output: inout ByteWriter) {
        guard state.pointee.count > 0 else { return }
        output.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: memory[..<state.pointee.count]))
        state.pointee.count = 0
    }
}
