// Pemba: LZ4 blocks (no frame: lengths and checksums are in our own headers).
// SPDX-License-Identifier: Apache-2.0

import CLZ4

/// How stored bytes stand for raw bytes.
package enum StoredEncoding: UInt8, Sendable {
    /// As they are.
    case raw = 0
    /// As one LZ4 block.
    case lz4 = 1
}

/// Compresses and decompresses blocks whose lengths are known beforehand.
enum LZ4Block {
    /// Below this many bytes compression does not pay.
    static let bytesMin = 1_024

    /// The bytes to store for `raw`: an LZ4 block if that saves a tenth or more.
    static func encode(_ raw: [UInt8]) -> (encoding: StoredEncoding, bytes: [UInt8]) {
        guard raw.count >= bytesMin, let capacity = Int32(exactly: raw.count - raw.count / 10) else {
            return (.raw, raw)
        }
        let compressed = [UInt8](unsafeUninitializedCapacity: Int(capacity)) { target, count in
            let written = raw.withUnsafeBytes { source in
                LZ4_compress_default(source.baseAddress, target.baseAddress, Int32(source.count), capacity)
            }
            count = max(0, Int(written))
        }
        return compressed.isEmpty ? (.raw, raw) : (.lz4, compressed)
    }

    /// The `rawLength` bytes that `stored` stands for; nil if it stands for anything else.
    ///
    /// The caller bounds `rawLength`.
    static func decode(_ stored: UnsafeRawBufferPointer, encoding: StoredEncoding, rawLength: Int) -> [UInt8]? {
        switch encoding {
        case .raw: return stored.count == rawLength ? [UInt8](stored) : nil
        case .lz4:
            guard let storedLength = Int32(exactly: stored.count), let length = Int32(exactly: rawLength) else {
                return nil
            }
            let raw = [UInt8](unsafeUninitializedCapacity: rawLength) { target, count in
                let read = LZ4_decompress_safe(stored.baseAddress, target.baseAddress, storedLength, length)
                count = max(0, Int(read))
            }
            return raw.count == rawLength ? raw : nil
        }
    }
}
