// Pemba: a certificate and its private key.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import PembaTLS

/// A certificate and its private key, in PEM form.
package struct CertifiedKey: Sendable {
    /// The certificate.
    package let certificatePEM: [UInt8]
    /// The private key (PKCS #8, without a passphrase).
    package let keyPEM: [UInt8]

    /// The certificate as a context loads it.
    package var certificate: PEMSource { .bytes(certificatePEM, name: "certificate in memory") }

    /// The key as a context loads it.
    package var key: PEMSource { .bytes(keyPEM, name: "key in memory") }

    /// Writes the certificate for everyone to read (0644) and the key for its owner alone (0600).
    ///
    /// Each file is written beside its place and renamed into it, the key first, so that no reader sees a part.
    package func write(certificate certificatePath: String, key keyPath: String) throws(PKIError) {
        try SecureFile.write(keyPEM, to: keyPath, mode: 0o600)
        try SecureFile.write(certificatePEM, to: certificatePath, mode: 0o644)
    }

    init(certificate: borrowing CertificateHandle, key: borrowing KeyHandle) throws(PKIError) {
        let certificatePointer = certificate.pointer
        let keyPointer = key.pointer
        certificatePEM = try CertifiedKey.text("PEM_write_bio_X509") { PEM_write_bio_X509($0, certificatePointer) }
        keyPEM = try CertifiedKey.text("PEM_write_bio_PKCS8PrivateKey") {
            PEM_write_bio_PKCS8PrivateKey($0, keyPointer, nil, nil, 0, nil, nil)
        }
    }

    private static func text(_ call: String, _ write: (OpaquePointer) -> CInt) throws(PKIError) -> [UInt8] {
        ErrorQueue.clear()
        guard let bio = BIO_new(BIO_s_secmem()) else { throw .tls(ErrorQueue.failure("BIO_new")) }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .tls(ErrorQueue.failure(call)) }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
        guard BIO_read(bio, &bytes, CInt(bytes.count)) == CInt(bytes.count) else {
            throw .tls(ErrorQueue.failure("BIO_read"))
        }
        return bytes
    }
}
