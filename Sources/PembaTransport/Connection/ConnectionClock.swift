// Pemba: what a connection has to have done by when.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore

/// The deadlines of one connection.
///
/// One timer serves them all. It is left alone while frames flow, looks at the deadlines when it fires, and sleeps on if
/// none has passed, so that no burst pays for setting it.
struct ConnectionClock {
    private let options: ConnectionOptions
    /// By when the peers must know each other; in the distant future once they do.
    private var handshakeDeadline = NIODeadline.distantFuture
    /// When the last frame was complete, or the handshake.
    ///
    /// Bytes that complete nothing do not count, so that a peer cannot stay by sending one now and then.
    private var lastFrame = NIODeadline.distantFuture
    /// When the frame was begun of which a part has arrived; nil if there is none.
    private var partialSince: NIODeadline?
    /// When the timer fires; never later than the next deadline.
    var armedFor = NIODeadline.distantFuture
    var timer: Scheduled<Void>?

    init(options: ConnectionOptions) { self.options = options }

    mutating func start(at now: NIODeadline) {
        handshakeDeadline = now + options.handshakeTimeout.amount
        lastFrame = now
    }

    mutating func stop() {
        timer?.cancel()
        timer = nil
        armedFor = .distantFuture
    }

    /// Takes the handshake or a frame as complete.
    mutating func frameCompleted(at now: NIODeadline) {
        handshakeDeadline = .distantFuture
        lastFrame = now
        partialSince = nil
    }

    /// Notes whether a part of a frame is there; true if that begins one now.
    mutating func frameIsPartial(_ isPartial: Bool) -> Bool {
        guard isPartial else {
            partialSince = nil
            return false
        }
        guard partialSince == nil else { return false }
        partialSince = .now()
        return true
    }

    /// The deadline that comes next.
    var nextDeadline: NIODeadline {
        guard handshakeDeadline == .distantFuture else { return handshakeDeadline }
        let idle = lastFrame + options.idleTimeout.amount
        guard let partialSince else { return idle }
        return min(idle, partialSince + options.frameTimeout.amount)
    }

    /// Which deadline has passed, if any.
    func expired(at now: NIODeadline) -> TransportError? {
        guard handshakeDeadline == .distantFuture else { return now >= handshakeDeadline ? .handshakeTimeout : nil }
        if let partialSince, now >= partialSince + options.frameTimeout.amount { return .frameTimeout }
        return now >= lastFrame + options.idleTimeout.amount ? .idleTimeout : nil
    }
}

extension TimeSpan {
    /// The span as NIO counts it; what does not fit is as good as forever.
    var amount: TimeAmount { .nanoseconds(Int64(clamping: nanoseconds)) }
}
