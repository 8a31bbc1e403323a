// Pemba: which call to the disk is outstanding, and since when.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import Synchronization

/// Watches the calls of one thread to a disk, for another that has to notice that the disk hangs (rule W8).
package final class DiskMonitor: Sendable {
    private let clock: @Sendable () -> Instant
    /// When the call that is outstanding began, in nanoseconds; 0: none is.
    private let begun = Atomic<UInt64>(0)

    /// Watches with this clock.
    package init(clock: @escaping @Sendable () -> Instant) { self.clock = clock }

    /// When the call that is outstanding began; nil: none is.
    package var waitingSince: Instant? {
        let begun = begun.load(ordering: .relaxed)
        return begun == 0 ? nil : Instant(nanoseconds: begun)
    }

    /// Makes one call.
    package func watch<Value>(_ call: () -> Value) -> Value {
        begun.store(clock().nanoseconds, ordering: .relaxed)
        defer { begun.store(0, ordering: .relaxed) }
        return call()
    }
}
