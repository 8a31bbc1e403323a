// Pemba: who is told what happens on a connection.
// SPDX-License-Identifier: Apache-2.0

package import PembaWire

/// What a connection tells its user, always on the connection's event loop.
package protocol ConnectionDelegate: AnyObject {
    /// The handshake is done and the peer is known; frames may be sent from now on.
    func connectionDidOpen(_ connection: Connection)

    /// A frame arrived.
    ///
    /// - Parameters:
    ///   - header: as it was sent; of a compressed frame it holds the compressed length.
    ///   - payload: the payload, decompressed; its memory is valid until `connectionDidFinishBurst` returns.
    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer)

    /// All frames of a burst were handed over.
    ///
    /// What is in the connection's output afterwards is sent at once. It is called after the last frame of every burst,
    /// even if the connection was closed meanwhile, and maybe more than once in a turn of the loop.
    func connectionDidFinishBurst(_ connection: Connection)

    /// The connection is gone and nothing is called any more; without an error it was closed in order.
    ///
    /// Called exactly once for a connection that was opened.
    func connectionDidClose(_ connection: Connection, error: TransportError?)
}
