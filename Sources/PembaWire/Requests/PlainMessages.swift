// Pemba: requests that say nothing more than what they ask for.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A request that asks for something without saying more: `openSession` and `status`.
package struct PlainRequest: Hashable, Sendable {
    package init() {}

    /// Appends the payload.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
    }

    /// Reads a payload.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<PlainRequest> {
        try Timed.decode(payload) { _ in PlainRequest() }
    }
}

/// The answer to `openSession`.
package struct OpenSessionAnswer: Hashable, Sendable {
    /// The session for idempotency keys.
    package var session: UInt64

    package init(session: UInt64) { self.session = session }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) { output.integer(session) }

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        session = try reader.integer()
        try reader.expectEnd()
    }
}
