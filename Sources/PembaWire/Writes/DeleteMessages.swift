// Pemba: removing all tuples that a filter means.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension DeleteRequest {
    /// Appends the payload of a `delete` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.key(idempotencyKey)
        output.filter(filter)
        output.preconditions(preconditions)
        output.count(limit)
        output.boolean(allowsPartial)
        output.context(metadata)
    }

    /// Reads the payload of a `delete` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<DeleteRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let key = try reader.key()
            return DeleteRequest(
                filter: try reader.filter(),
                preconditions: try reader.preconditions(),
                limit: try reader.count(limit: Limits.tuplesPerDelete),
                allowsPartial: try reader.boolean(field: "partial deletion allowed"),
                metadata: try reader.metadata(),
                idempotencyKey: key
            )
        }
    }
}

extension DeleteAnswer {
    /// Appends the payload of a `deleteAnswer` frame.
    package func encode(leader: NodeID?, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(deleted)
        output.boolean(isComplete)
        output.leader(leader)
    }

    /// Reads the payload of a `deleteAnswer` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> WithLeader<DeleteAnswer> {
        try WithLeader.decode(payload) { reader throws(ByteError) in
            let zookie = try reader.zookie()
            let deleted: UInt64 = try reader.integer()
            let isComplete = try reader.boolean(field: "deletion complete")
            return DeleteAnswer(deleted: deleted, isComplete: isComplete, zookie: zookie)
        }
    }
}
