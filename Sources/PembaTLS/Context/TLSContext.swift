// Pemba: what all TLS connections of one kind share.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPembaTLS
package import PembaCore

/// Which side of which kind of connection a context is for.
package enum TLSRole: String, Sendable {
    /// Between nodes, either side: both present certificates.
    case peer
    /// The side that clients connect to: presents a certificate and asks for one, which the client may leave out.
    case server
    /// A client: verifies the server and presents a certificate if it has one.
    case client
}

/// Authority, certificate, key and rules of TLS connections of one kind; TLS 1.3 only.
///
/// Immutable. New certificates mean a new context, used for the connections that are opened from then on.
///
/// `@unchecked Sendable`: the `SSL_CTX` is configured in the initialiser and never again, and OpenSSL allows
/// connections to be made from one on several threads.
package final class TLSContext: @unchecked Sendable {
    let handle: ContextHandle
    /// What it is for.
    package let role: TLSRole
    /// When the own certificate ceases to be valid; nil without one.
    package let certificateExpiry: Timestamp?
    /// Who the own certificate says this side is.
    package let ownIdentity: PeerIdentity
    /// After how many records the keys are renewed; AES-GCM bears 2^24.5 full ones (RFC 8446, section 5.5).
    let recordsPerKey: UInt64

    /// Loads an authority (one or more certificates) and, for all but clients, a certificate chain and its key.
    package init(
        role: TLSRole,
        authority: PEMSource,
        certificate: PEMSource? = nil,
        key: PEMSource? = nil,
        recordsPerKey: UInt64 = 1 << 23
    ) throws(TLSError) {
        guard (certificate == nil) == (key == nil), certificate != nil || role == .client else {
            throw .missingCertificate(role: role.rawValue)
        }
        let handle = try TLSContext.makeHandle(role)
        try TLSContext.trust(authority, in: handle)
        var expiry: Timestamp?
        var identity = PeerIdentity.none
        if let certificate, let key {
            (expiry, identity) = try TLSContext.load(certificate, key: key, into: handle)
        }
        self.handle = handle
        self.role = role
        self.certificateExpiry = expiry
        self.ownIdentity = identity
        self.recordsPerKey = recordsPerKey
    }

    /// Days until the own certificate expires, below zero afterwards; nil without one.
    package func certificateDaysLeft(at now: Timestamp) -> Double? {
        certificateExpiry.map { Double($0.nanoseconds - now.nanoseconds) / 86_400e9 }
    }

    private static func makeHandle(_ role: TLSRole) throws(TLSError) -> ContextHandle {
        ErrorQueue.clear()
        guard let pointer = SSL_CTX_new(TLS_method()) else { throw ErrorQueue.failure("SSL_CTX_new") }
        let handle = ContextHandle(pointer)
        guard pemba_ssl_ctx_require_tls13(pointer) == 1 else {
            throw ErrorQueue.failure("SSL_CTX_set_min_proto_version")
        }
        // AES-128 first: the cheapest of the three where the processor knows AES, and strong enough.
        let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
        guard SSL_CTX_set_ciphersuites(pointer, suites) == 1 else {
            throw ErrorQueue.failure("SSL_CTX_set_ciphersuites")
        }
        guard pemba_ssl_ctx_set_groups(pointer, "X25519:P-256:P-384") == 1 else {
            throw ErrorQueue.failure("SSL_CTX_set1_groups_list")
        }
        // No resumption: connections live long, and a resumed one would carry on with a certificate that has expired
        // or roles that were taken away since.
        guard pemba_ssl_ctx_disable_resumption(pointer) == 1 else {
            throw ErrorQueue.failure("SSL_CTX_set_num_tickets")
        }
        guard pemba_tls_require_protocol(pointer) == 1 else { throw ErrorQueue.failure("SSL_CTX_set_alpn_protos") }
        let required = role == .server ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | required, nil)
        return handle
    }

    private static func trust(_ authority: PEMSource, in handle: borrowing ContextHandle) throws(TLSError) {
        guard let store = SSL_CTX_get_cert_store(handle.pointer) else {
            throw ErrorQueue.failure("SSL_CTX_get_cert_store")
        }
        try PEM.certificates(in: authority) { certificate, _ throws(TLSError) in
            guard X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                throw ErrorQueue.failure("X509_STORE_add_cert")
            }
        }
    }

    /// Loads the chain and the key, and refuses what peers would refuse later with less to say.
    private static func load(
        _ certificate: PEMSource,
        key: PEMSource,
        into handle: borrowing ContextHandle
    ) throws(TLSError) -> (Timestamp?, PeerIdentity) {
        let context = handle.pointer
        try PEM.certificates(in: certificate) { link, position throws(TLSError) in
            ErrorQueue.clear()
            let added =
                position == 0
                ? SSL_CTX_use_certificate(context, link.pointer)
                : pemba_ssl_ctx_add_chain_certificate(context, link.pointer)
            guard added == 1 else { throw ErrorQueue.failure("SSL_CTX_use_certificate") }
        }
        let own = try PEM.certificate(in: certificate)
        let ownKey = try PEM.key(in: key)
        ErrorQueue.clear()
        guard X509_check_private_key(own.pointer, ownKey.pointer) == 1 else {
            ErrorQueue.clear()
            throw .keyMismatch(certificate: certificate.name, key: key.name)
        }
        guard SSL_CTX_use_PrivateKey(context, ownKey.pointer) == 1 else {
            throw ErrorQueue.failure("SSL_CTX_use_PrivateKey")
        }
        if X509_cmp_current_time(X509_get0_notAfter(own.pointer)) < 0 {
            throw .certificateExpired(source: certificate.name)
        }
        if X509_cmp_current_time(X509_get0_notBefore(own.pointer)) > 0 {
            throw .certificateNotYetValid(source: certificate.name)
        }
        try verify(own, named: certificate.name, in: handle)
        return (own.expiry(), try own.identity())
    }

    private static func verify(
        _ own: borrowing CertificateHandle,
        named name: String,
        in handle: borrowing ContextHandle
    ) throws(TLSError) {
        ErrorQueue.clear()
        guard let verification = X509_STORE_CTX_new() else { throw ErrorQueue.failure("X509_STORE_CTX_new") }
        defer { X509_STORE_CTX_free(verification) }
        let chain = pemba_ssl_ctx_chain(handle.pointer)
        guard X509_STORE_CTX_init(verification, SSL_CTX_get_cert_store(handle.pointer), own.pointer, chain) == 1 else {
            throw ErrorQueue.failure("X509_STORE_CTX_init")
        }
        guard X509_verify_cert(verification) == 1 else {
            let reason = String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(verification))))
            ErrorQueue.clear()
            throw .certificateUntrusted(source: name, reason: reason)
        }
    }
}
