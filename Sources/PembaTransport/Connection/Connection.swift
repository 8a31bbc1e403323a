// Pemba: one TLS connection that carries frames.
// SPDX-License-Identifier: Apache-2.0

import Logging
package import NIOCore
package import PembaCore
package import PembaTLS
import PembaWire

/// One TLS connection that carries frames: TLS and framing in one handler, confined to one event loop.
///
/// The path of a burst: ciphertext is decrypted behind what is left of the last burst, every complete frame is handed
/// to the delegate where it lies, and what the delegate appended to `output` meanwhile is sealed and written once. No
/// object, promise or write is made per frame, because each of those was measured to cost more than the frame.
///
/// Everything is called on the connection's event loop, by it and by its user.
package final class Connection {
    /// How far a connection is.
    enum Phase: Equatable {
        /// The peers introduce themselves.
        case handshake
        /// Frames flow.
        case open
        /// This side has said its last; the rest is waiting until the peer has read it.
        case closing
        /// The channel is gone.
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
    package let eventLoop: any EventLoop
    /// The peer's address, for logs.
    package let remoteAddress: String
    /// Who the peer is; known from `connectionDidOpen` on.
    package var identity: PeerIdentity { engine.identity }

    /// What a buffer keeps between bursts; larger ones are given back.
    static let keptCapacity = 256 << 10

    let options: ConnectionOptions
    private let counters: TransportCounters
    private let logger: Logger
    private let makeDelegate: (Connection) -> any ConnectionDelegate
    /// Told once when the connection is open or has failed before that.
    private var onOutcome: ((Result<Void, TransportError>) -> Void)?
    private var delegate: (any ConnectionDelegate)?
    var context: ChannelHandlerContext?
    var engine: TLSEngine
    private var received = ReceiveBuffer()
    /// The memory of decompressed payloads.
    private var decompressed: [UInt8] = []
    /// The memory of ciphertext; ours alone again as soon as the socket has taken it.
    private var ciphertext = ByteBuffer()
    private(set) var phase = Phase.handshake
    /// Why the connection ends; set once, by whatever happened first.
    private var ending: TransportError?
    /// Whether the delegate is being called for a burst, whose end flushes.
    private var isInBurst = false
    /// Whether a flush at the end of this turn of the loop is scheduled.
    private var isFlushScheduled = false
    var clock: ConnectionClock

    init(
        engine: consuming TLSEngine,
        channel: any Channel,
        options: ConnectionOptions,
        counters: TransportCounters,
        logger: Logger,
        makeDelegate: @escaping (Connection) -> any ConnectionDelegate,
        onOutcome: ((Result<Void, TransportError>) -> Void)?
    ) {
        outputMemory = .allocate(capacity: 1)
        outputMemory.initialize(to: ByteWriter())
        self.engine = engine
        self.eventLoop = channel.eventLoop
        self.remoteAddress = channel.remoteAddress.map(Connection.text) ?? "unknown"
        self.options = options
        self.counters = counters
        self.logger = logger
        self.makeDelegate = makeDelegate
        self.onOutcome = onOutcome
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
    package var outputBacklog: Int { output.bytes.count + bufferedBytes }

    /// Sends what was appended to `output` outside a burst: once, at the end of this turn of the loop.
    package func flush() {
        guard !isInBurst, !isFlushScheduled, phase == .open else { return }
        eventLoop.preconditionInEventLoop()
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            if self.phase == .open { self.flushNow() }
        }
    }

    /// Ends the connection: sends what is in `output`, says so to the peer and hands over no more frames.
    ///
    /// `connectionDidClose` follows when the channel is gone, with `reason` as its error.
    package func close(_ reason: TransportError? = nil) {
        eventLoop.preconditionInEventLoop()
        guard phase == .handshake || phase == .open else { return }
        ending = reason
        finish()
    }

    // MARK: - Events of the channel

    func opened(_ context: ChannelHandlerContext) {
        self.context = context
        clock.start(at: .now())
        armTimer()
        // A client's first message; a server has nothing to say yet.
        flushNow()
    }

    func read(_ bytes: ByteBuffer) {
        guard phase == .handshake || phase == .open else { return }
        do throws(TLSError) {
            try bytes.withUnsafeReadableBytes { raw throws(TLSError) -> Void in
                try engine.receive(raw, into: &received)
            }
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

    func finishBurst() {
        isInBurst = false
        if phase == .handshake || phase == .open { flushNow() }
    }

    func failed(_ reason: String) {
        if ending == nil, phase == .handshake || phase == .open { ending = .lost(reason: reason) }
        abort()
    }

    func closed() {
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
        context = nil
        report()
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
        guard let context, sealOutput() else { return }
        context.writeAndFlush(NIOAny(ciphertext), promise: nil)
        if ciphertext.capacity > Connection.keptCapacity { ciphertext = ByteBuffer() }
        guard !context.channel.isWritable else { return }
        let waiting = bufferedBytes
        if waiting > options.outputLimitBytes {
            if ending == nil { ending = .slowReader(bufferedBytes: waiting) }
            abort()
        }
    }

    /// Puts the ciphertext of everything that waits into `ciphertext`; false if nothing waits.
    private func sealOutput() -> Bool {
        let pending = engine.pendingOutputCount
        guard pending > 0 || !output.bytes.isEmpty else { return false }
        let bound = engine.sealedBound(output.bytes.count)
        ciphertext.clear(minimumCapacity: bound)
        do throws(TLSError) {
            try seal(bound)
        } catch {
            if ending == nil { ending = .tls(error) }
            abort()
            return false
        }
        if output.bytes.capacity > Connection.keptCapacity {
            output = ByteWriter()
        } else {
            output.bytes.removeAll(keepingCapacity: true)
        }
        return true
    }

    private func seal(_ bound: Int) throws(TLSError) {
        var failure: TLSError?
        ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { window in
            // Before the handshake is done, and after the close notification, only the engine's own messages go out.
            guard engine.phase == .established || engine.phase == .closedByPeer else {
                return engine.takeOutput(into: window)
            }
            do throws(TLSError) {
                return try output.bytes.withUnsafeBufferPointer { plain throws(TLSError) -> Int in
                    try engine.seal(UnsafeRawBufferPointer(plain), into: window)
                }
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
    }

    /// Says everything that is to be said, then waits for the peer to close, so that it can read all of it.
    ///
    /// Closing at once would make the kernel answer late bytes of the peer with a reset, which takes what the peer has
    /// not read yet with it: the very error frame or alert that explains the end.
    private func finish() {
        guard let context else { return abort() }
        flushNow()
        guard phase == .handshake || phase == .open else { return }
        engine.close()
        phase = .closing
        flushNow()
        clock.stop()
        guard self.context != nil else { return }
        let deadline = NIODeadline.now() + options.closeTimeout.amount
        clock.timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.abort() }
        context.close(mode: .output, promise: nil)
    }

    /// Ends the connection without another word.
    private func abort() {
        guard phase != .closed else { return }
        phase = .closing
        context?.close(promise: nil)
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

    private var bufferedBytes: Int {
        guard let context, !context.channel.isWritable, let options = context.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }

    private static func text(_ address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return "\(address)" }
        return NetworkAddress(host: host, port: UInt16(truncatingIfNeeded: port)).description
    }

    // MARK: - Timeouts

    private func armTimer() {
        let next = clock.nextDeadline
        guard next < clock.armedFor else { return }
        clock.timer?.cancel()
        clock.armedFor = next
        clock.timer = eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.checkTime() }
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
