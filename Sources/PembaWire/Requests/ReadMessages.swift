// Pemba: reading tuples page by page, and the schema.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ReadCursor {
    /// Bytes of an encoded cursor at most: its tuple with every field at its limit, and what surrounds it.
    package static let encodedBytes = 4_096
    /// The field of the error that a cursor of another query is refused with.
    static let foreignField = "cursor filter"

    private static let version: UInt8 = 1

    /// The checksum that binds a cursor to its query.
    package static func checksum(of filter: RelationshipFilter) -> UInt32 {
        var writer = ByteWriter(capacity: 128)
        writer.filter(filter)
        return CRC32C.checksum(writer.bytes)
    }

    /// Opaque to whoever speaks the protocol: version u8 = 1, the filter's checksum u32, the tuple, and the CRC32C u32
    /// of all that.
    private var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 160)
        writer.integer(ReadCursor.version)
        writer.integer(filterChecksum)
        writer.tuple(last)
        writer.integer(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// Appends a length of 0 for nil, or the length and the bytes.
    static func encode(_ cursor: ReadCursor?, into output: inout ByteWriter) {
        output.lengthPrefixed(cursor?.bytes ?? [])
    }

    static func decode(_ reader: inout ByteReader) throws(ByteError) -> ReadCursor? {
        let bytes = try reader.slice(limit: encodedBytes)
        guard !bytes.isEmpty else { return nil }
        var inner = ByteReader(bytes)
        let version: UInt8 = try inner.integer()
        guard version == ReadCursor.version else {
            throw .invalidValue(field: "cursor version", value: UInt64(version))
        }
        let checksum: UInt32 = try inner.integer()
        let tuple = try inner.tuple()
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<inner.offset])
        let stated: UInt32 = try inner.integer()
        try inner.expectEnd()
        guard stated == CRC32C.checksum(covered) else {
            throw .invalidValue(field: "cursor checksum", value: UInt64(stated))
        }
        return ReadCursor(last: tuple, filterChecksum: checksum)
    }
}

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
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        let consistency = try Consistency(decoding: &reader)
        let filter = try reader.filter()
        let limit = try reader.count(limit: Limits.tuplesPerReadPage)
        guard limit > 0 else { throw .invalidValue(field: "page limit", value: 0) }
        let cursor = try ReadCursor.decode(&reader)
        try reader.expectEnd()
        if let cursor, cursor.filterChecksum != ReadCursor.checksum(of: filter) {
            throw .invalidValue(field: ReadCursor.foreignField, value: UInt64(cursor.filterChecksum))
        }
        let request = ReadRequest(consistency: consistency, filter: filter, cursor: cursor, limit: limit)
        return Timed(deadlineMilliseconds: deadline, request: request)
    }
}

extension ReadAnswer {
    /// Appends the payload of a `readAnswer` frame and binds the cursor in it to the request's filter.
    package func encode(filter: RelationshipFilter, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.count(tuples.count)
        for tuple in tuples { output.tuple(tuple) }
        var bound = next
        bound?.filterChecksum = ReadCursor.checksum(of: filter)
        ReadCursor.encode(bound, into: &output)
    }

    /// Reads the payload of a `readAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let count = try reader.count(limit: Limits.tuplesPerReadPage)
        var tuples: [RelationTuple] = []
        for _ in 0..<count { tuples.append(try reader.tuple()) }
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
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        let request = ReadSchemaRequest(consistency: try Consistency(decoding: &reader))
        try reader.expectEnd()
        return Timed(deadlineMilliseconds: deadline, request: request)
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
