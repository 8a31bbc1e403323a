// Pemba: streams on one connection.
// SPDX-License-Identifier: Apache-2.0

import PembaTransport
import PembaWire

extension NodeLink {
    /// Takes a frame that came for a stream.
    func streamed(
        _ request: ClientRequest,
        _ stream: any FrameStream,
        _ type: FrameType,
        _ correlation: UInt64,
        _ payload: UnsafeRawBufferPointer
    ) throws(ByteError) {
        switch try stream.receive(type, payload) {
        case .items:
            // From its first frame on a stream takes as long as its reader likes; whether the node lives is found out
            // by the connection.
            if !request.hasGotOn { table.extend(correlation, to: .max) }
            request.hasGotOn = true
        case .ended:
            _ = table.remove(correlation)
            core.finish(request, .success(.streamed))
        case .foreign:
            violated("a frame of type \(type) that does not belong in the answer to \(stream.type)")
        }
    }

    /// Lets the node send `frames` more of a stream.
    func sendCredit(_ frames: UInt16, for correlation: UInt64) {
        send(.streamCredit, correlation) { StreamCredit(frames: frames).encode(into: &$0) }
    }

    /// Tells the node that nobody reads a stream any more.
    func sendCancel(_ correlation: UInt64) { send(.cancel, correlation) { _ in } }

    private func send(_ type: FrameType, _ correlation: UInt64, _ payload: (inout ByteWriter) -> Void) {
        guard let connection else { return }
        FrameWriter.frame(type: type, correlation: correlation, into: &connection.output, payload)
        connection.flush()
    }
}
