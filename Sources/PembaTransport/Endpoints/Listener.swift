// Pemba: the accepting end of connections.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Logging
package import NIOCore
package import PembaCore
package import PembaTLS

/// A port on which TLS connections are accepted.
///
/// `@unchecked Sendable`: what changes is touched on the loop alone.
package final class Listener: SocketUser, @unchecked Sendable {
    /// What a listener needs to know.
    package struct Configuration: Sendable {
        /// Where to listen; port 0 lets the kernel choose.
        package var address: NetworkAddress
        /// The context of the next connection: asked each time, so that new certificates need no new listener.
        package var tls: @Sendable () -> TLSContext
        /// Who may connect.
        package var expecting: PeerExpectation
        /// The limits of each connection.
        package var options = ConnectionOptions()
        /// The most connections at a time; more are closed as soon as they are accepted.
        package var connectionLimit = 10_000

        /// Everything without a default.
        package init(address: NetworkAddress, tls: @escaping @Sendable () -> TLSContext, expecting: PeerExpectation) {
            self.address = address
            self.tls = tls
            self.expecting = expecting
        }
    }

    /// Where it listens, with the port that the kernel chose if it was asked to.
    package let address: NetworkAddress
    /// How many connections there are and how those before them ended.
    package let counters = TransportCounters()

    /// Connections that the kernel completes before they are accepted.
    private static let backlog: CInt = 1_024
    /// How many connections are accepted before other sockets have their turn.
    private static let acceptsPerTurn = 64
    /// How long nothing is accepted when the process or the machine has no room for another connection.
    private static let pause = TimeAmount.milliseconds(100)

    private let configuration: Configuration
    private let loop: SocketLoop
    private let logger: Logger
    /// Where refused connections are told of.
    private let refusals: Logger
    private let makeDelegate: @Sendable (Connection) -> any ConnectionDelegate
    private let socket: Socket
    private var watch: SocketLoop.Watch?
    private var isClosed = false
    /// Whether it is known that nothing can be accepted.
    private var isWithoutRoom = false

    /// Listens, on the first of the host's addresses.
    ///
    /// - Parameter makeDelegate: called on `loop` for every peer that has passed the handshake.
    package init(
        _ configuration: Configuration,
        on loop: SocketLoop,
        logger: Logger,
        refusals: Logger,
        makeDelegate: @escaping @Sendable (Connection) -> any ConnectionDelegate
    ) throws(TransportError) {
        let wanted = configuration.address
        socket = try Listener.listen(at: wanted)
        address = NetworkAddress(host: wanted.host, port: socket.localAddress?.numeric?.port ?? wanted.port)
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.refusals = refusals
        self.makeDelegate = makeDelegate
        loop.execute { self.goOn() }
    }

    private static func listen(at address: NetworkAddress) throws(TransportError) -> Socket {
        func failure(_ reason: String) -> TransportError {
            .cannotListen(address: address.description, reason: reason)
        }
        let names: [SocketAddress]
        do throws(ResolutionError) {
            names = try SocketAddress.resolve(address, isListening: true)
        } catch {
            throw failure(error.reason)
        }
        do throws(SystemError) {
            let socket = try Socket(family: names[0].family)
            do throws(SystemError) {
                try socket.listen(at: names[0], backlog: backlog)
                return socket
            } catch {
                socket.close()
                throw error
            }
        } catch {
            throw failure(error.reason)
        }
    }

    /// Accepts no more connections; those that are there stay.
    package func close() -> EventLoopFuture<Void> { loop.submit { self.loopWillEnd() } }

    func loopWillEnd() {
        guard !isClosed else { return }
        isClosed = true
        leave()
        socket.close()
    }

    // MARK: - Accepting

    private func goOn() {
        guard !isClosed else { return }
        do throws(SystemError) {
            watch = try loop.watch(socket.descriptor, for: .readable, self)
        } catch {
            pause(for: error)
        }
    }

    private func leave() {
        if let watch { loop.unwatch(watch) }
        watch = nil
    }

    func socketIsReady(_ readiness: Readiness) {
        for _ in 0..<Listener.acceptsPerTurn {
            do throws(SystemError) {
                guard let (accepted, peer) = try socket.accept() else { return }
                isWithoutRoom = false
                welcome(accepted, peer)
            } catch {
                // Without room, the connection that waits would be told of again and again.
                guard Listener.isForWantOfRoom(error) else { continue }
                return pause(for: error)
            }
        }
    }

    private func pause(for error: SystemError) {
        if !isWithoutRoom {
            logger.warning(
                "no connection can be accepted for now",
                metadata: ["listen": "\(address)", "reason": "\(error.reason)"]
            )
        }
        isWithoutRoom = true
        leave()
        loop.assumeIsolated().scheduleTask(in: Listener.pause) { self.goOn() }
    }

    /// Other errors are those of the connection that was to be accepted, which is gone.
    private static func isForWantOfRoom(_ error: SystemError) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.code)
    }

    private func welcome(_ accepted: Socket, _ peer: SocketAddress) {
        guard counters.tryOpen(limit: configuration.connectionLimit) else {
            refused(.tooManyConnections(limit: configuration.connectionLimit))
            return accepted.close()
        }
        do throws(TransportError) {
            try open(accepted, peer)
        } catch {
            counters.release()
            refused(error)
            accepted.close()
        }
    }

    private func open(_ accepted: Socket, _ peer: SocketAddress) throws(TransportError) {
        let engine: TLSEngine
        do throws(TLSError) {
            engine = try TLSEngine(context: configuration.tls(), side: .server, expecting: configuration.expecting)
        } catch {
            throw .tls(error)
        }
        do throws(SystemError) { try accepted.sendAtOnce() } catch { throw .lost(reason: error.reason) }
        let connection = Connection(
            engine: engine,
            socket: accepted,
            peer: peer,
            on: loop,
            options: configuration.options,
            counters: counters,
            logger: refusals,
            makeDelegate: makeDelegate,
            onClosed: { [counters] in counters.release() }
        )
        connection.begin()
    }

    private func refused(_ error: TransportError) {
        counters.count(error.cause)
        refusals.info("connection refused", metadata: ["reason": "\(error)", "cause": "\(error.cause.rawValue)"])
    }
}
