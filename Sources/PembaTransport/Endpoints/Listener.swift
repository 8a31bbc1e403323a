// Pemba: the accepting end of connections.
// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOPosix
package import PembaCore
package import PembaTLS

/// A port on which TLS connections are accepted.
package final class Listener: Sendable {
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
    package let counters: TransportCounters
    private let channel: any Channel

    /// Connections that the kernel completes before they are accepted.
    private static let backlog: CInt = 1_024

    private init(channel: any Channel, address: NetworkAddress, counters: TransportCounters) {
        self.channel = channel
        self.address = address
        self.counters = counters
    }

    /// Listens; the future fails with a `TransportError`.
    ///
    /// - Parameter makeDelegate: called on the connection's event loop for every peer that has passed the handshake.
    package static func bind(
        _ configuration: Configuration,
        on group: any EventLoopGroup,
        logger: Logger,
        makeDelegate: @escaping @Sendable (Connection) -> any ConnectionDelegate
    ) -> EventLoopFuture<Listener> {
        let counters = TransportCounters()
        let address = configuration.address
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try ChannelTuning.keepFromPrograms(channel) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: ChannelTuning.waterMark)
            .childChannelOption(.recvAllocator, value: ChannelTuning.receiveAllocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ChannelTuning.keepFromPrograms(channel)
                    try accept(channel, configuration, counters, logger, makeDelegate)
                }
            }
            .bind(host: address.host, port: Int(address.port))
            .flatMapErrorThrowing { error in
                throw TransportError.cannotListen(address: address.description, reason: SystemReason.text(error))
            }
            .map { channel in
                let port = channel.localAddress?.port.map { UInt16(truncatingIfNeeded: $0) } ?? address.port
                return Listener(
                    channel: channel,
                    address: NetworkAddress(host: address.host, port: port),
                    counters: counters
                )
            }
    }

    /// Accepts no more connections; those that are there stay.
    package func close() -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.close(promise: nil)
        channel.closeFuture.cascade(to: promise)
        return promise.futureResult
    }

    private static func accept(
        _ channel: any Channel,
        _ configuration: Configuration,
        _ counters: TransportCounters,
        _ logger: Logger,
        _ makeDelegate: @escaping @Sendable (Connection) -> any ConnectionDelegate
    ) throws {
        guard counters.tryOpen(limit: configuration.connectionLimit) else {
            let error = TransportError.tooManyConnections(limit: configuration.connectionLimit)
            counters.count(error.cause)
            logger.info(
                "connection refused",
                metadata: ["reason": "\(error)", "cause": "\(error.cause.rawValue)"]
            )
            throw error
        }
        channel.closeFuture.whenComplete { _ in counters.release() }
        let engine = try TLSEngine(context: configuration.tls(), side: .server, expecting: configuration.expecting)
        let connection = Connection(
            engine: engine,
            channel: channel,
            options: configuration.options,
            counters: counters,
            logger: logger,
            makeDelegate: makeDelegate,
            onOutcome: nil
        )
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}
