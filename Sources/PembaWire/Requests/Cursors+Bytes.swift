// Pemba: cursors as bytes by themselves.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A cursor that somebody may keep outside of an answer.
package protocol KeptCursor {
    /// Appends a length of 0 for nil, or the length and the cursor.
    static func encode(_ cursor: Self?, into output: inout ByteWriter)

    /// Reads what `encode` appended.
    static func decode(_ reader: inout ByteReader) throws(ByteError) -> Self?
}

extension KeptCursor {
    /// The cursor as bytes.
    package var bytes: [UInt8] {
        var output = ByteWriter()
        Self.encode(self, into: &output)
        return output.bytes
    }

    /// Reads what `bytes` gave; nil if it is not that.
    package init?(bytes: [UInt8]) {
        let cursor: Self? = bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            guard let cursor = try? Self.decode(&reader), reader.remaining == 0 else { return nil }
            return cursor
        }
        guard let cursor else { return nil }
        self = cursor
    }
}

extension LookupCursor: KeptCursor {}
extension ReadCursor: KeptCursor {}
