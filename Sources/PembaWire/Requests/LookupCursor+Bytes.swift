// Pemba: cursors outside of messages.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

extension LookupCursor {
    /// The cursor as it stands in messages.
    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 160)
        LookupCursor.encode(self, into: &writer)
        return writer.bytes
    }

    /// Reads what `bytes` gave; nil if it is not that.
    package init?(bytes: [UInt8]) {
        let cursor: LookupCursor? = bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            guard let cursor = try? LookupCursor.decode(&reader), reader.remaining == 0 else { return nil }
            return cursor
        }
        guard let cursor else { return nil }
        self = cursor
    }
}
