// Pemba: the limits of a connection.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// How long and how much a connection may.
package struct ConnectionOptions: Sendable {
    /// How long connecting may take.
    package var connectTimeout = TimeSpan.seconds(5)
    /// How long the TLS handshake may take.
    package var handshakeTimeout = TimeSpan.seconds(10)
    /// How long a connection is kept on which no frame arrives.
    package var idleTimeout = TimeSpan.seconds(300)
    /// How long the peer may take from the first byte of a frame to its last.
    package var frameTimeout = TimeSpan.seconds(30)
    /// How long a closed connection waits for the peer to have read what was sent last.
    package var closeTimeout = TimeSpan.seconds(2)
    /// The most bytes that may wait to be sent; beyond it the peer is cut off.
    package var outputLimitBytes = 64 << 20
    /// The most bytes in a payload that is received, compressed or not.
    package var payloadLimitBytes = Limits.framePayloadBytes

    /// The defaults.
    package init() {}
}
