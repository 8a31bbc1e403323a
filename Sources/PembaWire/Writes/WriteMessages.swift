// Pemba: writing tuples.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension WriteRequest {
    /// Appends the payload of a `write` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.key(idempotencyKey)
        output.updates(updates)
        output.preconditions(preconditions)
        output.context(metadata)
    }

    /// Reads the payload of a `write` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<WriteRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let key = try reader.key()
            return WriteRequest(
                updates: try reader.updates(limit: Limits.updatesPerWrite),
                preconditions: try reader.preconditions(),
                metadata: try reader.metadata(),
                idempotencyKey: key
            )
        }
    }
}

/// The answer to a write of tuples or of the schema: the revision that first holds it.
package struct WriteAnswer: Hashable, Sendable {
    /// The revision as a token.
    package var zookie: Zookie
    /// The leader that the node knows: where the next write saves a hop.
    package var leader: NodeID?

    package init(zookie: Zookie, leader: NodeID? = nil) {
        self.zookie = zookie
        self.leader = leader
    }

    /// Appends the payload of a `writeAnswer` or `writeSchemaAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(leader?.rawValue ?? 0)
    }

    /// Reads the payload of a `writeAnswer` or `writeSchemaAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        zookie = try reader.zookie()
        leader = try reader.optionalNodeID()
        try reader.expectEnd()
    }
}
