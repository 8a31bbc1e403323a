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
