// Pemba: connecting to the first address that answers.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore

/// Connects to one of a host's addresses: each gets a head start on the next, and the first that answers wins.
///
/// After RFC 8305, "Happy Eyeballs", so that an address that leads nowhere costs a quarter of a second and not the whole
/// timeout. Confined to its loop; it keeps itself until it is over.
final class ConnectRace {
    /// An attempt under way.
    private final class Attempt: SocketUser {
        let socket: Socket
        private let race: ConnectRace
        var watch: SocketLoop.Watch?

        init(_ socket: Socket, _ race: ConnectRace) {
            self.socket = socket
            self.race = race
        }

        func socketIsReady(_ readiness: Readiness) { race.ended(self, socket.error) }

        func loopWillEnd() { race.end(.failure(SystemError(ECANCELED))) }

        /// Watches the socket no more.
        func leave() {
            if let watch { race.loop.unwatch(watch) }
            watch = nil
        }
    }

    /// How long an address is tried before the next is tried as well.
    private static let headStart = TimeAmount.milliseconds(250)

    private let loop: SocketLoop
    private let addresses: [SocketAddress]
    private let completion: (Result<(Socket, SocketAddress), SystemError>) -> Void
    private var next = 0
    private var attempts: [(attempt: Attempt, address: SocketAddress)] = []
    private var firstError: SystemError?
    private var timer: Scheduled<Void>?
    private var timeout: Scheduled<Void>?
    private var isOver = false

    private init(
        _ addresses: [SocketAddress],
        on loop: SocketLoop,
        _ completion: @escaping (Result<(Socket, SocketAddress), SystemError>) -> Void
    ) {
        self.addresses = addresses
        self.loop = loop
        self.completion = completion
    }

    /// Connects to one of `addresses`, and calls `completion` on the loop with a socket that is connected, or with the
    /// error of the first address; `ETIMEDOUT` if none answered until `deadline`.
    static func run(
        _ addresses: [SocketAddress],
        deadline: NIODeadline,
        on loop: SocketLoop,
        _ completion: @escaping (Result<(Socket, SocketAddress), SystemError>) -> Void
    ) {
        let race = ConnectRace(addresses, on: loop, completion)
        race.timeout = loop.assumeIsolated().scheduleTask(deadline: deadline) {
            race.end(.failure(SystemError(ETIMEDOUT)))
        }
        race.tryNext()
    }

    private func tryNext() {
        timer?.cancel()
        guard !isOver, next < addresses.count else { return }
        let address = addresses[next]
        next += 1
        do throws(SystemError) {
            let socket = try Socket(family: address.family)
            let attempt = Attempt(socket, self)
            attempts.append((attempt, address))
            do throws(SystemError) {
                try socket.sendAtOnce()
                if try socket.connect(to: address) { return ended(attempt, nil) }
                attempt.watch = try loop.watch(socket.descriptor, for: .writable, attempt)
            } catch {
                return ended(attempt, error)
            }
        } catch {
            return failed(error)
        }
        guard next < addresses.count else { return }
        timer = loop.assumeIsolated().scheduleTask(in: ConnectRace.headStart) { self.tryNext() }
    }

    private func ended(_ attempt: Attempt, _ error: SystemError?) {
        guard !isOver, let place = attempts.firstIndex(where: { $0.attempt === attempt }) else { return }
        let address = attempts.remove(at: place).address
        attempt.leave()
        guard let error else { return end(.success((attempt.socket, address))) }
        attempt.socket.close()
        failed(error)
    }

    private func failed(_ error: SystemError) {
        if firstError == nil { firstError = error }
        if next < addresses.count { return tryNext() }
        if attempts.isEmpty { end(.failure(firstError ?? error)) }
    }

    private func end(_ result: Result<(Socket, SocketAddress), SystemError>) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timeout?.cancel()
        for (attempt, _) in attempts {
            attempt.leave()
            attempt.socket.close()
        }
        attempts = []
        completion(result)
    }
}
