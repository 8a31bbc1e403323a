// Pemba: adding many tuples in one entry of the log.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ImportRequest {
    /// Appends the payload of an `import` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.key(idempotencyKey)
        output.integer(mode.rawValue)
        batch.encode(into: &output)
    }

    /// Reads the payload of an `import` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<ImportRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let key = try reader.key()
            let number: UInt8 = try reader.integer()
            guard let mode = Mode(rawValue: number) else {
                throw .invalidValue(field: "import mode", value: UInt64(number))
            }
            let batch = try TupleBatch(reading: &reader, limit: Limits.tuplesPerImport)
            return ImportRequest(batch, mode: mode, idempotencyKey: key)
        }
    }
}

extension ImportAnswer {
    /// Appends the payload of an `importAnswer` frame.
    package func encode(leader: NodeID?, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(created)
        output.integer(existing)
        output.leader(leader)
    }

    /// Reads the payload of an `importAnswer` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> WithLeader<ImportAnswer> {
        try WithLeader.decode(payload) { reader throws(ByteError) in
            let zookie = try reader.zookie()
            let created: UInt64 = try reader.integer()
            let existing: UInt64 = try reader.integer()
            return ImportAnswer(created: created, existing: existing, zookie: zookie)
        }
    }
}
