// Pemba: where a query goes on; opaque to whoever speaks the protocol.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// What all cursors have in common: version u8 = 1, kind u8, the query's checksum u32, the kind's fields, and the CRC32C
/// u32 of all that.
package enum OpaqueCursor {
    /// Bytes of an encoded cursor at most: its strings with every field at its limit, and what surrounds them.
    package static let encodedBytes = 4_096
    /// What the fields of errors about cursors begin with.
    static let field = "cursor"
    /// The field of the error that a cursor of another query is refused with.
    static let foreignField = "cursor query"

    private static let version: UInt8 = 1

    /// Which call a cursor continues.
    enum Kind: UInt8 {
        case read = 1
        case lookup = 2
    }

    /// The checksum that binds a cursor to its query.
    static func checksum(ofQuery encode: (inout ByteWriter) -> Void) -> UInt32 {
        var writer = ByteWriter(capacity: 128)
        encode(&writer)
        return CRC32C.checksum(writer.bytes)
    }

    /// Appends a length and a cursor.
    static func encode(
        _ kind: Kind,
        query: UInt32,
        into output: inout ByteWriter,
        _ fields: (inout ByteWriter) -> Void
    ) {
        var writer = ByteWriter(capacity: 160)
        writer.integer(version)
        writer.integer(kind.rawValue)
        writer.integer(query)
        fields(&writer)
        writer.integer(CRC32C.checksum(writer.bytes))
        output.lengthPrefixed(writer.bytes)
    }

    /// Reads a length and a cursor; nil for the length 0.
    static func decode<Cursor>(
        _ kind: Kind,
        _ reader: inout ByteReader,
        _ fields: (inout ByteReader, UInt32) throws(ByteError) -> Cursor
    ) throws(ByteError) -> Cursor? {
        let bytes = try reader.slice(limit: encodedBytes)
        guard !bytes.isEmpty else { return nil }
        do throws(ByteError) {
            let end = bytes.count - MemoryLayout<UInt32>.size
            var last = ByteReader(bytes)
            let covered = try last.take(end)
            guard try last.integer() == CRC32C.checksum(covered) else {
                throw .invalidValue(field: "\(field) checksum", value: 0)
            }
            var inner = ByteReader(covered)
            guard try inner.integer() == version, try inner.integer() == kind.rawValue else {
                throw .invalidValue(field: "\(field) kind", value: 0)
            }
            let query: UInt32 = try inner.integer()
            let cursor = try fields(&inner, query)
            try inner.expectEnd()
            return cursor
        } catch {
            // Whatever is wrong inside, to the caller it is the cursor that is.
            if case .invalidValue(let name, _) = error, name.hasPrefix(field) { throw error }
            throw .invalidValue(field: field, value: 0)
        }
    }

    /// Refuses a cursor of another query.
    static func check(_ stated: UInt32?, isOf query: @autoclosure () -> UInt32) throws(ByteError) {
        guard let stated, stated != query() else { return }
        throw .invalidValue(field: foreignField, value: UInt64(stated))
    }
}

extension ReadCursor {
    /// The checksum that binds a cursor to its query.
    package static func checksum(of filter: RelationshipFilter) -> UInt32 {
        OpaqueCursor.checksum { $0.filter(filter) }
    }

    /// Appends a length of 0 for nil, or the length and the cursor.
    package static func encode(_ cursor: ReadCursor?, into output: inout ByteWriter) {
        guard let cursor else { return output.count(0) }
        OpaqueCursor.encode(.read, query: cursor.filterChecksum, into: &output) { fields in
            fields.boolean(cursor.zookie != nil)
            cursor.zookie?.encode(into: &fields)
            fields.tupleKey(cursor.last)
        }
    }

    package static func decode(_ reader: inout ByteReader) throws(ByteError) -> ReadCursor? {
        try OpaqueCursor.decode(.read, &reader) { fields, query throws(ByteError) in
            let zookie = try fields.boolean(field: "cursor revision present") ? try fields.zookie() : nil
            return ReadCursor(last: try fields.tupleKey(), filterChecksum: query, zookie: zookie)
        }
    }
}

extension LookupCursor {
    /// Appends a length of 0 for nil, or the length and the cursor.
    package static func encode(_ cursor: LookupCursor?, into output: inout ByteWriter) {
        guard let cursor else { return output.count(0) }
        OpaqueCursor.encode(.lookup, query: cursor.queryChecksum, into: &output) { fields in
            cursor.zookie.encode(into: &fields)
            fields.count(cursor.permission)
            fields.count(cursor.kind)
            fields.string(cursor.id)
        }
    }

    package static func decode(_ reader: inout ByteReader) throws(ByteError) -> LookupCursor? {
        try OpaqueCursor.decode(.lookup, &reader) { fields, query throws(ByteError) in
            LookupCursor(
                zookie: try fields.zookie(),
                queryChecksum: query,
                permission: try fields.count(limit: Limits.permissionsPerLookup - 1),
                kind: try fields.count(limit: Limits.permissionsPerLookup - 1),
                id: try fields.string(limit: Limits.objectIDBytes)
            )
        }
    }
}
