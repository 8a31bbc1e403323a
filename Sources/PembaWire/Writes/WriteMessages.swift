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

extension WriteAnswer {
    /// Appends the payload of a `writeAnswer` frame.
    package func encode(leader: NodeID?, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.counts(counts)
        output.leader(leader)
    }

    /// Reads the payload of a `writeAnswer` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> WithLeader<WriteAnswer> {
        try WithLeader.decode(payload) { reader throws(ByteError) in
            let zookie = try reader.zookie()
            return WriteAnswer(counts: try reader.counts(), zookie: zookie)
        }
    }
}
