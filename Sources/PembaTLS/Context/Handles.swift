// Pemba: owners of OpenSSL's objects.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPembaTLS

/// The one owner of an `SSL_CTX`.
struct ContextHandle: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_CTX_free(pointer) }
}

/// The one owner of an `SSL` and of the memory that it reads and writes.
struct ConnectionHandle: ~Copyable {
    let ssl: OpaquePointer
    /// Both directions of ciphertext; its address is known to the BIO, so it never moves.
    let pipe: UnsafeMutablePointer<pemba_tls_pipe>

    init(_ context: TLSContext) throws(TLSError) {
        ErrorQueue.clear()
        guard let ssl = SSL_new(context.handle.pointer) else { throw ErrorQueue.failure("SSL_new") }
        let pipe = UnsafeMutablePointer<pemba_tls_pipe>.allocate(capacity: 1)
        pipe.initialize(to: pemba_tls_pipe())
        guard let bio = pemba_tls_bio_new(pipe) else {
            SSL_free(ssl)
            pipe.deallocate()
            throw ErrorQueue.failure("BIO_new")
        }
        SSL_set_bio(ssl, bio, bio)
        self.ssl = ssl
        self.pipe = pipe
    }

    deinit {
        SSL_free(ssl)
        pemba_tls_pipe_release(pipe)
        pipe.deallocate()
    }
}

/// The owner of one reference to an X.509 certificate.
package struct CertificateHandle: ~Copyable {
    /// The `X509`; valid as long as this owner.
    package let pointer: OpaquePointer

    /// Takes over one reference.
    package init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { X509_free(pointer) }
}

/// The owner of one reference to a key.
package struct KeyHandle: ~Copyable {
    /// The `EVP_PKEY`; valid as long as this owner.
    package let pointer: OpaquePointer

    /// Takes over one reference.
    package init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }
}
