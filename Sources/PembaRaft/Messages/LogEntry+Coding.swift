// Pemba: the bytes of a log entry, on the wire and in the stored log.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension LogEntry {
    /// Bytes of an encoded entry before its payload's length: index, term, timestamp and kind.
    package static let fixedBytes = 25

    /// Appends: index u64, term u64, timestamp i64, kind u8, payload as varint length and bytes.
    package func encode(into writer: inout ByteWriter) {
        writer.integer(index.rawValue)
        writer.integer(term.rawValue)
        writer.integer(timestamp.nanoseconds)
        writer.integer(kind.rawValue)
        writer.lengthPrefixed(payload)
    }

    /// Reads what `encode` wrote.
    ///
    /// An unknown kind is an error: an entry must not be skipped.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        let index: UInt64 = try reader.integer()
        let term: UInt64 = try reader.integer()
        let timestamp: Int64 = try reader.integer()
        let rawKind: UInt8 = try reader.integer()
        guard index > 0 else { throw .invalidValue(field: "entry index", value: index) }
        guard let kind = Kind(rawValue: rawKind) ?? (planted("skips-unknown-kinds") ? .noop : nil) else {
            throw .invalidValue(field: "entry kind", value: UInt64(rawKind))
        }
        self.init(
            index: LogIndex(index),
            term: Term(term),
            timestamp: Timestamp(nanoseconds: timestamp),
            kind: kind,
            payload: try reader.byteArray(limit: Limits.entryPayloadBytes)
        )
    }
}
