// Pemba: one TLS connection without a socket.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPembaTLS

/// One TLS connection: ciphertext in, plaintext out; plaintext in, ciphertext out.
///
/// It knows no socket, clock or event loop and belongs to one thread. Handshake messages and alerts gather in
/// `pendingOutputCount` and are fetched with `takeOutput`; traffic is sealed straight into the caller's memory.
/// After an error the engine takes and gives nothing any more, except the pending output, which then holds the alert.
package struct TLSEngine: ~Copyable {
    /// How far a connection is.
    package enum Phase: Equatable, Sendable {
        /// The peers are still introducing themselves.
        case handshake
        /// Traffic flows.
        case established
        /// The peer has sent its close notification; this side may still send.
        case closedByPeer
        /// This side has sent its close notification.
        case closed
        /// An error ended it.
        case failed
    }

    /// Which side opened the connection.
    package enum Side: Sendable {
        /// This side.
        case client
        /// The peer.
        case server
    }

    /// How much plaintext one record holds (RFC 8446, section 5.1).
    package static let recordBytes = 16 << 10
    /// More than the header, content type and tag that a record adds: 22 bytes in TLS 1.3.
    private static let recordOverhead = 64
    /// Room beside the records for what the library may send in between, such as a key update.
    private static let sealSlack = 512
    /// The first byte of a TLS connection is that of a handshake record (22) or, from a server, an alert (21).
    private static let handshakeRecord: UInt8 = 22
    private static let alertRecord: UInt8 = 21

    /// How far the connection is.
    package private(set) var phase = Phase.handshake
    /// Who the peer is; known once established.
    package private(set) var identity = PeerIdentity.none

    private let handle: ConnectionHandle
    private let context: TLSContext
    private let side: Side
    private let expectation: PeerExpectation
    private var hasReceived = false
    /// Records sealed since the keys were last renewed.
    private var recordsSealed: UInt64 = 0

    /// Makes one side of a connection; a client's first message is pending output at once.
    package init(context: TLSContext, side: Side, expecting expectation: PeerExpectation) throws(TLSError) {
        let handle = try ConnectionHandle(context)
        switch side {
        case .client:
            SSL_set_connect_state(handle.ssl)
            // Without input this only writes the first message and then wants to read.
            let result = SSL_do_handshake(handle.ssl)
            guard SSL_get_error(handle.ssl, result) == SSL_ERROR_WANT_READ else {
                throw ErrorQueue.failure("SSL_do_handshake")
            }
        case .server:
            SSL_set_accept_state(handle.ssl)
        }
        self.handle = handle
        self.context = context
        self.side = side
        self.expectation = expectation
    }

    private var ssl: OpaquePointer { handle.ssl }
    private var pipe: UnsafeMutablePointer<pemba_tls_pipe> { handle.pipe }

    /// Whether traffic may be sent and received.
    package var isEstablished: Bool { phase == .established }

    /// Takes ciphertext, appends the plaintext that it completes, and returns how many bytes that were.
    @discardableResult
    package mutating func receive(
        _ ciphertext: UnsafeRawBufferPointer,
        into plaintext: inout ByteQueue
    ) throws(TLSError) -> Int {
        guard let start = ciphertext.baseAddress, !ciphertext.isEmpty else { return 0 }
        guard phase == .handshake || phase == .established else { return 0 }
        if !hasReceived {
            hasReceived = true
            let first = ciphertext[0]
            guard first == TLSEngine.handshakeRecord || (side == .client && first == TLSEngine.alertRecord) else {
                phase = .failed
                throw .notTLS
            }
        }
        pipe.pointee.input = start.assumingMemoryBound(to: UInt8.self)
        pipe.pointee.input_count = ciphertext.count
        // What an error leaves unread is of no use, and the memory is only lent.
        defer {
            pipe.pointee.input = nil
            pipe.pointee.input_count = 0
        }
        if phase == .handshake {
            try shakeHands()
            guard phase == .established else { return 0 }
        }
        return try open(into: &plaintext, expecting: ciphertext.count)
    }

    /// Tells that the peer's bytes have ended; without its close notification that is an error.
    package mutating func receiveEnd() throws(TLSError) {
        guard phase == .handshake || phase == .established else { return }
        let wasHandshake = phase == .handshake
        phase = .failed
        throw wasHandshake ? .handshakeFailed(reason: "the peer closed the connection") : .truncated
    }

    /// How much memory `seal` needs for so much plaintext and what is pending.
    package func sealedBound(_ plaintextCount: Int) -> Int {
        let records = (plaintextCount + TLSEngine.recordBytes - 1) / TLSEngine.recordBytes
        return plaintextCount + records * TLSEngine.recordOverhead + TLSEngine.sealSlack + pendingOutputCount
    }

    /// Writes what is pending and the plaintext's records to `output`, which has at least `sealedBound` bytes, and
    /// returns how many bytes it wrote.
    package mutating func seal(
        _ plaintext: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(TLSError) -> Int {
        precondition(phase == .established || phase == .closedByPeer, "sealing on a connection that is not open")
        precondition(output.count >= sealedBound(plaintext.count), "the memory for ciphertext is too small")
        pipe.pointee.output_count = takeOutput(into: output)
        pipe.pointee.output = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        pipe.pointee.output_capacity = output.count
        defer {
            pipe.pointee.output = nil
            pipe.pointee.output_count = 0
            pipe.pointee.output_capacity = 0
        }
        var offset = 0
        while offset < plaintext.count {
            let run = min(plaintext.count - offset, TLSEngine.recordBytes)
            try renewKeysIfDue()
            ErrorQueue.clear()
            var written = 0
            let result = SSL_write_ex(ssl, plaintext.baseAddress.map { $0 + offset }, run, &written)
            guard result == 1, written == run else {
                phase = .failed
                throw .brokenStream(reason: ErrorQueue.drain()?.text ?? "a record could not be written")
            }
            offset += run
        }
        return pipe.pointee.output_count
    }

    /// Bytes of handshake messages and alerts that wait to be sent.
    package var pendingOutputCount: Int { pipe.pointee.spill_count }

    /// Moves pending output to `output` and returns how many bytes that were.
    package mutating func takeOutput(into output: UnsafeMutableRawBufferPointer) -> Int {
        guard pipe.pointee.spill_count > 0, let start = output.baseAddress else { return 0 }
        return pemba_tls_pipe_take_spill(pipe, start.assumingMemoryBound(to: UInt8.self), output.count)
    }

    /// Puts the close notification into the pending output; after it nothing can be sealed.
    package mutating func close() {
        guard phase == .established || phase == .closedByPeer else { return }
        phase = .closed
        ErrorQueue.clear()
        SSL_shutdown(ssl)
        ErrorQueue.clear()
    }

    // MARK: - Private

    private mutating func shakeHands() throws(TLSError) {
        ErrorQueue.clear()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return try finishHandshake() }
        let error = SSL_get_error(ssl, result)
        if error == SSL_ERROR_WANT_READ { return }
        phase = .failed
        throw failure()
    }

    private mutating func finishHandshake() throws(TLSError) {
        do throws(TLSError) {
            var name: UnsafePointer<UInt8>?
            var count: UInt32 = 0
            SSL_get0_alpn_selected(ssl, &name, &count)
            // Whoever selected one selected ours: a server refuses all others, a client offers no other.
            guard count > 0 else { throw TLSError.protocolNotOffered }
            let certificate = SSL_get0_peer_certificate(ssl)
            var found = PeerIdentity.none
            if let certificate { found = try Certificates.identity(of: certificate) }
            guard expectation.admits(found) else {
                throw TLSError.wrongPeer(expected: expectation.description, found: found.description)
            }
            identity = found
            phase = .established
        } catch {
            phase = .failed
            // The message that would make the wrong peer believe in the connection is not sent.
            pemba_tls_pipe_release(pipe)
            throw error
        }
    }

    private mutating func open(into plaintext: inout ByteQueue, expecting count: Int) throws(TLSError) -> Int {
        var received = 0
        // Plaintext is shorter than its ciphertext; a record that an earlier burst began may add to this one's.
        var wanted = count + 1_024
        // Reading on until the library wants more input would end every burst on its error path.
        while pipe.pointee.input_count > 0 || SSL_pending(ssl) > 0 {
            let room = plaintext.room(atLeast: wanted)
            ErrorQueue.clear()
            var got = 0
            let result = SSL_read_ex(ssl, room.baseAddress, room.count, &got)
            if result == 1 {
                plaintext.fill(got)
                received += got
                wanted = got == room.count ? TLSEngine.recordBytes : 1
                continue
            }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ:
                return received
            case SSL_ERROR_ZERO_RETURN:
                phase = .closedByPeer
                return received
            default:
                phase = .failed
                throw failure()
            }
        }
        return received
    }

    private mutating func renewKeysIfDue() throws(TLSError) {
        recordsSealed += 1
        guard recordsSealed > context.recordsPerKey else { return }
        recordsSealed = 1
        ErrorQueue.clear()
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 else {
            phase = .failed
            throw ErrorQueue.failure("SSL_key_update")
        }
    }
}

extension TLSEngine {
    /// Which of this side's errors the library's queue describes.
    private func failure() -> TLSError {
        guard let entry = ErrorQueue.drain() else { return .handshakeFailed(reason: "no reason given") }
        guard entry.isFromSSL else { return .brokenStream(reason: entry.text) }
        switch entry.reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return .peerUntrusted(reason: String(cString: X509_verify_cert_error_string(SSL_get_verify_result(ssl))))
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return .peerWithoutCertificate
        case SSL_R_NO_APPLICATION_PROTOCOL, TLSEngine.alertReason(120):
            return .protocolNotOffered
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER, SSL_R_VERSION_TOO_LOW, SSL_R_WRONG_SSL_VERSION,
            TLSEngine.alertReason(70):
            return .unsupportedVersion
        case TLSEngine.alertReason(0)...TLSEngine.alertReason(255):
            return .refusedByPeer(alert: entry.text)
        default:
            if SSL_is_init_finished(ssl) == 1 { return .brokenStream(reason: entry.text) }
            return .handshakeFailed(reason: entry.text)
        }
    }

    /// The reason under which the library queues an alert from the peer.
    private static func alertReason(_ alert: CInt) -> CInt { SSL_AD_REASON_OFFSET + alert }
}
