// Pemba: digests of bearer keys.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// SHA-256 (FIPS 180-4), by which nodes know bearer keys.
package enum SHA256 {
    /// How many bytes a digest has.
    package static let digestBytes = 32

    /// The digest of `bytes`.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestBytes)
        let written = COpenSSL.SHA256(bytes, bytes.count, &digest)
        precondition(written != nil, "SHA-256 of a buffer in memory has no way to fail")
        return digest
    }

    /// Whether two digests are equal, in a time that does not tell where they differ.
    package static func matches(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}

extension [UInt8] {
    /// Two lower-case hexadecimal digits per byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0x0F)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
