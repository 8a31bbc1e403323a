// Pemba: SHA-256 from libcrypto.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A running SHA-256 (FIPS 180-4).
struct SHA256: ~Copyable {
    /// Bytes in a digest.
    static let digestBytes = 32

    private let context: OpaquePointer

    init() {
        // Neither call fails but for want of memory, after which nothing could go on.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no memory for a digest")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(result == 1, "libcrypto cannot continue a digest")
    }

    /// Ends the digest; it is not used any more.
    consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA256.digestBytes)
        let result = digest.withUnsafeMutableBufferPointer { EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        precondition(result == 1, "libcrypto cannot end a digest")
        return digest
    }

    /// The digest of `bytes`.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}
