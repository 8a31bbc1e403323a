// Pemba: requests whose answers come in parts.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Bounds on streamed answers.
package enum StreamLimits {
    /// Parts that an asker may allow to be on their way at once.
    package static let window = 1_024
    /// Bytes in the payload of a part; a single item that is larger goes alone.
    package static let partBytes = 64 << 10
}

/// A decoded request whose answer is streamed.
package struct Streamed<Request> {
    /// Milliseconds until the caller stops waiting for the first frame of the answer, counted from the arrival; 0: the
    /// node's default.
    package var deadlineMilliseconds: UInt32
    /// How many parts may be sent before the asker gives more credit: 1 to `StreamLimits.window`.
    package var window: UInt16
    /// The request.
    package var request: Request

    package init(deadlineMilliseconds: UInt32, window: UInt16, request: Request) {
        self.deadlineMilliseconds = deadlineMilliseconds
        self.window = window
        self.request = request
    }

    /// Reads a payload that is a deadline, a window and what `body` reads, and nothing else.
    static func decode(
        _ payload: UnsafeRawBufferPointer,
        _ body: (inout ByteReader) throws(ByteError) -> Request
    ) throws(ByteError) -> Streamed<Request> {
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        let window = try reader.window(field: "window")
        let request = try body(&reader)
        try reader.expectEnd()
        return Streamed(deadlineMilliseconds: deadline, window: window, request: request)
    }
}

extension Streamed: Equatable where Request: Equatable {}
extension Streamed: Sendable where Request: Sendable {}

extension ByteReader {
    /// Reads a number of parts: 1 to `StreamLimits.window`.
    mutating func window(field: String) throws(ByteError) -> UInt16 {
        let frames: UInt16 = try integer()
        guard (1...StreamLimits.window).contains(Int(frames)) else {
            throw .invalidValue(field: field, value: UInt64(frames))
        }
        return frames
    }
}
