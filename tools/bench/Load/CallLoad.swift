// Pemba: a load of calls.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import NIOCore
import Synchronization

/// Keeps a number of calls in flight: each task makes one after the other.
enum CallLoad {
    /// Runs until the window has passed and everything is answered; an error ends it early.
    ///
    /// The tasks run on the client's event loop, so that a call wakes no other thread.
    ///
    /// - Parameter call: makes the call with the given number, counted from 0.
    static func run(
        inFlight: Int,
        _ window: Window,
        on eventLoop: any EventLoop,
        _ call: @escaping @Sendable (_ number: Int) async throws -> Void
    ) async throws -> Latencies {
        let tally = Tally()
        try await withTaskExecutorPreference(LoopExecutor(eventLoop)) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<inFlight {
                    group.addTask {
                        var started = Window.now
                        while started < window.end {
                            try await call(tally.calls.add(1, ordering: .relaxed).oldValue)
                            let now = Window.now
                            if window.contains(now) { tally.latencies.withLock { _ = $0.record(now - started) } }
                            started = now
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        return tally.latencies.withLock { $0 }
    }
}

/// What the tasks of a load count together.
private final class Tally: Sendable {
    let calls = Atomic<Int>(0)
    let latencies = Mutex(Latencies.latencies())
}
