// Pemba: imports as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

extension ImportRequest {
    /// Appends the layout of version 1: head, mode u8, and the batch: count of tuples and each tuple.
    func encode(into writer: inout ByteWriter) {
        CommandHead(key: idempotencyKey).encode(into: &writer)
        writer.integer(mode.rawValue)
        batch.encode(into: &writer)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let head = try CommandHead(reading: &reader)
        guard head.metadata.isEmpty else { throw .invalidValue(field: "import flags", value: 2) }
        let code: UInt8 = try reader.integer()
        guard let mode = Mode(rawValue: code) else { throw .invalidValue(field: "import mode", value: UInt64(code)) }
        self.init(
            try TupleBatch(reading: &reader, limit: Limits.tuplesPerImport),
            mode: mode,
            idempotencyKey: head.key
        )
    }
}
