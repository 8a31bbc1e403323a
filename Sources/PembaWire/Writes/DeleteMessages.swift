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
        ReadCursor.encode(cursor, into: &output)
        output.context(metadata)
    }

    /// Reads the payload of a `delete` frame; refuses a cursor that was given for another filter.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<DeleteRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let key = try reader.key()
            let request = DeleteRequest(
                filter: try reader.filter(),
                preconditions: try reader.preconditions(),
                limit: try reader.count(limit: Limits.tuplesPerDelete),
                allowsPartial: try reader.boolean(field: "partial deletion allowed"),
                cursor: try ReadCursor.decode(&reader),
                metadata: try reader.metadata(),
                idempotencyKey: key
            )
            try OpaqueCursor.check(
                request.cursor?.filterChecksum,
                isOf: ReadCursor.checksum(of: request.filter)
            )
            return request
        }
    }
}

extension DeleteAnswer {
    /// Appends the payload of a `deleteAnswer` frame; the cursor in it is bound to the request's filter already.
    package func encode(leader: NodeID?, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(deleted)
        ReadCursor.encode(next, into: &output)
        output.leader(leader)
    }

    /// Reads the payload of a `deleteAnswer` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> WithLeader<DeleteAnswer> {
        try WithLeader.decode(payload) { reader throws(ByteError) in
            let zookie = try reader.zookie()
            let deleted: UInt64 = try reader.integer()
            return DeleteAnswer(deleted: deleted, next: try ReadCursor.decode(&reader), zookie: zookie)
        }
    }
}
