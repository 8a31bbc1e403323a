// Pemba: frames about the connection.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The payload of `ping` and of the `pong` that answers it: eight bytes that the receiver repeats.
package struct Ping: Hashable, Sendable {
    /// What is repeated.
    package var token: UInt64

    package init(token: UInt64) { self.token = token }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) { output.integer(token) }

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        token = try reader.integer()
        try reader.expectEnd()
    }
}

/// Why a node wants to be rid of a connection.
///
/// It answers what it has received; what comes later is refused as `unavailable`, and the connection is closed once
/// everything is answered, at the latest after the drain time.
package struct GoAway: Hashable, Sendable {
    /// Bytes in the message.
    package static let messageBytes = 1_024

    /// How long the node waits before it closes the connection, in milliseconds.
    package var drainMilliseconds: UInt32
    /// The leader to turn to for writes, if the node knows one other than itself.
    package var leader: NodeID?
    /// Why, for people.
    package var message: String

    package init(drainMilliseconds: UInt32, leader: NodeID?, message: String) {
        self.drainMilliseconds = drainMilliseconds
        self.leader = leader
        self.message = message
    }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) {
        output.integer(drainMilliseconds)
        output.integer(leader?.rawValue ?? 0)
        output.string(message)
    }

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        drainMilliseconds = try reader.integer()
        leader = try reader.optionalNodeID()
        message = try reader.string(limit: GoAway.messageBytes)
        try reader.expectEnd()
    }
}

/// The payload of `streamCredit`: the asker has room for more parts of the answer with the frame's correlation.
///
/// Of an answer that has ended it is ignored: such frames cross each other.
package struct StreamCredit: Hashable, Sendable {
    /// How many more: 1 to `StreamLimits.window`.
    package var frames: UInt16

    package init(frames: UInt16) { self.frames = frames }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) { output.integer(frames) }

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        frames = try reader.window(field: "stream credit")
        try reader.expectEnd()
    }
}

/// The payload of `cancel`, which is empty: the answer with the frame's correlation is not wanted any more.
///
/// Nothing answers it; what has been sent already may still arrive.
package struct Cancel: Hashable, Sendable {
    package init() {}

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) {}

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) { try ByteReader(payload).expectEnd() }
}
