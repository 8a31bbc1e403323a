// Pemba: contexts among other bytes.
// SPDX-License-Identifier: Apache-2.0

extension ContextObject {
    /// Reads the JSON of an object from bytes that somebody else wrote; no bytes are the empty object.
    public init(json: UnsafeRawBufferPointer, field: String, limit: Int) throws(ByteError) {
        guard !json.isEmpty else {
            self = .empty
            return
        }
        guard let text = String(utf8: json) else {
            throw .invalidText(field: field, reason: "it is not UTF-8")
        }
        do throws(ContextTextError) {
            try self.init(parsing: text, bytesMax: limit)
        } catch {
            throw .invalidText(field: field, reason: error.description)
        }
    }
}

extension ByteReader {
    /// Reads a varint length of at most `limit` bytes and the JSON of an object; no bytes are the empty object.
    public mutating func context(field: String, limit: Int) throws(ByteError) -> ContextObject {
        try ContextObject(json: try contextSlice(field: field, limit: limit), field: field, limit: limit)
    }

    /// Takes a varint length of at most `limit` bytes and that much JSON, without looking at it.
    @inlinable
    public mutating func contextSlice(field: String, limit: Int) throws(ByteError) -> UnsafeRawBufferPointer {
        let length = try varint()
        guard length <= UInt64(limit) else {
            throw .invalidText(field: field, reason: "it has \(length) bytes, and at most \(limit) are allowed")
        }
        return try take(Int(length))
    }
}

extension ByteWriter {
    /// Appends a varint length in bytes and the object's JSON; nothing but the length 0 for the empty object.
    public mutating func context(_ object: ContextObject) { string(object.isEmpty ? "" : object.json) }
}
