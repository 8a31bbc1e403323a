// Pemba: all tuples at one revision.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ExportRequest {
    /// Appends the payload of an `export` frame.
    package func encode(deadlineMilliseconds: UInt32, window: UInt16, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.integer(window)
        consistency.encode(into: &output)
        output.filter(filter)
        ReadCursor.encode(cursor, into: &output)
    }

    /// Reads the payload of an `export` frame; refuses a cursor that was given for another filter.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Streamed<ExportRequest> {
        try Streamed.decode(payload) { reader throws(ByteError) in
            let consistency = try Consistency(decoding: &reader)
            let filter = try reader.filter()
            let cursor = try ReadCursor.decode(&reader)
            try OpaqueCursor.check(cursor?.filterChecksum, isOf: ReadCursor.checksum(of: filter))
            return ExportRequest(consistency: consistency, filter: filter, cursor: cursor)
        }
    }
}

extension RelationTuple: StreamItem {
    package static var frameType: FrameType { .exportedTuples }

    package func encode(into output: inout ByteWriter) { output.tuple(self) }

    package init(reading reader: inout ByteReader) throws(ByteError) { self = try reader.tuple() }
}

extension ExportEnd {
    /// Appends the payload of an `exportAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(count)
    }

    /// Reads the payload of an `exportAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let count: UInt64 = try reader.integer()
        try reader.expectEnd()
        self.init(zookie: zookie, count: count)
    }
}
