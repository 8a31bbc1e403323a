// Pemba: counting connections.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many connections there are and how those before them ended; for metrics and the connection cap.
///
/// Shared by all connections of a listener and read by other threads; touched when a connection is opened or closed and
/// never per frame.
package final class TransportCounters: Sendable {
    private struct State {
        var open = 0
        var accepted: UInt64 = 0
        var closed = [UInt64](repeating: 0, count: CloseCause.allCases.count)
    }

    private let state = Mutex(State())

    /// Starts at zero.
    package init() {}

    /// Connections that are open now, those in the handshake included.
    package var open: Int { state.withLock { $0.open } }

    /// Connections that were ever accepted, those over the cap not included.
    package var accepted: UInt64 { state.withLock { $0.accepted } }

    /// How many connections ended for that cause.
    package func closed(_ cause: CloseCause) -> UInt64 {
        state.withLock { $0.closed[TransportCounters.position(of: cause)] }
    }

    /// Counts a connection as open, unless there are `limit` already.
    func tryOpen(limit: Int) -> Bool {
        state.withLock { state in
            guard state.open < limit else { return false }
            state.open += 1
            state.accepted += 1
            return true
        }
    }

    /// Counts a connection as no longer open.
    func release() { state.withLock { $0.open -= 1 } }

    /// Counts why a connection ended.
    func count(_ cause: CloseCause) { state.withLock { $0.closed[TransportCounters.position(of: cause)] += 1 } }

    private static func position(of cause: CloseCause) -> Int {
        guard let position = CloseCause.allCases.firstIndex(of: cause) else {
            preconditionFailure("a cause that is not among all causes: \(cause)")
        }
        return position
    }
}
