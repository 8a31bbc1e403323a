// Pemba: what can go wrong with certificates and TLS connections.
// SPDX-License-Identifier: Apache-2.0

/// Why a context could not be made or a connection ended; the text names the file or the peer's fault and the way out.
package enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    // Making a context.

    /// A file could not be opened or read.
    case unreadableFile(path: String, reason: String)
    /// A file with a private key or a bearer key that others than its owner may read or write.
    case exposedKeyFile(path: String, mode: UInt32)
    /// A file does not hold what it should.
    case malformedPEM(source: String, expected: String)
    /// The private key is protected by a passphrase, and nobody is there to type it.
    case encryptedKey(source: String)
    /// The private key is not that of the certificate.
    case keyMismatch(certificate: String, key: String)
    /// The own certificate is not valid any more.
    case certificateExpired(source: String)
    /// The own certificate is not valid yet.
    case certificateNotYetValid(source: String)
    /// The own certificate was not signed by the given authority.
    case certificateUntrusted(source: String, reason: String)
    /// A node or server without a certificate and key, or one of the two without the other.
    case missingCertificate(role: String)

    // During the handshake.

    /// The peer does not speak TLS.
    case notTLS
    /// The peer does not speak TLS 1.3.
    case unsupportedVersion
    /// The peer does not speak this protocol, or an older version of it.
    case protocolNotOffered
    /// The peer presented no certificate where one is required.
    case peerWithoutCertificate
    /// The peer's certificate was not issued by the cluster's authority, has expired, or may not be used like this.
    case peerUntrusted(reason: String)
    /// The peer's certificate is valid, but not that of the expected node.
    case wrongPeer(expected: String, found: String)
    /// The peer's certificate names something that is neither a node nor a client.
    case invalidIdentity(uri: String)
    /// Any other failure of the handshake.
    case handshakeFailed(reason: String)

    // At any time.

    /// The peer refused this side with an alert.
    case refusedByPeer(alert: String)
    /// The bytes from the peer are not a TLS connection any more.
    case brokenStream(reason: String)
    /// The connection ended without the peer's close notification: what was received may not be all that was sent.
    case truncated
    /// A function of the library failed for no reason that input can cause.
    case library(call: String, reason: String)

    /// A sentence for people.
    package var description: String {
        switch self {
        case .unreadableFile(let path, let reason): "cannot read \(path): \(reason)"
        case .exposedKeyFile(let path, let mode):
            "the key in \(path) has mode 0\(String(mode, radix: 8)), so that others can reach it: "
                + "give it mode 0600 (chmod 600 \(path))"
        case .malformedPEM(let source, let expected): "\(source) does not hold \(expected) in PEM form"
        case .encryptedKey(let source): "the private key \(source) is protected by a passphrase; store it without one"
        case .keyMismatch(let certificate, let key):
            "the private key \(key) is not that of the certificate \(certificate)"
        case .certificateExpired(let source): "the certificate \(source) has expired; issue a new one"
        case .certificateNotYetValid(let source): "the certificate \(source) is not valid yet; look at the clock"
        case .certificateUntrusted(let source, let reason):
            "the certificate \(source) was not issued by the given authority: \(reason)"
        case .missingCertificate(let role): "a \(role) needs a certificate together with its private key"
        case .notTLS: "the peer does not speak TLS"
        case .unsupportedVersion: "the peer does not speak TLS 1.3"
        case .protocolNotOffered: "the peer does not speak the protocol pemba/1"
        case .peerWithoutCertificate: "the peer presented no certificate"
        case .peerUntrusted(let reason): "the peer's certificate is not accepted: \(reason)"
        case .wrongPeer(let expected, let found): "expected \(expected), but the peer's certificate names \(found)"
        case .invalidIdentity(let uri): "the peer's certificate names neither a node nor a client: \(uri)"
        case .handshakeFailed(let reason): "the TLS handshake failed: \(reason)"
        case .refusedByPeer(let alert): "the peer refused the connection: \(alert)"
        case .brokenStream(let reason): "the TLS connection is broken: \(reason)"
        case .truncated: "the connection ended without the peer's close notification"
        case .library(let call, let reason): "\(call) failed: \(reason)"
        }
    }
}
