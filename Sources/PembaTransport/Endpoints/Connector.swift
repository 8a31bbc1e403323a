// Pemba: the opening end of connections.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
package import Logging
package import NIOCore
package import PembaCore
package import PembaTLS
import Synchronization

/// Opens TLS connections.
package enum Connector {
    /// Connects and shakes hands; the future fails with a `TransportError`.
    ///
    /// It succeeds right after the delegate's `connectionDidOpen`. In TLS 1.3 the server looks at a client's certificate
    /// only after that: a refused one ends the open connection with `TLSError.refusedByPeer`.
    ///
    /// - Parameter makeDelegate: called on `loop` once the handshake is done.
    package static func connect(
        to address: NetworkAddress,
        tls: TLSContext,
        expecting: PeerExpectation,
        options: ConnectionOptions = ConnectionOptions(),
        counters: TransportCounters = TransportCounters(),
        on loop: SocketLoop,
        logger: Logger,
        makeDelegate: @escaping @Sendable (Connection) -> any ConnectionDelegate
    ) -> EventLoopFuture<Void> {
        let outcome = loop.makePromise(of: Void.self)
        let deadline = NIODeadline.now() + options.connectTimeout.amount
        @Sendable func fail(_ reason: String) {
            outcome.fail(TransportError.cannotConnect(address: address.description, reason: reason))
        }
        @Sendable func race(_ candidates: [SocketAddress]) {
            ConnectRace.run(candidates, deadline: deadline, on: loop) { result in
                switch result {
                case .failure(let error): fail(error.reason)
                case .success(let (socket, peer)):
                    do throws(TLSError) {
                        let connection = Connection(
                            engine: try TLSEngine(context: tls, side: .client, expecting: expecting),
                            socket: socket,
                            peer: peer,
                            on: loop,
                            options: options,
                            counters: counters,
                            logger: logger,
                            makeDelegate: makeDelegate,
                            onOutcome: { outcome.completeWith($0.mapError { $0 as any Error }) }
                        )
                        connection.begin()
                    } catch {
                        socket.close()
                        outcome.fail(TransportError.tls(error))
                    }
                }
            }
        }
        if let numeric = SocketAddress.numeric(address) {
            loop.execute { race([numeric]) }
        } else {
            // It fails as well if the loop ends meanwhile.
            let patience = loop.scheduleTask(deadline: deadline) {}
            patience.futureResult.whenComplete { result in
                if case .failure(EventLoopError.cancelled) = result { return }
                fail(SystemReason.text(ETIMEDOUT))
            }
            resolve(address, by: deadline) { result in
                patience.cancel()
                switch result {
                case .success(let found): loop.execute { race(found) }
                case .failure(let error): fail(error.reason)
                }
            }
        }
        return outcome.futureResult
    }

    /// Where name servers are waited for, by host: one look-up of a name at a time, and none waits for another name's, which
    /// may take longer than anybody has patience.
    private static let resolvers = Mutex<[String: DispatchQueue]>([:])

    private static func resolver(of host: String) -> DispatchQueue {
        resolvers.withLock { resolvers in
            if let queue = resolvers[host] { return queue }
            let queue = DispatchQueue(label: "pemba-resolver")
            resolvers[host] = queue
            return queue
        }
    }

    /// Asks the name servers, which may take long; no answer once `deadline` has passed, when nobody waits any more.
    private static func resolve(
        _ address: NetworkAddress,
        by deadline: NIODeadline,
        _ completion: @escaping @Sendable (Result<[SocketAddress], ResolutionError>) -> Void
    ) {
        resolver(of: address.host).async {
            guard NIODeadline.now() < deadline else { return }
            let result = Result { () throws(ResolutionError) in try SocketAddress.resolve(address) }
            if NIODeadline.now() < deadline { completion(result) }
        }
    }
}
