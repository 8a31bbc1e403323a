// Pemba: the opening end of connections.
// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOPosix
package import PembaCore
package import PembaTLS

/// Opens TLS connections.
package enum Connector {
    /// Connects and shakes hands; the future fails with a `TransportError`.
    ///
    /// It succeeds right after the delegate's `connectionDidOpen`. In TLS 1.3 the server looks at a client's certificate
    /// only after that: a refused one ends the open connection with `TLSError.refusedByPeer`.
    ///
    /// - Parameter makeDelegate: called on `eventLoop` once the handshake is done.
    package static func connect(
        to address: NetworkAddress,
        tls: TLSContext,
        expecting: PeerExpectation,
        options: ConnectionOptions = ConnectionOptions(),
        counters: TransportCounters = TransportCounters(),
        on eventLoop: any EventLoop,
        logger: Logger,
        makeDelegate: @escaping @Sendable (Connection) -> any ConnectionDelegate
    ) -> EventLoopFuture<Void> {
        let outcome = eventLoop.makePromise(of: Void.self)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(options.connectTimeout.amount)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: ChannelTuning.waterMark)
            .channelOption(.recvAllocator, value: ChannelTuning.receiveAllocator)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try ChannelTuning.keepFromPrograms(channel) }
            }
            .connect(host: address.host, port: Int(address.port))
            .flatMapErrorThrowing { error in
                throw TransportError.cannotConnect(address: address.description, reason: reason(error))
            }
            .flatMapThrowing { channel in
                // This runs in the turn of the loop in which the channel became active: nothing has happened on it yet.
                do {
                    let connection = Connection(
                        engine: try TLSEngine(context: tls, side: .client, expecting: expecting),
                        channel: channel,
                        options: options,
                        counters: counters,
                        logger: logger,
                        makeDelegate: makeDelegate,
                        onOutcome: { outcome.completeWith($0.mapError { $0 as any Error }) }
                    )
                    try channel.pipeline.syncOperations.addHandler(connection)
                } catch {
                    channel.close(promise: nil)
                    throw (error as? TLSError).map { TransportError.tls($0) } ?? error
                }
            }
            .whenFailure { outcome.fail($0) }
        return outcome.futureResult
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return SystemReason.text(first.error) }
            return "the host name has no address"
        case ChannelError.connectTimeout: return "no answer in time"
        default: return SystemReason.text(error)
        }
    }
}
