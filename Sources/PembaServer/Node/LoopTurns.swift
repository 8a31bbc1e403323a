// Pemba: queued work that alternates with the sockets.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore
import PembaTransport

/// Work that takes milliseconds, in pieces: one piece for each time that the loop has looked at its sockets.
///
/// Two kinds of work whose pieces were due in one turn would keep the loop from its sockets for as long as both take: no
/// heartbeat would be heard and no request answered. So all pieces stand in one queue, and two are never done in a row.
///
/// Confined to the loop.
final class LoopTurns {
    private let loop: SocketLoop
    private var waiting: Deque<() -> Void> = []
    private var isScheduled = false

    init(loop: SocketLoop) { self.loop = loop }

    /// Does a piece of work when its turn comes.
    ///
    /// There are few kinds of work, and each has at most one piece in the queue.
    func append(_ piece: @escaping () -> Void) {
        waiting.append(piece)
        schedule()
    }

    /// Drops what waits.
    func cancel() { waiting.removeAll() }

    /// What is handed to the loop during a turn is done in the next, after the sockets.
    private func schedule() {
        guard !isScheduled, !waiting.isEmpty else { return }
        isScheduled = true
        loop.assumeIsolated().execute {
            self.isScheduled = false
            if let piece = self.waiting.popFirst() { piece() }
            self.schedule()
        }
    }
}
