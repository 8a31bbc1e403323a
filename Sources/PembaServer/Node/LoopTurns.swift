// Pemba: queued work that alternates with the sockets.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore
package import NIOPosix
import Synchronization

/// Counts how often an event loop has run its tasks, which it does once each time that it has looked at its sockets.
package final class LoopLooks: NIOEventLoopMetricsDelegate {
    private let looks = Atomic<UInt64>(0)

    package init() {}

    /// The looks that were followed by tasks, but for the present one.
    package var count: UInt64 { looks.load(ordering: .relaxed) }

    package func processedTick(info: NIOEventLoopTickInfo) { looks.wrappingAdd(1, ordering: .relaxed) }
}

/// Work that takes milliseconds, in pieces: one piece for each time that the loop has looked at its sockets.
///
/// A loop goes on with tasks as long as any is due. Two kinds of work that each let the next piece follow at once, or one
/// whose pieces are called for by another thread, would keep it from its sockets for as long as they last: no heartbeat
/// would be heard and no request answered. So all pieces stand in one queue, and two are never done in a row.
///
/// Confined to the loop.
final class LoopTurns {
    /// How long the loop gets for its sockets: tasks that are due at once would run before it looks at them.
    private static let pause = TimeAmount.microseconds(20)

    private let loop: any EventLoop
    private let looks: LoopLooks
    private var waiting: Deque<() -> Void> = []
    private var isScheduled = false
    /// The count of looks at the last piece; nil before the first.
    private var lastLook: UInt64?

    init(loop: any EventLoop, looks: LoopLooks) {
        self.loop = loop
        self.looks = looks
    }

    /// Does a piece of work when its turn comes.
    ///
    /// There are few kinds of work, and each has at most one piece in the queue.
    func append(_ piece: @escaping () -> Void) {
        waiting.append(piece)
        schedule()
    }

    /// Drops what waits.
    func cancel() { waiting.removeAll() }

    private func schedule() {
        guard !isScheduled, !waiting.isEmpty else { return }
        isScheduled = true
        loop.assumeIsolated().scheduleTask(in: LoopTurns.pause) {
            self.isScheduled = false
            self.runNext()
        }
    }

    private func runNext() {
        let look = looks.count
        if look != lastLook, let piece = waiting.popFirst() {
            lastLook = look
            piece()
        }
        schedule()
    }
}
