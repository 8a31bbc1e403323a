// Pemba: writing the schema.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Replaces the schema.
package struct WriteSchemaRequest: Hashable, Sendable {
    /// The new schema's source.
    package var source: String

    package init(source: String) { self.source = source }

    /// Appends the payload of a `writeSchema` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.string(source)
    }

    /// Reads the payload of a `writeSchema` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<WriteSchemaRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            WriteSchemaRequest(source: try reader.string(limit: Limits.schemaBytes))
        }
    }
}

/// The answer to a write of the schema: the revision that first has it.
package struct WriteSchemaAnswer: Hashable, Sendable {
    /// The revision as a token.
    package var zookie: Zookie
    /// The leader that the node knows: where the next write saves a hop.
    package var leader: NodeID?

    package init(zookie: Zookie, leader: NodeID? = nil) {
        self.zookie = zookie
        self.leader = leader
    }

    /// Appends the payload of a `writeSchemaAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.leader(leader)
    }

    /// Reads the payload of a `writeSchemaAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        zookie = try reader.zookie()
        leader = try reader.optionalNodeID()
        try reader.expectEnd()
    }
}
