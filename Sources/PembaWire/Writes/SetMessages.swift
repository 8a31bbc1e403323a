// Pemba: making the subjects of a relation exactly those listed.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension SetRequest {
    /// Appends the payload of a `set` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.key(idempotencyKey)
        output.object(resource)
        output.string(relation)
        output.tuples(tuples)
        output.preconditions(preconditions)
        output.context(metadata)
    }

    /// Reads the payload of a `set` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<SetRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let key = try reader.key()
            return SetRequest(
                resource: try reader.object(),
                relation: try reader.string(limit: Limits.relationNameBytes),
                tuples: try reader.tuples(limit: Limits.updatesPerWrite),
                preconditions: try reader.preconditions(),
                metadata: try reader.metadata(),
                idempotencyKey: key
            )
        }
    }
}

extension SetAnswer {
    /// Bytes of the changes in one answer: with what surrounds them they fit a frame.
    package static let changesBytes = Limits.framePayloadBytes - 256
    /// Changes in one answer.
    package static let changesMax = Limits.tuplesPerDelete

    /// Appends the payload of a `setAnswer` frame; changes that do not fit a frame are left out, all of them: their counts
    /// are there.
    package func encode(leader: NodeID?, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.counts(counts)
        let start = output.bytes.count
        let isShort = changes.count <= SetAnswer.changesMax
        output.updates(isShort ? changes : [])
        if output.bytes.count - start > SetAnswer.changesBytes {
            output.bytes.removeLast(output.bytes.count - start)
            output.updates([])
        }
        output.leader(leader)
    }

    /// Reads the payload of a `setAnswer` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> WithLeader<SetAnswer> {
        try WithLeader.decode(payload) { reader throws(ByteError) in
            let zookie = try reader.zookie()
            return SetAnswer(
                counts: try reader.counts(),
                changes: try reader.updates(limit: SetAnswer.changesMax),
                zookie: zookie
            )
        }
    }
}
