// Pemba: why connections end.
// SPDX-License-Identifier: Apache-2.0

package import PembaTLS
package import PembaWire

/// Why a connection ended, or did not come about.
package enum TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Certificates, the handshake or the encrypted stream.
    case tls(TLSError)
    /// Bytes that are no frames.
    case frame(FrameError)
    /// The handshake took longer than allowed.
    case handshakeTimeout
    /// No frame arrived for longer than allowed.
    case idleTimeout
    /// A frame was begun and not completed within the time allowed.
    case frameTimeout
    /// The peer does not read: so many bytes wait to be sent to it.
    case slowReader(bufferedBytes: Int)
    /// The listener has as many connections as it may.
    case tooManyConnections(limit: Int)
    /// The network or the peer's machine ended the connection.
    case lost(reason: String)
    /// Nothing answers at the address.
    case cannotConnect(address: String, reason: String)
    /// The address cannot be listened on.
    case cannotListen(address: String, reason: String)
    /// There is no event loop to serve connections.
    case noLoop(reason: String)
    /// The user of the connection ended it for a reason of its own.
    case ended(reason: String)

    /// A sentence for people.
    package var description: String {
        switch self {
        case .tls(let error): error.description
        case .frame(let error): "the peer sent what is not a frame: \(error)"
        case .handshakeTimeout: "the TLS handshake took too long"
        case .idleTimeout: "no frame arrived for too long"
        case .frameTimeout: "a frame was begun and not completed in time"
        case .slowReader(let bytes): "the peer does not read: \(bytes) bytes wait to be sent"
        case .tooManyConnections(let limit): "there are \(limit) connections already, the most that are allowed"
        case .lost(let reason): "the connection was lost: \(reason)"
        case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .noLoop(let reason): "no event loop can be started: \(reason)"
        case .ended(let reason): reason
        }
    }

    /// Under what it is counted.
    package var cause: CloseCause {
        switch self {
        case .tls(.notTLS): .plaintext
        case .tls(.unsupportedVersion): .unsupportedVersion
        case .tls(.peerUntrusted), .tls(.peerWithoutCertificate), .tls(.wrongPeer), .tls(.invalidIdentity):
            .untrustedPeer
        case .tls(.truncated), .lost: .lost
        case .tls: .brokenTLS
        case .frame: .malformedFrame
        case .handshakeTimeout: .handshakeTimeout
        case .idleTimeout: .idleTimeout
        case .frameTimeout: .frameTimeout
        case .slowReader: .slowReader
        case .tooManyConnections: .connectionCap
        case .cannotConnect, .cannotListen, .noLoop, .ended: .ended
        }
    }
}

/// Under what the end of a connection is counted; the raw value is the label in metrics.
package enum CloseCause: String, Sendable, CaseIterable {
    /// Either side closed it in order.
    case clean
    /// The peer does not speak TLS.
    case plaintext
    /// The peer does not speak TLS 1.3.
    case unsupportedVersion = "unsupported_version"
    /// The peer's certificate is missing, not accepted, or that of somebody else.
    case untrustedPeer = "untrusted_peer"
    /// Any other failure of TLS.
    case brokenTLS = "tls"
    /// The handshake took too long.
    case handshakeTimeout = "handshake_timeout"
    /// No frame arrived for too long.
    case idleTimeout = "idle_timeout"
    /// A frame was not completed in time.
    case frameTimeout = "frame_timeout"
    /// Bytes that are no frames.
    case malformedFrame = "malformed_frame"
    /// The peer does not read.
    case slowReader = "slow_reader"
    /// There were too many connections.
    case connectionCap = "connection_cap"
    /// The network or the peer ended it without notice.
    case lost
    /// The user of the connection ended it.
    case ended
}
