// Pemba: one TLS connection that carries frames.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
package import NIOCore
package import PembaCore
package import PembaTLS
import PembaWire

/// One TLS connection that carries frames: TLS, framing and the socket, confined to one event loop.
///
/// The path of a burst: ciphertext is decrypted behind what is left of the last burst, every complete frame is handed
/// to the delegate where it lies, and what the delegate appended to `output` meanwhile is sealed and written once. No
/// object, promise or write is made per frame, because each of those was measured to cost more than the frame.
///
/// Everything is called on the connection's event loop, by it and by its user.
package final class Connection: SocketUser {
    /// How far a connection is.
    enum Phase: Equatable {
        /// The peers introduce themselves.
        case handshake
        /// Frames flow.
        case open
        /// This side has said its last; the rest is waiting until the peer has read it.
        case closing
        /// The socket is gone.
        case closed
    }

    /// Frames to be sent: encoders append whole frames, and `flush` sends them.
    ///
    /// What the delegate appends while it is called is sent at the end of the burst without `flush`.
    package var output: ByteWriter {
        @inlinable get { outputMemory.pointee }
        @inlinable _modify { yield &outputMemory.pointee }
    }
    /// Where `output` is.
    ///
    /// It is behind a pointer because each access to a property of a class is checked for overlap at run time, which
    /// would cost every frame. All of them come from one event loop, and nothing here calls a delegate while it holds
    /// the buffer.
    @usableFromInline let outputMemory: UnsafeMutablePointer<ByteWriter>
    /// The loop on which everything happens.
    package let loop: SocketLoop
    /// The peer's address, for logs.
    package let remoteAddress: String
    /// Who the peer is; known from `connectionDidOpen` on.
    package var identity: PeerIdentity { engine.identity }

    /// What a buffer keeps between bursts; larger ones are given back.
    static let keptCapacity = 256 << 10

    private let socket: Socket
    /// Under which the loop watches the socket; nil before it does, and when the socket is closed.
    private var watch: SocketLoop.Watch?
    let options: ConnectionOptions
    private let counters: TransportCounters
    private let logger: Logger
    private let makeDelegate: (Connection) -> any ConnectionDelegate
    /// Told once when the connection is open or has failed before that.
    private var onOutcome: ((Result<Void, TransportError>) -> Void)?
    /// Called when the socket is gone.
    private let onClosed: () -> Void
    private var delegate: (any ConnectionDelegate)?
    private var engine: TLSEngine
    private var received = ByteQueue()
    /// The memory of decompressed payloads.
    private var decompressed: [UInt8] = []
    /// Takes the ciphertext.
    private var sending: SocketOutput
    private(set) var phase = Phase.handshake
    /// Why the connection ends; set once, by whatever happened first.
    private var ending: TransportError?
    /// Whether the delegate is being called for a burst, whose end flushes.
    private var isInBurst = false
    /// Whether a flush at the end of this turn of the loop is scheduled.
    private var isFlushScheduled = false
    private var clock: ConnectionClock

    init(
        engine: consuming TLSEngine,
        socket: Socket,
        peer: SocketAddress,
        on loop: SocketLoop,
        options: ConnectionOptions,
        counters: TransportCounters,
        logger: Logger,
        makeDelegate: @escaping (Connection) -> any ConnectionDelegate,
        onOutcome: ((Result<Void, TransportError>) -> Void)? = nil,
        onClosed: @escaping () -> Void = {}
    ) {
        outputMemory = .allocate(capacity: 1)
        outputMemory.initialize(to: ByteWriter())
        self.engine = engine
        self.socket = socket
        self.sending = SocketOutput(socket)
        self.loop = loop
        self.remoteAddress = peer.numeric?.description ?? "unknown"
        self.options = options
        self.counters = counters
        self.logger = logger
        self.makeDelegate = makeDelegate
        self.onOutcome = onOutcome
        self.onClosed = onClosed
        self.clock = ConnectionClock(options: options)
    }

    deinit {
        outputMemory.deinitialize(count: 1)
        outputMemory.deallocate()
    }

    /// Whether frames may be sent.
    package var isOpen: Bool { phase == .open }

    /// When the burst was read whose frames are being handed over, or the last one: one look at the clock for all of them.
    package private(set) var burstTime = NIODeadline.uptimeNanoseconds(0)

    /// Bytes that wait to be sent: what admission looks at before more answers are made for this peer.
    package var outputBacklog: Int { output.bytes.count + sending.waiting }

    /// Sends what was appended to `output` outside a burst: once, at the end of this turn of the loop.
    package func flush() {
        guard !isInBurst, !isFlushScheduled, phase == .open else { return }
        loop.preconditionInEventLoop()
        isFlushScheduled = true
        loop.flushAtEndOfTurn(self)
    }

    /// The turn in which `flush` was called is over.
    func turnDidEnd() {
        isFlushScheduled = false
        if phase == .open { flushNow() }
    }

    /// Ends the connection: sends what is in `output`, says so to the peer and hands over no more frames.
    ///
    /// `connectionDidClose` follows when the socket is gone, with `reason` as its error.
    package func close(_ reason: TransportError? = nil) {
        loop.preconditionInEventLoop()
        guard phase == .handshake || phase == .open else { return }
        ending = reason
        finish()
    }

    // MARK: - Events of the socket

    /// Begins with a socket that is connected.
    func begin() {
        do throws(SystemError) {
            watch = try loop.watch(socket.descriptor, for: .readable, self)
        } catch {
            socket.close()
            return failed(error.reason)
        }
        clock.start(at: .now())
        armTimer()
        // A client's first message; a server has nothing to say yet.
        flushNow()
    }

    func socketIsReady(_ readiness: Readiness) {
        if readiness.contains(.writable) {
            sending.goOn()
            watchAgain()
        }
        if readiness.contains(.readable) { receive() }
    }

    func loopWillEnd() {
        if ending == nil, phase == .handshake || phase == .open {
            ending = .ended(reason: "this process stops serving connections")
        }
        abort()
    }

    /// Reads what is there, hands over what is whole, and sends the answers.
    ///
    /// Once in a turn: what there was no room for is told of again.
    private func receive() {
        guard watch != nil else { return }
        let outcome = socket.read(into: loop.readBuffer)
        if case .moved(let count) = outcome { take(UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count])) }
        finishBurst()
        switch outcome {
        case .ended: closed()
        case .failed(let code): failed(SystemReason.text(code))
        case .wouldBlock, .moved: break
        }
    }

    private func take(_ ciphertext: UnsafeRawBufferPointer) {
        guard phase == .handshake || phase == .open else { return }
        do throws(TLSError) {
            try engine.receive(ciphertext, into: &received)
        } catch {
            // Frames that came whole before the damage are handed over first: the peer had sent them.
            deliver()
            guard phase == .handshake || phase == .open else { return }
            ending = .tls(error)
            return finish()
        }
        if phase == .handshake { open() }
        deliver()
        if engine.phase == .closedByPeer, phase == .handshake || phase == .open { finish() }
    }

    private func finishBurst() {
        isInBurst = false
        if phase == .handshake || phase == .open { flushNow() }
    }

    private func failed(_ reason: String) {
        if ending == nil, phase == .handshake || phase == .open { ending = .lost(reason: reason) }
        closed()
    }

    private func closed() {
        guard phase != .closed else { return }
        if phase == .handshake || phase == .open {
            do throws(TLSError) {
                try engine.receiveEnd()
            } catch {
                if ending == nil { ending = .tls(error) }
            }
        }
        phase = .closed
        isInBurst = false
        clock.stop()
        closeSocket()
        onClosed()
        report()
    }

    private func closeSocket() {
        guard let watch else { return }
        loop.unwatch(watch)
        self.watch = nil
        socket.close()
    }

    // MARK: - Private

    private func open() {
        guard engine.isEstablished else { return }
        phase = .open
        clock.frameCompleted(at: .now())
        armTimer()
        let delegate = makeDelegate(self)
        self.delegate = delegate
        isInBurst = true
        delegate.connectionDidOpen(self)
        onOutcome?(.success(()))
        onOutcome = nil
    }

    private func deliver() {
        guard phase == .open, let delegate else { return }
        isInBurst = true
        burstTime = .now()
        let readable = received.readable
        var offset = 0
        do throws(FrameError) {
            // `close` by the delegate ends the loop: what follows is not handed over any more.
            while phase == .open, readable.count - offset >= FrameHeader.size {
                let rest = UnsafeRawBufferPointer(rebasing: readable[offset...])
                let header = try FrameHeader(decoding: rest, payloadLimit: options.payloadLimitBytes)
                let length = FrameHeader.size + Int(header.payloadLength)
                guard length <= rest.count else { break }
                let payload = UnsafeRawBufferPointer(rebasing: rest[FrameHeader.size..<length])
                if header.isCompressed {
                    try deliverCompressed(header, payload, to: delegate)
                } else {
                    delegate.connection(self, didReceive: header, payload: payload)
                }
                offset += length
            }
        } catch {
            ending = .frame(error)
        }
        // Also when the delegate has closed the connection or a bad frame ends it: what it has gathered is its to drop.
        if offset > 0 { delegate.connectionDidFinishBurst(self) }
        received.consume(offset)
        if ending != nil, phase == .open { return finish() }
        // The timer of a connection that was closed meanwhile is that of its end.
        guard phase == .open else { return }
        if offset > 0 { clock.frameCompleted(at: burstTime) }
        if clock.frameIsPartial(received.count > 0) { armTimer() }
    }

    private func deliverCompressed(
        _ header: FrameHeader,
        _ payload: UnsafeRawBufferPointer,
        to delegate: any ConnectionDelegate
    ) throws(FrameError) {
        var memory: [UInt8] = []
        swap(&memory, &decompressed)
        try FrameCompression.decompress(payload, limit: options.payloadLimitBytes, into: &memory)
        // Its memory is used again by the next one: so it is a burst of its own.
        memory.withUnsafeBytes {
            delegate.connection(self, didReceive: header, payload: $0)
            delegate.connectionDidFinishBurst(self)
        }
        if memory.capacity <= Connection.keptCapacity { decompressed = memory }
    }

    /// Seals and writes everything that waits.
    private func flushNow() {
        guard watch != nil, let ciphertext = sealOutput() else { return }
        sending.send(ciphertext)
        guard sending.waiting > 0 else { return }
        watchAgain()
        guard sending.waiting > options.outputLimitBytes else { return }
        if ending == nil { ending = .slowReader(bufferedBytes: sending.waiting) }
        abort()
    }

    /// The ciphertext of everything that waits, in memory of the loop; nil if nothing waits.
    private func sealOutput() -> UnsafeRawBufferPointer? {
        guard engine.pendingOutputCount > 0 || !output.bytes.isEmpty else { return nil }
        let memory = loop.sealMemory(atLeast: engine.sealedBound(output.bytes.count))
        let count: Int
        do throws(TLSError) {
            count = try seal(into: memory)
        } catch {
            if ending == nil { ending = .tls(error) }
            abort()
            return nil
        }
        if output.bytes.capacity > Connection.keptCapacity {
            output = ByteWriter()
        } else {
            output.bytes.removeAll(keepingCapacity: true)
        }
        return count > 0 ? UnsafeRawBufferPointer(rebasing: memory[..<count]) : nil
    }

    private func seal(into memory: UnsafeMutableRawBufferPointer) throws(TLSError) -> Int {
        // Before the handshake is done, and after the close notification, only the engine's own messages go out.
        guard engine.phase == .established || engine.phase == .closedByPeer else {
            return engine.takeOutput(into: memory)
        }
        return try output.bytes.withUnsafeBufferPointer { plain throws(TLSError) -> Int in
            try engine.seal(UnsafeRawBufferPointer(plain), into: memory)
        }
    }

    private func watchAgain() {
        if let watch { loop.change(watch, to: sending.interest) }
    }

    /// Says everything that is to be said, then waits for the peer to close, so that it can read all of it.
    ///
    /// Closing at once would make the kernel answer late bytes of the peer with a reset, which takes what the peer has
    /// not read yet with it: the very error frame or alert that explains the end.
    private func finish() {
        flushNow()
        guard phase == .handshake || phase == .open else { return }
        engine.close()
        phase = .closing
        flushNow()
        clock.stop()
        guard watch != nil else { return }
        let deadline = NIODeadline.now() + options.closeTimeout.amount
        clock.timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { self.abort() }
        sending.end()
    }

    /// Ends the connection without another word; whoever called is told of it later.
    private func abort() {
        guard phase != .closed, watch != nil else { return }
        phase = .closing
        closeSocket()
        loop.assumeIsolated().execute { self.closed() }
    }

    /// Tells everybody who waits how the connection ended.
    private func report() {
        counters.count(ending?.cause ?? .clean)
        if let delegate {
            self.delegate = nil
            delegate.connectionDidClose(self, error: ending)
        } else {
            let error = ending ?? .lost(reason: "closed during the handshake")
            logger.info(
                "connection refused",
                metadata: [
                    "peer.address": "\(remoteAddress)", "reason": "\(error)", "cause": "\(error.cause.rawValue)",
                ]
            )
            onOutcome?(.failure(error))
            onOutcome = nil
        }
    }

    // MARK: - Timeouts

    private func armTimer() {
        let next = clock.nextDeadline
        guard next < clock.armedFor else { return }
        clock.timer?.cancel()
        clock.armedFor = next
        clock.timer = loop.assumeIsolated().scheduleTask(deadline: next) { self.checkTime() }
    }

    private func checkTime() {
        guard phase == .handshake || phase == .open else { return }
        clock.armedFor = .distantFuture
        if let expired = clock.expired(at: .now()) {
            ending = expired
            finish()
        } else {
            armTimer()
        }
    }
}
