// Pemba: the checksum of everything stored and of zookies.
// SPDX-License-Identifier: Apache-2.0

import CPembaChecksum

/// CRC32C (Castagnoli; RFC 3720, appendix B.4), with the processor's instruction where it has one.
public enum CRC32C {
    /// The checksum of `bytes`, continued from `seed` (0 to start).
    public static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        pemba_crc32c(seed, bytes.baseAddress, bytes.count)
    }

    /// The checksum of `bytes`, continued from `seed` (0 to start).
    public static func checksum(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { checksum($0, seed: seed) }
    }
}
