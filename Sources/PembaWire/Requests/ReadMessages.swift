// Pemba: reading tuples page by page, and the schema.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ReadRequest {
    /// Appends the payload of a `read` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.filter(filter)
        output.count(limit)
        ReadCursor.encode(cursor, into: &output)
    }

    /// Reads the payload of a `read` frame; refuses a cursor that was given for another filter.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<ReadRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            let consistency = try Consistency(decoding: &reader)
            let filter = try reader.filter()
            let limit = try reader.count(limit: Limits.tuplesPerReadPage)
            guard limit > 0 else { throw .invalidValue(field: "page limit", value: 0) }
            let cursor = try ReadCursor.decode(&reader)
            try OpaqueCursor.check(cursor?.filterChecksum, isOf: ReadCursor.checksum(of: filter))
            return ReadRequest(consistency: consistency, filter: filter, cursor: cursor, limit: limit)
        }
    }
}

extension ReadAnswer {
    /// Bytes of tuples in one page: with what surrounds them they fit a frame, whatever contexts they carry.
    package static let tupleBytes = Limits.framePayloadBytes - 2 * OpaqueCursor.encodedBytes

    /// Appends the payload of a `readAnswer` frame and binds the cursor in it to the request: to its filter, and to the
    /// page's revision if all pages are of one.
    ///
    /// A page whose tuples do not fit a frame ends earlier, with a cursor that continues there.
    package func encode(for request: ReadRequest, into output: inout ByteWriter) {
        var body = ByteWriter(capacity: tuples.count * 64)
        var kept = 0
        for tuple in tuples {
            let end = body.bytes.count
            body.tuple(tuple)
            if body.bytes.count > ReadAnswer.tupleBytes {
                body.bytes.removeLast(body.bytes.count - end)
                break
            }
            kept += 1
        }
        zookie.encode(into: &output)
        output.count(kept)
        output.raw(body.bytes)
        var cursor = kept < tuples.count ? ReadCursor(last: tuples[kept - 1]) : next
        cursor?.filterChecksum = ReadCursor.checksum(of: request.filter)
        cursor?.zookie = request.isOfOneRevision ? zookie : nil
        ReadCursor.encode(cursor, into: &output)
    }

    /// Reads the payload of a `readAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let tuples = try reader.tuples(limit: Limits.tuplesPerReadPage)
        let next = try ReadCursor.decode(&reader)
        try reader.expectEnd()
        self.init(tuples: tuples, next: next, zookie: zookie)
    }
}

/// Asks for the schema's source.
package struct ReadSchemaRequest: Hashable, Sendable {
    /// How fresh the state must be.
    package var consistency: Consistency

    package init(consistency: Consistency) { self.consistency = consistency }

    /// Appends the payload of a `readSchema` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
    }

    /// Reads the payload of a `readSchema` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<ReadSchemaRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            ReadSchemaRequest(consistency: try Consistency(decoding: &reader))
        }
    }
}

extension SchemaAnswer {
    /// Appends the payload of a `readSchemaAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.string(source)
    }

    /// Reads the payload of a `readSchemaAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let source = try reader.string(limit: Limits.schemaBytes)
        try reader.expectEnd()
        self.init(source: source, zookie: zookie)
    }
}
