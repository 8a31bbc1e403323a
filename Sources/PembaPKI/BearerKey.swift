// Pemba: keys that clients may present instead of a certificate.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import PembaTLS

/// A random key that a client presents instead of a certificate; nodes know only its SHA-256.
package struct BearerKey: Sendable {
    /// What the client presents: 64 hexadecimal digits.
    package let text: String
    /// What the nodes' credentials file holds: the SHA-256 of the text's bytes, in hexadecimal.
    package var sha256: String { SHA256.digest(Array(text.utf8)).hexadecimal }

    private static let randomBytes = 32

    /// Makes a new key.
    package static func generate() throws(PKIError) -> BearerKey {
        BearerKey(text: try Randomness.bytes(randomBytes).hexadecimal)
    }
}

/// Randomness for secrets and serial numbers.
enum Randomness {
    /// So many random bytes.
    static func bytes(_ count: Int) throws(PKIError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        ErrorQueue.clear()
        guard RAND_bytes(&bytes, CInt(count)) == 1 else { throw .tls(ErrorQueue.failure("RAND_bytes")) }
        return bytes
    }
}
